"""Decides from two prompts' scores on the same inputs whether one is better. Pure.

The test is a betting martingale (Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting", JRSS B 86, 2024): a gambler who thinks that the candidate is better stakes a
share of his wealth on each pair. If the candidate is no better, his wealth can't be expected to
grow, and by Ville's inequality it reaches 1/alpha with a chance of alpha at most, whenever one
looks and however one decides to stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

SIGNIFICANCE_LEVEL = 0.05
# The share of the wealth that is staked on each pair (docs/decisions/0014).
STAKE = 0.9
# A difference in score that counts as a whole one: from failing to passing it is about that much.
FULL_DIFFERENCE = 0.5
# Differences below this are a tie when wins are counted; rules come in steps of 0.01.
TIE_MARGIN = 0.02
GUARDS_PER_FAILURE = 10

BETTER, NOT_BETTER, UNDECIDED = "better", "not_better", "undecided"
RESET, LEARNED, UNLABELLED = "reset", "learned", "unlabelled"


@dataclass(frozen=True, slots=True)
class PairedScore:
    """Both prompts' scores on one input, in [0, 1].

    Raises:
        ValueError: If a score is NaN or outside [0, 1]: NaN would count as a whole win.
    """

    input_id: str
    incumbent: float
    candidate: float

    def __post_init__(self) -> None:
        for arm, score in (("incumbent", self.incumbent), ("candidate", self.candidate)):
            if not 0 <= score <= 1:
                raise ValueError(f"{arm} must be in [0, 1], not {score}")

    @property
    def gain(self) -> float:
        """What the candidate wins on this input, in [-1, 1]; half a point of score is a whole.

        So an answer that fails badly counts as one that fails, on either side.
        """
        difference = (self.candidate - self.incumbent) / FULL_DIFFERENCE
        return max(-1.0, min(1.0, difference))

    @property
    def sign(self) -> int:
        """1 where the candidate does better, -1 where it does worse, 0 for a tie."""
        difference = self.candidate - self.incumbent
        return 0 if abs(difference) <= TIE_MARGIN else 1 if difference > 0 else -1


@dataclass(frozen=True, slots=True)
class Wealth:
    """What the bets came to.

    Attributes:
        now: Wealth after the last pair, at least 0; the gambler began with 1. An e-value: if the
            candidate is no better, at most 1 is expected of it, whenever the betting stopped.
        peak: Its highest so far, at least 1. Not an e-value: more than 1 is expected of it.
    """

    now: float = 1.0
    peak: float = 1.0

    @property
    def p_value(self) -> float:
        """Bound on the chance of such a peak if the candidate is no better, in (0, 1]."""
        return 1 / self.peak

    def reaches(self, alpha: float = SIGNIFICANCE_LEVEL) -> bool:
        """Tell whether the wealth was ever enough at this error rate, whatever was lost later."""
        return self.peak >= 1 / alpha

    def could_reach(self, pairs_left: int, alpha: float = SIGNIFICANCE_LEVEL) -> bool:
        """Tell whether so many further pairs could be enough, if every one were a whole win."""
        return self.reaches(alpha) or float(self.now * (1 + STAKE) ** pairs_left) >= 1 / alpha


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


def play(gains: Sequence[float], *, direction: int = 1, stake: float = STAKE) -> Wealth:
    """Bet on each gain in turn.

    Args:
        gains: Differences in [-1, 1], in the order in which they were measured.
        direction: 1 to bet on gains, -1 to bet on losses.
        stake: Share of the wealth on each gain, in [0, 1).

    Raises:
        ValueError: If a gain is NaN or outside [-1, 1].
    """
    now = peak = 1.0
    for gain in gains:
        if not -1 <= gain <= 1:
            raise ValueError(f"gain must be in [-1, 1], not {gain}")
        now *= 1 + direction * stake * gain
        peak = max(peak, now)
    return Wealth(now, peak)


def pairs_needed(alpha: float = SIGNIFICANCE_LEVEL) -> int:
    """Count the whole wins in a row that it takes to decide."""
    pairs = 0
    while not Wealth(now=1.0).could_reach(pairs, alpha):
        pairs += 1
    return pairs


def can_decide(pairs: int) -> bool:
    """Tell whether so many pairs could show a gain at all, if every one were a whole win."""
    return pairs >= pairs_needed()


def decide(pairs: Sequence[PairedScore], *, pairs_left: int = 0) -> Decision:
    """Judge one candidate on inputs that had no part in choosing it; valid at every look.

    A tie, and no pairs at all, leave the incumbent, which is the older text.

    Args:
        pairs: In the order in which they were planned, as far as they were measured.
        pairs_left: How many more could be measured.
    """
    gains = [pair.gain for pair in pairs]
    wealth = play(gains)
    if wealth.reaches():
        reason = BETTER
    elif not wealth.could_reach(pairs_left):
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


@dataclass(frozen=True, slots=True)
class Damage:
    """What the candidate breaks among inputs that passed in traffic lately.

    Attributes:
        checked: Guard inputs on which the candidate was run.
        newly_failing: Those that the incumbent passes and the candidate fails, both run now.
    """

    checked: int
    newly_failing: tuple[str, ...]
    allowed: int

    @property
    def is_bearable(self) -> bool:
        """Whether the candidate may serve in spite of it."""
        return len(self.newly_failing) <= self.allowed


def assess_damage(
    incumbent: Mapping[str, bool], candidate: Mapping[str, bool], *, max_newly_failing: int
) -> Damage:
    """Compare passes on guard inputs.

    Args:
        incumbent: Whether the incumbent passes, by input; it is only asked where the candidate
            fails, and where it isn't known, it is taken to pass.
        max_newly_failing: How many of ten inputs may newly fail; of fewer than ten as many, and
            of each further full ten as many again.
    """
    failing = tuple(name for name, passes in candidate.items() if not passes)
    tens = max(1, len(candidate) // GUARDS_PER_FAILURE)
    return Damage(
        checked=len(candidate),
        newly_failing=tuple(name for name in failing if incumbent.get(name, True)),
        allowed=max_newly_failing * tens,
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
