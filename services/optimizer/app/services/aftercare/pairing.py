"""Pairs a promoted version's live answers with those of another version. Pure.

A pair is fixed when the promoted version's answer is first seen: which partner it gets depends on
that answer's request and on what came before it, on no score and on nothing later. So the pairs of
a longer log begin with the pairs of a shorter one, which is what a bet on them needs. Of like
requests two count at most, on either side: repeating a request doesn't outvote the others.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.common.proof.betting import PairedScore
from services.common.proof.input_clusters import MAX_PER_CLUSTER, cluster_inputs
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    is_by_model,
    take_first,
)

# Beyond so many a watch takes no further pairs; long before it has shown what it can show.
MAX_PAIRS = 1_000


@dataclass(frozen=True, slots=True)
class LivePair:
    """An answer of the promoted version beside one of another version.

    Attributes:
        answer_id: The promoted version's row of the log.
        partner_id: The other version's row.
        score: The promoted version's, in [0, 1].
        partner_score: The other's, in [0, 1].
    """

    answer_id: int
    partner_id: int
    score: float
    partner_score: float

    @property
    def scores(self) -> PairedScore:
        """The scores as a bet takes them: the promoted version's is the candidate's."""
        return PairedScore(str(self.answer_id), self.partner_score, self.score)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A log row, and the number of the cluster of like requests that it is in."""

    row: LoggedResult
    cluster: int

    @property
    def kind(self) -> tuple[int, str, str]:
        return (self.cluster, self.row.fingerprint, self.row.model)


# What two answers of a pair have in common, the closest first: the request, its cluster, nothing.
_TRAITS: tuple[Callable[[_Answer], object], ...] = (
    lambda one: one.row.text,
    lambda one: one.cluster,
    lambda _: None,
)


def extend_pairs(
    known: Sequence[LivePair], old: Sequence[LoggedResult], new: Sequence[LoggedResult]
) -> list[LivePair]:
    """Pair those new answers that have no partner yet; what is paired stays so.

    Each gets an old answer that no other has: to the same request, else to a like one, else the
    next there is; one that the same evaluator scored, and that the same model gave, if both are
    known.

    Args:
        known: The pairs so far, whether or not their rows are still there.
        old: The other version's scored answers, the newest first.
        new: The promoted version's scored answers, in any order; they are taken by their rows'
            ids.

    Returns:
        The known pairs, then the further ones.
    """
    arrived = sorted(new, key=lambda row: row.row_id)
    rows = [*old, *arrived]
    clusters = cluster_inputs([row.text for row in rows], most_clusters=len(rows))
    cluster_of = {at: number for number, members in enumerate(clusters) for at in members}
    answers = [_Answer(row, cluster_of[at]) for at, row in enumerate(rows)]
    has_partner = {pair.answer_id for pair in known}
    taken = {pair.partner_id for pair in known}
    counted = take_first(answers[: len(old)], MAX_PER_CLUSTER, lambda one: one.kind)
    free = [one for one in counted if one.row.row_id not in taken]
    counts = Counter(one.cluster for one in answers[len(old) :] if one.row.row_id in has_partner)
    pairs = list(known)
    for one in answers[len(old) :]:
        is_counted = one.row.row_id in has_partner or counts[one.cluster] >= MAX_PER_CLUSTER
        if is_counted or len(pairs) >= MAX_PAIRS:
            continue
        if (at := _find_partner(one, free)) is not None:
            partner = free.pop(at).row
            counts[one.cluster] += 1
            pairs.append(LivePair(one.row.row_id, partner.row_id, one.row.score, partner.score))
    return pairs


def _find_partner(one: _Answer, free: Sequence[_Answer]) -> int | None:
    """Find which free answer fits best; None where none compares."""
    comparable = [at for at, other in enumerate(free) if compare(one.row, other.row)]
    for trait in _TRAITS:
        for at in comparable:
            if trait(free[at]) == trait(one):
                return at
    return None


def compare(one: LoggedResult, other: LoggedResult) -> bool:
    """Tell whether two answers compare: by one evaluator, and one model if both are known."""
    is_same_model = is_by_model(one.model, other.model) or not other.model
    return one.fingerprint == other.fingerprint and is_same_model
