"""What the demo measured, and whether it shows what it claims. Pure."""

from dataclasses import dataclass
from statistics import fmean
from typing import Any

from services.common.schemas import AgentResponse

BROKEN_BELOW = 0.5
RECOVERED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the story: the same requests, under the prompt of the moment.

    Attributes:
        title: `before`, `broken` or `healed`.
        responses: The answers, in order.
        seconds: Time that they took together.
        model_calls: Calls of the Worker's model, those of the Optimizer's replays included.
    """

    title: str
    responses: tuple[AgentResponse, ...]
    seconds: float
    model_calls: int

    @property
    def mean_score(self) -> float:
        """Mean score in [0, 1]."""
        return fmean(response.evaluation_score for response in self.responses)

    @property
    def passes(self) -> int:
        """How many answers passed."""
        return sum(response.evaluation_passed for response in self.responses)

    @property
    def prompt_version(self) -> int:
        """Version that served the last answer."""
        return self.responses[-1].prompt_version


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole story, as it was measured.

    `report` is the repair's row of `optimization_reports`; None where nothing was repaired.
    """

    before: Act
    broken: Act
    healed: Act
    report: dict[str, Any] | None
    optimizer_seconds: float

    @property
    def recovered_share(self) -> float:
        """Share of the lost score that was won back; 1 is all of it."""
        lost = self.before.mean_score - self.broken.mean_score
        return (self.healed.mean_score - self.broken.mean_score) / lost if lost > 0 else 0.0

    def find_problems(self) -> list[str]:
        """List what keeps the story from being true; empty where it is."""
        problems = []
        if self.broken.mean_score >= BROKEN_BELOW:
            problems.append(
                f"the bad prompt did not break the model: mean score {self.broken.mean_score:.3f}"
            )
        if self.report is None:
            problems.append("the Optimizer activated no repair")
        elif self.healed.prompt_version != self.report["after_prompt_version"]:
            problems.append(
                f"version {self.healed.prompt_version} serves, not the repaired "
                f"{self.report['after_prompt_version']}"
            )
        if self.recovered_share < RECOVERED_SHARE:
            problems.append(
                f"only {self.recovered_share:.0%} of the lost score was won back, "
                f"not {RECOVERED_SHARE:.0%}"
            )
        return problems

    def explain_repair(self) -> str:
        """Say in one line what was repaired, and why that is believed."""
        if self.report is None:
            return "Nothing was repaired."
        verdict = self.report["failure_analysis"]["verdict"]
        return (
            f"Prompt v{self.report['before_prompt_version']} "
            f'("{_first_line(self.report["before_prompt_content"])}") was replaced by '
            f"v{self.report['after_prompt_version']} ({verdict['strategy']}). Believed because on "
            f"{verdict['wins'] + verdict['losses']} replayed inputs that had no part in choosing "
            f"it, it did better on {verdict['wins']} and worse on {verdict['losses']} "
            f"(mean {verdict['incumbent_mean']:.3f} to {verdict['candidate_mean']:.3f}; "
            f"by chance that happens in {verdict['p_value']:.1%} at most)."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the whole outcome as JSON values for a script."""
        acts = {
            act.title: {
                "mean_score": act.mean_score,
                "passes": act.passes,
                "requests": len(act.responses),
                "prompt_version": act.prompt_version,
                "seconds": round(act.seconds, 2),
                "model_calls": act.model_calls,
                "model": act.responses[-1].model,
            }
            for act in (self.before, self.broken, self.healed)
        }
        return {
            **acts,
            "recovered_share": self.recovered_share,
            "optimizer_seconds": round(self.optimizer_seconds, 2),
            "repair": self.explain_repair(),
            "problems": self.find_problems(),
        }


def _first_line(text: str, most: int = 60) -> str:
    line = text.split("\n", maxsplit=1)[0]
    return line if len(line) <= most else line[: most - 3] + "..."
