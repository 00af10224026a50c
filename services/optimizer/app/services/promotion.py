"""The gate: decides from paired scores whether a candidate may serve. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean

SIGNIFICANCE_LEVEL = 0.05
# Scores nearer than this are a tie: rules come in steps of 0.03 at least.
TIE_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class PairedScore:
    """Both prompts' scores on one input, in [0, 1]."""

    input_id: str
    incumbent: float
    candidate: float

    @property
    def sign(self) -> int:
        """1 where the candidate does better, -1 where it does worse, 0 for a tie."""
        difference = self.candidate - self.incumbent
        return 0 if abs(difference) <= TIE_MARGIN else 1 if difference > 0 else -1


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to promote, and the figures behind it.

    Attributes:
        promote: Whether the candidate may serve.
        reason: `better`, or why not.
        wins: Inputs on which the candidate does better.
        losses: Inputs on which it does worse.
        p_value: Chance of so many wins or more if both were equally good, in (0, 1].
        incumbent_mean: Mean score, in [0, 1].
        candidate_mean: Mean score, in [0, 1].
    """

    promote: bool
    reason: str
    wins: int
    losses: int
    p_value: float
    incumbent_mean: float
    candidate_mean: float

    @property
    def improvement_pct(self) -> float:
        """Percentage points won: 100 x (candidate's mean - incumbent's)."""
        return 100 * (self.candidate_mean - self.incumbent_mean)


def sign_test(wins: int, losses: int) -> float:
    """One-sided exact sign test (Dixon and Mood, 1946).

    Args:
        wins: Pairs that speak for the candidate, at least 0.
        losses: Pairs that speak against it, at least 0.

    Returns:
        Probability of `wins` or more of `wins + losses` under even odds, in (0, 1].
    """
    pairs = wins + losses
    return float(sum(comb(pairs, successes) for successes in range(wins, pairs + 1)) / 2**pairs)


def can_decide(pairs: int) -> bool:
    """Whether so many pairs could show a gain at all, were every one of them a win."""
    return sign_test(pairs, 0) <= SIGNIFICANCE_LEVEL


def decide(pairs: Sequence[PairedScore]) -> Decision:
    """Judge one candidate on inputs that had no part in choosing it.

    Without pairs there is nothing to decide on, and the incumbent stays.
    """
    if not pairs:
        return Decision(False, "no_replay_succeeded", 0, 0, 1.0, 0.0, 0.0)
    wins = sum(pair.sign > 0 for pair in pairs)
    losses = sum(pair.sign < 0 for pair in pairs)
    p_value = sign_test(wins, losses)
    incumbent = fmean(pair.incumbent for pair in pairs)
    candidate = fmean(pair.candidate for pair in pairs)
    if candidate <= incumbent:
        reason = "not_better"
    elif p_value > SIGNIFICANCE_LEVEL:
        reason = "no_significant_gain"
    else:
        reason = "better"
    return Decision(reason == "better", reason, wins, losses, p_value, incumbent, candidate)
