"""Wagers of an incident: evidence that is carried from heal to heal, and its error rates. Pure.

An incident's wagers spend 0.05 together: the first text is judged at 0.0405, so that five whole
wins decide, the j-th further one at 0.0095 x 6 / (pi j)^2. Each wager is a test martingale over the
whole incident, so by Ville's inequality and a union bound the chance that anything no better is
ever promoted in an incident is at most 0.05, however many heals there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from services.common.proof.betting import (
    FIRST_ALPHA,
    MAX_PROVING,
    SIGNIFICANCE_LEVEL,
    WON,
    Wealth,
    alpha_of,
    play,
    wins_needed,
)
from services.common.text import digest_text
from services.optimizer.app.services.proof.replay_results import ReplayInput

# Fresh inputs that are worth a heal's calls: as many as could decide at best.
LEAST_FRESH = wins_needed(alpha=FIRST_ALPHA)
# A text that has won none of so many inputs makes room for others, and one that has won nothing in
# the mean of so many: a few of the better ones begin badly.
ENOUGH_WITHOUT_WIN, ENOUGH_WITHOUT_GAIN = 16, 48

NO_BETTER, INPUTS_USED_UP = "not_better", "inputs_used_up"


@dataclass(frozen=True)
class Wager:
    """A bet that one text is better than another, as far as it has gone.

    Attributes:
        alpha: The error rate at which it is decided.
        gains: What it was bet on so far, in order, each in [-1, 1].
        seen: Fingerprints of inputs that it is never bet on again: it was, or the text was written
            or chosen on them.
        number: Counts the incident's wagers; 0 for a bet that belongs to none.
    """

    alpha: float = SIGNIFICANCE_LEVEL
    gains: tuple[float, ...] = ()
    seen: frozenset[str] = field(default_factory=frozenset)
    number: int = 0
    id: int = 0

    @cached_property
    def wealth(self) -> Wealth:
        """What its bets came to."""
        return play(self.gains)

    @cached_property
    def is_lost(self) -> bool:
        """Whether it is worth no further calls: shown worse, or nothing won on many inputs.

        So calls are saved. It may stand on anything that is known, since to stop betting is free.
        """
        if sum(self.gains) > 0:
            return False
        shown_worse = play(self.gains, direction=-1).now >= 1 / SIGNIFICANCE_LEVEL
        has_won = max(self.gains, default=0) >= WON
        enough = ENOUGH_WITHOUT_GAIN if has_won else ENOUGH_WITHOUT_WIN
        return shown_worse or len(self.gains) >= enough

    @property
    def is_promising(self) -> bool:
        """Whether it has won so far, so that further inputs may decide it."""
        return sum(self.gains) > 0 and not self.is_lost

    def is_ahead_of(self, alpha: float) -> bool:
        """Tell whether it is nearer to its end than a bet that begins anew at this error rate."""
        has_ended = self.is_lost or self.wealth.reaches(self.alpha)
        return not has_ended and self.wealth.now * self.alpha > alpha

    def pick_fresh(self, inputs: Sequence[ReplayInput]) -> list[ReplayInput]:
        """Pick the inputs that it may be bet on, in their order, as many as a heal takes."""
        fresh = {item.fingerprint: item for item in inputs if item.fingerprint not in self.seen}
        return list(fresh.values())[:MAX_PROVING]

    def find_obstacle(self, fresh: int) -> str:
        """Tell why so many fresh inputs are no reason to go on; empty where they are one.

        Returns:
            `not_better` where it is lost, `inputs_used_up` where too few inputs are left.
        """
        wealth = self.wealth
        if wealth.reaches(self.alpha):
            return ""
        if self.is_lost:
            return NO_BETTER
        if fresh >= LEAST_FRESH or (fresh and wealth.could_reach(fresh, self.alpha)):
            return ""
        return INPUTS_USED_UP

    def goes_on(self, pairs_left: int, *, bet_now: int) -> bool:
        """Tell whether it is bet on in this heal further, where so many pairs are left.

        A later heal brings further inputs, so a text that has won so far is bet on beyond what
        this heal could decide, and each heal gives it a first look.

        Args:
            bet_now: Pairs that were bet on in this heal.
        """
        if pairs_left == 0:
            return False
        if self.wealth.could_reach(pairs_left, self.alpha):
            return not (self.number and self.is_lost)
        return bool(self.number) and (self.is_promising or (bet_now == 0 and not self.is_lost))

    def bet_on(self, bets: Sequence[tuple[str, float]]) -> "Wager":
        """Add bets: fingerprints of inputs with gains. An input that it has seen adds nothing."""
        new = {name: gain for name, gain in bets if name not in self.seen}
        return replace(self, gains=(*self.gains, *new.values()), seen=self.seen | new.keys())


class WagerBook:
    """Keeps wagers of one incident on texts in place of one incumbent, as long as it lives."""

    def __init__(self) -> None:
        self._known: dict[str, Wager] = {}
        self._last_number = 0

    def find(self, content: str) -> Wager:
        """Return the wager on a text as it was last seen, or as it would be opened now."""
        number = self._last_number + 1
        return self._known.get(digest_text(content), Wager(alpha_of(number), number=number))

    async def open(self, content: str, chosen_on: Sequence[ReplayInput]) -> Wager:
        """Open the wager on a text, or find it; remember on what it was written and chosen."""
        wager = self.find(content)
        self._last_number = max(self._last_number, wager.number)
        names = {item.fingerprint for item in chosen_on}
        return self._keep(content, replace(wager, seen=wager.seen | names))

    async def bet(self, content: str, bets: Sequence[tuple[str, float]]) -> Wager:
        """Put bets on a text on record as soon as their results are known; return the wager."""
        return self._keep(content, self.find(content).bet_on(bets))

    def _keep(self, content: str, wager: Wager) -> Wager:
        self._known[digest_text(content)] = wager
        return wager
