"""Tells whether a promoted version is worse in live traffic than another one, or shown not to be.

Pure. Two gamblers bet on the same pairs of answers. One thinks that the other version does better,
as the gate's does that a candidate is; when he is rich, that is an alarm. One thinks that the
promoted version isn't worse by as much as the margin; when he is rich, it is kept. Until one of
them is, nothing is known, and the watch goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, pvariance

from services.common.proof.betting import play, wins_needed
from services.common.proof.input_clusters import cluster_inputs, take_in_turn
from services.optimizer.app.services.aftercare.pairing import LivePair, compare
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.screening.screening import screen

# What a kept version may be worse by at most, in points of score.
MARGIN = 0.05
# Pairs that it takes to keep a version, however well it does.
LEAST_PAIRS = 30
# Inputs on which an alarm is looked into, first and later, and rows that are read to find them.
MAX_REPLAYED, MAX_REPLAYED_AGAIN = 12, 24
MAX_READ = 72
WORSE, KEPT, WATCHING = "worse", "kept", "watching"
# What a watch that goes on lacks.
ANSWERS, CERTAINTY = "answers", "certainty"


@dataclass(frozen=True, slots=True)
class WatchResult:
    """What live traffic says of a promotion.

    Attributes:
        outcome: `worse`, `kept` (shown not to be worse by the margin), or `watching` while there
            is too little to tell.
        answers: Answers of the new version that count.
        before_answers: Answers of the other version that count.
        mean: Mean score of the new version, in [0, 1]; None without answers.
        before_mean: Mean score of the other version, in [0, 1]; None without answers.
        e_value: Wealth of the bet that the new version is worse, at least 0, since an alarm was
            last dismissed.
        p_value: 1 / that wealth's peak, in (0, 1]; it decides.
        kept_p_value: 1 / the peak of the bet that it isn't worse by the margin, in (0, 1].
        lacks: What the watch goes on for: `answers` or `certainty`; empty once it is decided.
    """

    outcome: str
    answers: int
    before_answers: int
    pairs: int
    mean: float | None
    before_mean: float | None
    e_value: float
    p_value: float
    kept_p_value: float = 1.0
    lacks: str = ""


def judge_pairs(pairs: Sequence[LivePair], *, dismissed: Sequence[int] = ()) -> WatchResult:
    """Judge a promotion by its pairs, in the order in which they were made.

    Args:
        dismissed: How many pairs there were at each alarm that came to nothing: an alarm takes
            pairs that came later, twice as many after each one.
    """
    scores = [pair.scores for pair in pairs]
    later = scores[max(dismissed, default=0) :]
    worse = play([pair.gain for pair in later], direction=-1)
    kept = play([(pair.score - pair.partner_score + MARGIN) / (1 + MARGIN) for pair in pairs])
    lacks = ""
    if worse.reaches() and len(later) >= find_least_answers(dismissed):
        outcome = WORSE
    elif kept.reaches() and len(pairs) >= LEAST_PAIRS:
        outcome = KEPT
    else:
        outcome, lacks = WATCHING, ANSWERS if len(pairs) < LEAST_PAIRS else CERTAINTY
    return WatchResult(
        outcome,
        answers=len(pairs),
        before_answers=len(pairs),
        pairs=len(pairs),
        mean=fmean(pair.score for pair in pairs) if pairs else None,
        before_mean=fmean(pair.partner_score for pair in pairs) if pairs else None,
        e_value=worse.now,
        p_value=worse.p_value,
        kept_p_value=kept.p_value,
        lacks=lacks,
    )


def find_least_answers(dismissed: Sequence[int]) -> int:
    """Tell how many answers an alarm takes: as many as could decide, doubled by each dismissal."""
    return wins_needed() * int(2 ** len(dismissed))


def seems_worse(fresh: Sequence[LoggedResult], old: Sequence[LoggedResult]) -> bool:
    """Tell whether a promotion does worse at first sight, by the margin and a standard error.

    Here each answer counts, where a pair takes one of the other version's few. It is no proof, only
    reason enough to replay.

    Args:
        fresh: The promoted version's scored answers since an alarm was last dismissed.
        old: The other version's; without 30, the promoted one seems worse where most fail too.
    """
    if not fresh:
        return False
    scores = [row.score for row in fresh]
    comparable = [row.score for row in old if compare(fresh[0], row)]
    if len(comparable) < LEAST_PAIRS and fmean(row.passed for row in fresh) < 1 / 2:
        return True
    if not comparable:
        return False
    lost = fmean(comparable) - fmean(scores)
    variance = pvariance(comparable) / len(comparable) + pvariance(scores) / len(scores)
    return lost >= max(MARGIN, sqrt(variance))


def pick_live_inputs(after: Sequence[LoggedResult], most: int = MAX_REPLAYED) -> list[LoggedResult]:
    """Pick distinct live inputs to look into an alarm with, passed or failed.

    One of each cluster of like requests comes before a second of any, the oldest first. Rows that
    give orders are left out.

    Args:
        after: Scored answers of the promoted version, the newest first.
    """
    distinct = list({row.text: row for row in reversed(after)}.values())
    clusters = cluster_inputs([row.text for row in distinct])
    order = take_in_turn(clusters)[:MAX_READ]
    clean = set(screen([distinct[at] for at in sorted(order)]).clean)
    return [distinct[at] for at in order if distinct[at] in clean][:most]
