"""The bet by which two prompts' scores on the same inputs are compared. Pure.

The test is a betting martingale (Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting", JRSS B 86, 2024): a gambler who thinks that the candidate is better stakes a
share of his wealth on each pair. If the candidate is no better, his wealth can't be expected to
grow, and by Ville's inequality it reaches 1/alpha with a chance of alpha at most, whenever one
looks and however one decides to stop.

The stake fits noise: bold while every pair is won, as when a broken prompt is repaired; from the
first other pair on a mixture of a bold and a cautious one. It depends on earlier pairs alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import pi

SIGNIFICANCE_LEVEL = 0.05
# What an incident's first bet may spend of it, so that five whole wins decide, and all others.
FIRST_ALPHA = 0.0405
FURTHER_ALPHA = SIGNIFICANCE_LEVEL - FIRST_ALPHA
# Shares of a purse that are staked on each pair (docs/decisions/0037).
BOLD_STAKE = 0.9
CAUTIOUS_STAKE = 0.45
# What the bold purse keeps of the wealth at the first pair that isn't won.
BOLD_SHARE = 0.45
# A gain that counts as a pair won: half of a whole one.
WON = 0.5
# A difference in score that counts as a whole one: from failing to passing it is about that much.
FULL_DIFFERENCE = 0.5
# Differences below this are a tie when wins are counted; rules come in steps of 0.01.
TIE_MARGIN = 0.02
# Most pairs that a proof is made of.
MAX_PROVING = 24


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
        cautious: What of `now` lies in the cautious purse; nothing while every pair was won.
    """

    now: float = 1.0
    peak: float = 1.0
    cautious: float = 0.0

    @property
    def p_value(self) -> float:
        """Bound on the chance of such a peak if the candidate is no better, in (0, 1]."""
        return 1 / self.peak

    def reaches(self, alpha: float = SIGNIFICANCE_LEVEL) -> bool:
        """Tell whether the wealth was ever enough at this error rate, whatever was lost later."""
        return self.peak >= 1 / alpha

    def could_reach(self, pairs_left: int, alpha: float = SIGNIFICANCE_LEVEL) -> bool:
        """Tell whether so many further pairs could be enough, if every one were a whole win."""
        most = self
        for _ in range(pairs_left):
            if most.reaches(alpha):
                return True
            most = most.after(1)
        return most.reaches(alpha)

    def after(self, gain: float, *, stake: float | None = None) -> "Wealth":
        """Bet on one more gain.

        Args:
            gain: A difference in [-1, 1].
            stake: One share of the wealth for every pair, in [0, 1), in place of the two purses.

        Raises:
            ValueError: If the gain is NaN or outside [-1, 1].
        """
        if not -1 <= gain <= 1:
            raise ValueError(f"gain must be in [-1, 1], not {gain}")
        bold_stake = BOLD_STAKE if stake is None else stake
        bold = (self.now - self.cautious) * (1 + bold_stake * gain)
        cautious = self.cautious * (1 + CAUTIOUS_STAKE * gain)
        now = bold + cautious
        if stake is None and gain < WON and self.cautious == 0:
            cautious = (1 - BOLD_SHARE) * now
        return Wealth(now, max(self.peak, now), cautious)


def follow_wealth(
    gains: Iterable[float], *, direction: int = 1, stake: float | None = None
) -> Iterator[float]:
    """Give the wealth after each bet, of a gambler who began with 1.

    Args:
        gains: Differences in [-1, 1], in the order in which they were measured.
        direction: 1 to bet on gains, -1 to bet on losses.
        stake: As for `Wealth.after`.

    Raises:
        ValueError: If a gain is NaN or outside [-1, 1].
    """
    wealth = Wealth()
    for gain in gains:
        wealth = wealth.after(direction * gain, stake=stake)
        yield wealth.now


def play(gains: Iterable[float], *, direction: int = 1, stake: float | None = None) -> Wealth:
    """Bet on each gain in turn; arguments and errors are those of `follow_wealth`."""
    wealth = Wealth()
    for gain in gains:
        wealth = wealth.after(direction * gain, stake=stake)
    return wealth


def alpha_of(number: int) -> float:
    """Return the error rate of one of many bets, counted from 1; all of them add up to 0.05.

    So texts share that of an incident, and confirmations that of a watch.
    """
    if number == 1:
        return FIRST_ALPHA
    return FURTHER_ALPHA * 6 / (pi * (number - 1)) ** 2


def wins_needed(*, losses: int = 0, alpha: float = SIGNIFICANCE_LEVEL) -> int:
    """Count the whole wins that it takes to decide, if so many whole losses come first."""
    wealth = play([-1.0] * losses)
    wins = 0
    while not wealth.could_reach(wins, alpha):
        wins += 1
    return wins
