"""Watches a promotion: is the new version worse in live traffic than the one before it? Pure.

The same kind of test as the gate's, turned round: a gambler bets on each pair of answers that the
version before did better. Answers are paired by what was asked where both were asked it, and by
their order elsewhere, neither of which looks at a score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from services.optimizer.app.services.log_records import LoggedResult
from services.optimizer.app.services.promotion import PairedScore, play

# So many answers without a sign of harm, and the watch ends.
ENOUGH_PAIRS = 50
WORSE, KEPT, WATCHING = "worse", "kept", "watching"


@dataclass(frozen=True, slots=True)
class WatchDecision:
    """What live traffic says of a promotion.

    Attributes:
        outcome: `worse`, `kept` (it proved itself), or `watching` while there is too little to
            tell.
        answers: Answers of the new version.
        before_answers: Answers of the version before it.
        pairs: Pairs that could be made of them.
        mean: Mean score of the new version, in [0, 1]; None without answers.
        before_mean: Mean score of the version before it, in [0, 1]; None without answers.
        e_value: Evidence that the new version is worse, at least 1.
    """

    outcome: str
    answers: int
    before_answers: int
    pairs: int
    mean: float | None
    before_mean: float | None
    e_value: float


def judge_promotion(before: Sequence[LoggedResult], after: Sequence[LoggedResult]) -> WatchDecision:
    """Compare live results; only scores of the evaluator that judges now count.

    Args:
        before: Scored answers of the version before, the newest first.
        after: Scored answers of the promoted version, the newest first.
    """
    current = after[0].fingerprint if after else ""
    old = [row for row in before if row.fingerprint == current]
    new = [row for row in reversed(after) if row.fingerprint == current]
    gains = [pair.gain for pair in _pair(old, new)]
    worse, better = play(gains, direction=-1), play(gains)
    if worse.reaches():
        outcome = WORSE
    elif better.reaches() or len(gains) >= ENOUGH_PAIRS:
        outcome = KEPT
    else:
        outcome = WATCHING
    return WatchDecision(
        outcome,
        answers=len(new),
        before_answers=len(old),
        pairs=len(gains),
        mean=fmean(row.score for row in new) if new else None,
        before_mean=fmean(row.score for row in old) if old else None,
        e_value=worse.peak,
    )


def _pair(old: Sequence[LoggedResult], new: Sequence[LoggedResult]) -> Iterator[PairedScore]:
    """Each new answer with an old one that no other has, to the same request where there is one."""
    free = list(old)
    for number, row in enumerate(new):
        if not free:
            return
        same = (at for at, one in enumerate(free) if one.refined_input == row.refined_input)
        partner = free.pop(next(same, 0))
        yield PairedScore(str(number), incumbent=partner.score, candidate=row.score)
