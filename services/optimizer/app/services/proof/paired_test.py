"""Decides from two prompts' scores on the same inputs whether one is better. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from services.common.proof.betting import PairedScore, play, wins_needed
from services.optimizer.app.services.proof.wagers import NO_BETTER, Wager

GUARDS_PER_FAILURE = 10

BETTER, NOT_BETTER, UNDECIDED = "better", NO_BETTER, "undecided"
RESET, LEARNED, UNLABELLED = "reset", "learned", "unlabelled"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the candidate is better, and the figures behind it.

    Attributes:
        reason: `better`, `not_better`, or `undecided` while more pairs could change it.
        wins: Of the pairs of this heal, as are losses and means.
        e_value: Wealth after the last pair, at least 0, with what earlier heals won and lost.
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
    pairs: Sequence[PairedScore], *, pairs_left: int = 0, wager: Wager | None = None
) -> Decision:
    """Judge one candidate on inputs that had no part in choosing it; valid at every look.

    A tie, and no pairs at all, leave the incumbent, which is the older text.

    Args:
        pairs: In the order in which they were planned, as far as they were measured.
        pairs_left: How many more could be measured.
        wager: What the pairs are part of, they themselves included; None for a bet on them alone.
    """
    if wager is None:
        wager = Wager(gains=tuple(pair.gain for pair in pairs))
    wealth = wager.wealth
    if wealth.reaches(wager.alpha):
        reason = BETTER
    elif wager.goes_on(pairs_left, bet_now=len(pairs)):
        reason = UNDECIDED
    else:
        reason = NOT_BETTER
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
