"""Records of runs and measurements, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

# Means of scores nearer than this are the same: rules come in steps of 0.01 at least.
SAME_SCORE: Final = 0.01
# A regression is recovered where so much of the lost score is won back.
RECOVERED_SHARE: Final = 0.9
REGRESSION: Final = "regression"
CONTROL: Final = "control"
FAULT: Final = "fault"
PROMPT: Final = "prompt"
# Attributions after which a repair is looked for, so that the prompt may change at all.
REPAIRABLE: Final = (PROMPT, "drift")


@dataclass(frozen=True, slots=True)
class Measurement:
    """Scores of a prompt on the held-out inputs.

    Attributes:
        mean: Mean score in [0, 1], of what was scored.
        passed: Inputs whose answer passed.
        scored: Inputs whose answer could be scored.
        passes: Whether each input passed, in order; None where it was unscored.
    """

    mean: float
    passed: int
    scored: int
    passes: tuple[bool | None, ...] = ()

    def newly_failing(self, before: "Measurement") -> int:
        """Count the inputs that fail here and passed under another prompt."""
        pairs = zip(before.passes, self.passes, strict=True)
        return sum(old is True and new is False for old, new in pairs)


@dataclass(frozen=True, slots=True)
class NaiveResult:
    """Result of the naive healer in the same place: one rewrite, activated unproven.

    Attributes:
        triggered: Whether three scored failures came together.
        after: Mean held-out score of its rewrite, in [0, 1].
    """

    triggered: bool
    after: float


@dataclass(slots=True)
class RunRecord:
    """Everything that one run of a scenario showed.

    Attributes:
        group: `regression`, `control` or `fault`.
        scenario: Its name.
        kind: Its kind.
        mode: With a good version in history or without; empty for faults.
        seed: What decides inputs, order and moment.
        verdicts: The attributions that are right; empty where none is asked for.
        good: Mean held-out score of the seed prompt, in [0, 1].
        before: Mean held-out score of what served when the Optimizer came, in [0, 1].
        after: Mean held-out score of what it promoted, in [0, 1]; None where it promoted nothing.
        naive: What the naive healer does.
        empty: Mean held-out score of no prompt at all, in [0, 1]; None where it wasn't measured.
        looked_into: Whether the Optimizer left a record of having looked into it.
        requests_until_detection: Requests under the fault until then.
        verdict: Its first attribution; empty where there is none.
        reasons: How its runs ended, in order.
        strategy: Where the promoted text comes from.
        outlived_watch: Whether a promoted text that does harm still served in the end.
        calls: Worker calls of each of its runs.
        heal_seconds: Seconds of each of its runs.
        promoting: Which of its runs promoted; None for none.
        seconds_to_serving: From the third failing row to the new version's activation.
        active_prompts: How many prompts of the task type were active in the end.
        error: What the Optimizer ended with; empty where it ended well.
        seconds: Wall time of the run.
    """

    group: str
    scenario: str
    kind: str
    mode: str
    seed: int
    verdicts: tuple[str, ...]
    good: float
    before: float
    naive: NaiveResult
    empty: float | None = None
    after: float | None = None
    looked_into: bool = False
    requests_until_detection: int | None = None
    verdict: str = ""
    reasons: list[str] = field(default_factory=list)
    strategy: str = ""
    outlived_watch: bool = False
    calls: list[int] = field(default_factory=list)
    heal_seconds: list[float] = field(default_factory=list)
    promoting: int | None = None
    seconds_to_serving: float | None = None
    active_prompts: int = 1
    error: str = ""
    seconds: float = 0.0

    @property
    def promoted(self) -> bool:
        """Tell whether the Optimizer changed the prompt."""
        return self.promoting is not None

    @property
    def is_innocent(self) -> bool:
        """Whether the prompt is one to be left alone: not a bad one, as some faults begin with."""
        return self.group != REGRESSION and PROMPT not in self.verdicts

    @property
    def sought_repair(self) -> bool:
        """Whether the Optimizer looked for a repair; where it didn't, nothing could be changed."""
        return self.promoted or self.verdict in REPAIRABLE

    @property
    def promoting_calls(self) -> int | None:
        """Worker calls of the run that promoted."""
        return None if self.promoting is None else self.calls[self.promoting]

    @property
    def promoting_seconds(self) -> float | None:
        """Wall time of the run that promoted."""
        return None if self.promoting is None else self.heal_seconds[self.promoting]

    @property
    def recovered_share(self) -> float:
        """Share of the lost score won back; 0 where nothing was promoted, 1 for all of it."""
        return 0.0 if self.after is None else share_recovered(self.good, self.before, self.after)

    @property
    def naive_share(self) -> float:
        """The same for the naive healer."""
        if not self.naive.triggered:
            return 0.0
        return share_recovered(self.good, self.before, self.naive.after)

    @property
    def is_harmful(self) -> bool:
        """Tell whether the promoted prompt does worse than the one that it replaced."""
        return self.after is not None and self.after < self.before - SAME_SCORE

    @property
    def is_naive_harmful(self) -> bool:
        """The same for the naive healer."""
        return self.naive.triggered and self.naive.after < self.before - SAME_SCORE

    @property
    def is_false_heal(self) -> bool:
        """Tell whether a prompt was changed that wasn't to blame, and not for the better.

        Where a fault leaves room for a better prompt, such as after a change of the model, a
        promotion is false only if it is no better on held-out inputs; on controls it always is.
        """
        if not self.promoted:
            return False
        return self.group != FAULT or self._is_no_better(self.after)

    @property
    def is_naive_false_heal(self) -> bool:
        """The same for the naive healer."""
        if not self.naive.triggered:
            return False
        return self.group != FAULT or self._is_no_better(self.naive.after)

    @property
    def is_attributed_right(self) -> bool | None:
        """Tell whether the attribution is right; None where the Optimizer gave none."""
        return self.verdict in self.verdicts if self.verdict and self.verdicts else None

    @property
    def title(self) -> str:
        """Title that identifies the run."""
        return " / ".join(filter(None, (self.scenario, self.mode, f"seed {self.seed}")))

    @property
    def remark(self) -> str:
        """Remark for a developer who looks at the run; empty where all is as it should be."""
        remarks = []
        if self.group == REGRESSION and self.recovered_share < RECOVERED_SHARE:
            how = self.strategy or "; ".join(self.reasons) or "nothing was done"
            remarks.append(f"{self.recovered_share:.0%} won back ({how})")
        if self.group != REGRESSION and self.is_false_heal:
            remarks.append(f"false heal by {self.strategy}: {self.before:.3f} to {self.after:.3f}")
        if self.is_harmful:
            remarks.append("harmful" + (", outlived the watch" if self.outlived_watch else ""))
        if self.is_attributed_right is False:
            remarks.append(f"blamed {self.verdict}, not {' or '.join(self.verdicts)}")
        if self.verdicts and not self.looked_into:
            remarks.append("never looked into")
        if self.active_prompts != 1:
            remarks.append(f"{self.active_prompts} prompts are active")
        return ", ".join([*remarks, *([f"ended in {self.error}"] if self.error else [])])

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values for JSON, with what follows from them."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "naive"}
        return plain | {
            "naive": {"triggered": self.naive.triggered, "after": self.naive.after},
            "promoted": self.promoted,
            "recovered_share": self.recovered_share,
            "harmful": self.is_harmful,
            "false_heal": self.group != REGRESSION and self.is_false_heal,
            "attributed_right": self.is_attributed_right,
        }

    def _is_no_better(self, after: float | None) -> bool:
        return after is None or after <= self.before + SAME_SCORE


def read_record(plain: Mapping[str, Any]) -> RunRecord:
    """Read what `as_json` wrote.

    Raises:
        KeyError: If something is missing.
    """
    # What no prompt earns isn't in the first results.
    values = {one.name: plain[one.name] for one in fields(RunRecord) if one.name != "empty"}
    values["empty"] = plain.get("empty")
    naive = NaiveResult(**plain["naive"])
    return RunRecord(**(values | {"verdicts": tuple(plain["verdicts"]), "naive": naive}))


def share_recovered(good: float, bad: float, healed: float) -> float:
    """Compute the share of the lost score that was won back; over 1 if the prompt got better yet.

    Raises:
        ZeroDivisionError: If nothing was lost.
    """
    return (healed - bad) / (good - bad)
