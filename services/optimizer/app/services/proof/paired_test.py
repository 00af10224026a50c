"""Decides from two prompts' scores on the same inputs whether one is better. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from services.common.proof.betting import (
    SIGNIFICANCE_LEVEL,
    PairedScore,
    play,
    wins_needed,
)

BETTER, NOT_BETTER, UNDECIDED = "better", "not_better", "undecided"
RESET, LEARNED, UNLABELLED = "reset", "learned", "unlabelled"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the candidate is better, and the figures behind it.

    Attributes:
        reason: `better`, `not_better`, or `undecided` while more pairs could change it.
        e_value: Wealth after the last pair, at least 0.
        p_value: 1 / the wealth's peak, in (0, 1]; valid at every look. It decides, not the e-value.
        incumbent_mean: Mean score, in [0, 1]; None without pairs.
        candidate_mean: Mean score, in [0, 1]; None without pairs.
    """

    promote: bool
    reason: str
    wins: int
    losses: int
    e_value: float
    p_value: float
    incumbent_mean: float | None
    candidate_mean: float | None

    @property
    def improvement_pct(self) -> float:
        """Percentage points won: 100 x (candidate's mean - incumbent's); 0 without pairs."""
        if self.candidate_mean is None or self.incumbent_mean is None:
            return 0.0
        return 100 * (self.candidate_mean - self.incumbent_mean)


def can_decide(pairs: int) -> bool:
    """Tell whether so many pairs could show a gain at all, if every one were a whole win."""
    return pairs >= wins_needed()


def decide(
    pairs: Sequence[PairedScore], *, pairs_left: int = 0, alpha: float = SIGNIFICANCE_LEVEL
) -> Decision:
    """Judge one candidate on inputs that had no part in choosing it; valid at every look.

    A tie, and no pairs at all, leave the incumbent, which is the older text.

    Args:
        pairs: In the order in which they were planned, as far as they were measured.
        pairs_left: How many more could be measured.
        alpha: The chance of a false `better` that this test may have, in (0, 1).
    """
    gains = [pair.gain for pair in pairs]
    wealth = play(gains)
    if wealth.reaches(alpha):
        reason = BETTER
    elif not wealth.could_reach(pairs_left, alpha):
        reason = NOT_BETTER
    else:
        reason = UNDECIDED
    return Decision(
        promote=reason == BETTER,
        reason=reason,
        wins=sum(pair.sign > 0 for pair in pairs),
        losses=sum(pair.sign < 0 for pair in pairs),
        e_value=wealth.now,
        p_value=wealth.p_value,
        incumbent_mean=fmean(pair.incumbent for pair in pairs) if pairs else None,
        candidate_mean=fmean(pair.candidate for pair in pairs) if pairs else None,
    )


def label_repair(against_nothing: Sequence[PairedScore]) -> str:
    """Tell a repair that taught something from one that only removed the harm.

    Args:
        against_nothing: The empty prompt's scores (as incumbent) and the candidate's.

    Returns:
        `learned` where the candidate is shown to be better than no prompt at all, `reset` where
        it isn't, `unlabelled` without pairs.
    """
    if not against_nothing:
        return UNLABELLED
    return LEARNED if play([pair.gain for pair in against_nothing]).reaches() else RESET
