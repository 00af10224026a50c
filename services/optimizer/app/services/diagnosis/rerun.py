"""What the prompts do when they are run again, and how sure that makes one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.proof.intervals import binomial_tail, fisher_tail, rate_bounds
from services.common.record.surprise import Record
from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult

# A bound on a share is wrong in at most one of eight cases, on either side.
LEVEL = 0.125
# A few odd inputs are of fewer kinds than this, however often they come.
MANY_CLUSTERS = 3

SHOWN_GOOD, SHOWN_POOR, UNTOLD = "good", "poor", "untold"


@dataclass(frozen=True, slots=True)
class Replays:
    """What the prompts do when they are run again on the choosing inputs.

    Attributes:
        incumbent: Results of the prompt that fails, by input id.
        last_good: The last prompt that served well, or was never tried; None where there is none.
        under_last_good: Its results.
    """

    inputs: Sequence[ReplayInput]
    incumbent: Mapping[str, ReplayResult]
    last_good: PastPrompt | None = None
    under_last_good: Mapping[str, ReplayResult] = field(default_factory=dict)
    failing_clusters: int = MANY_CLUSTERS

    def passes(self, results: Mapping[str, ReplayResult], *sources: str) -> Record:
        """Count how many inputs from such sources a prompt passes."""
        known = [
            results[item.id].passed
            for item in self.inputs
            if item.source in sources and item.id in results
        ]
        return Record(len(known), sum(known))

    def compare(self) -> "Comparison | None":
        """Compare with the last good prompt, on what both were scored on; None without one."""
        if self.last_good is None:
            return None
        last_good, incumbent = self.under_last_good, self.incumbent
        shared = [item.id for item in self.inputs if item.id in incumbent and item.id in last_good]
        old = [last_good[name].passed for name in shared]
        new = [incumbent[name].passed for name in shared]
        return Comparison(
            Record(len(shared), sum(old)),
            Record(len(shared), sum(new)),
            wins=sum(was and not now for was, now in zip(old, new, strict=True)),
            losses=sum(now and not was for was, now in zip(old, new, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last good prompt and the incumbent on the same inputs.

    Attributes:
        wins: Inputs that the last good prompt alone passes.
        losses: Inputs that the incumbent alone passes.
    """

    old: Record
    new: Record
    wins: int
    losses: int

    @property
    def seems_better(self) -> bool:
        """Whether the last good prompt does better on these inputs, by chance or not."""
        return self.wins > self.losses

    @property
    def is_shown_better(self) -> bool:
        """Whether chance is a poor explanation of it, by the sign test."""
        decided = self.wins + self.losses
        return self.seems_better and binomial_tail(self.wins, decided, 0.5) <= LEVEL


def judge_record(record: Record, bar: float, least: float) -> str:
    """Tell whether a pass rate is shown to be at least a bar, or below the least, or neither.

    Args:
        bar: In (0, 1).
        least: In (0, 1), at most the bar.

    Returns:
        `good` where the lower bound reaches the bar, `poor` where the upper one is below the least.
    """
    if record.scored and binomial_tail(record.passed, record.scored, bar) <= LEVEL:
        return SHOWN_GOOD
    if binomial_tail(record.failed, record.scored, 1 - least) <= LEVEL:
        return SHOWN_POOR
    return UNTOLD


def is_harder(record: Record, other: Record) -> bool:
    """Tell whether some inputs are shown to pass less often than others."""
    chance = fisher_tail(record.passed, record.scored, other.passed, other.scored)
    return chance <= LEVEL


def bound_record(record: Record) -> dict[str, Any]:
    """Give the bounds of a pass rate as the report has them."""
    low, high = rate_bounds(record.passed, record.scored, level=LEVEL)
    return {"at_least": round(low, 3), "at_most": round(high, 3)}
