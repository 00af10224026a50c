"""Tells whether a promoted version is worse in live traffic than the one before it. Pure.

The same kind of test as the gate's, turned round: a gambler bets on each pair of answers that the
version before did better. Answers are paired by what was asked where both were asked it or
something like it, and by their order elsewhere, neither of which looks at a score. Of like
requests two count at most, on either side: repeating a request doesn't outvote the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from services.common.proof.betting import PairedScore, play
from services.common.proof.input_clusters import (
    MAX_PER_CLUSTER,
    cluster_inputs,
    take_in_turn,
)
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    find_model,
    is_by_model,
    take_first,
)
from services.optimizer.app.services.screening.screening import screen

# So many answers without a sign of harm, and the watch ends.
ENOUGH_PAIRS = 50
# Inputs on which an alarm is looked into, and rows that are read one by one to find them.
MAX_REPLAYED = 12
MAX_READ = 36
WORSE, KEPT, WATCHING = "worse", "kept", "watching"


@dataclass(frozen=True, slots=True)
class WatchResult:
    """What live traffic says of a promotion.

    Attributes:
        outcome: `worse`, `kept` (it proved itself), or `watching` while there is too little to
            tell.
        answers: Answers of the new version that count.
        before_answers: Answers of the version before it that count.
        mean: Mean score of the new version, in [0, 1]; None without answers.
        before_mean: Mean score of the version before it, in [0, 1]; None without answers.
        e_value: Wealth of the bet that the new version is worse, at least 0.
        p_value: 1 / that wealth's peak, in (0, 1]; it decides.
    """

    outcome: str
    answers: int
    before_answers: int
    pairs: int
    mean: float | None
    before_mean: float | None
    e_value: float
    p_value: float


@dataclass(frozen=True, slots=True)
class _Answer:
    """A log row that counts, and the number of the cluster of like requests that it is in."""

    row: LoggedResult
    cluster: int


def judge_promotion(before: Sequence[LoggedResult], after: Sequence[LoggedResult]) -> WatchResult:
    """Compare live results; only scores of the evaluator that judges now count, and only answers
    of the model that answers now.

    Args:
        before: Scored answers of the version before, the newest first.
        after: Scored answers of the promoted version, the newest first.
    """
    old, new = _take_what_counts(before, after)
    gains = [pair.gain for pair in _pair(old, new)]
    worse, better = play(gains, direction=-1), play(gains)
    if worse.reaches():
        outcome = WORSE
    elif better.reaches() or len(gains) >= ENOUGH_PAIRS:
        outcome = KEPT
    else:
        outcome = WATCHING
    return WatchResult(
        outcome,
        answers=len(new),
        before_answers=len(old),
        pairs=len(gains),
        mean=fmean(one.row.score for one in new) if new else None,
        before_mean=fmean(one.row.score for one in old) if old else None,
        e_value=worse.now,
        p_value=worse.p_value,
    )


def pick_live_inputs(after: Sequence[LoggedResult]) -> list[LoggedResult]:
    """Pick distinct live inputs to look into an alarm with, passed or failed; 12 at most.

    One of each cluster of like requests comes before a second of any, the oldest first. Rows that
    give orders are left out.

    Args:
        after: Scored answers of the promoted version, the newest first.
    """
    distinct = list({row.text: row for row in reversed(after)}.values())
    clusters = cluster_inputs([row.text for row in distinct])
    order = take_in_turn(clusters)[:MAX_READ]
    clean = set(screen([distinct[at] for at in sorted(order)]).clean)
    return [distinct[at] for at in order if distinct[at] in clean][:MAX_REPLAYED]


def _take_what_counts(
    before: Sequence[LoggedResult], after: Sequence[LoggedResult]
) -> tuple[list[_Answer], list[_Answer]]:
    """Take the first two answers of each cluster, on each side; the new ones from the oldest on.

    The old ones are grouped first: what comes later changes no earlier pair.
    """
    current = after[0].fingerprint if after else ""
    model = find_model(after)

    def compares(row: LoggedResult) -> bool:
        return row.fingerprint == current and is_by_model(row.model, model)

    old = list(filter(compares, before))
    new = list(filter(compares, reversed(after)))
    rows = [*old, *new]
    clusters = cluster_inputs([row.text for row in rows], most_clusters=len(rows))
    cluster_of = {at: number for number, members in enumerate(clusters) for at in members}
    answers = [_Answer(row, cluster_of[at]) for at, row in enumerate(rows)]
    sides = (answers[: len(old)], answers[len(old) :])
    old_ones, new_ones = (
        take_first(side, MAX_PER_CLUSTER, lambda one: one.cluster) for side in sides
    )
    return old_ones, new_ones


def _pair(old: Sequence[_Answer], new: Sequence[_Answer]) -> Iterator[PairedScore]:
    """Pair each new answer with an old one that no other has: to the same request, else to a like
    one, else the next there is.
    """
    free = list(old)
    partners: dict[int, _Answer] = {}
    for trait in _TRAITS:
        for number, one in enumerate(new):
            if number not in partners:
                fits = (at for at, other in enumerate(free) if trait(other) == trait(one))
                if (at := next(fits, None)) is not None:
                    partners[number] = free.pop(at)
    for number, one in enumerate(new):
        if number in partners:
            yield PairedScore(
                str(number), incumbent=partners[number].row.score, candidate=one.row.score
            )


# What two answers of a pair have in common, the closest first: the request, its cluster, nothing.
_TRAITS: tuple[Callable[[_Answer], object], ...] = (
    lambda one: one.row.text,
    lambda one: one.cluster,
    lambda _: None,
)
