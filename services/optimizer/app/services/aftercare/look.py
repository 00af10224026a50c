"""Looks at a watch: pairs what was logged since the last look, and tells what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.common.logging import get_logger
from services.common.models import Prompt
from services.optimizer.app.services.aftercare.pairing import extend_pairs
from services.optimizer.app.services.aftercare.references import Reference
from services.optimizer.app.services.aftercare.watch import (
    WORSE,
    WatchResult,
    find_least_answers,
    judge_pairs,
    seems_worse,
)
from services.optimizer.app.services.aftercare.watch_record import (
    COUNT_ANSWERS,
    Watch,
    load_watch,
)
from services.optimizer.app.services.log.answers import load_activated_at, load_results
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.wagers import LEAST_FRESH

log = get_logger()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A promotion beside one version: that version, its answers, and what they say."""

    reference: Reference
    old: Sequence[LoggedResult]
    result: WatchResult


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a watch found.

    Attributes:
        comparisons: With the last good version, if there is one, then with what was replaced; the
            first one tells whether the promotion is kept.
        after: The promoted version's answers, the newest first.
    """

    watch: Watch
    serving: Prompt
    comparisons: Sequence[Comparison]
    after: Sequence[LoggedResult]

    @property
    def fresh(self) -> list[LoggedResult]:
        """Answers since an alarm was last dismissed."""
        return [row for row in self.after if row.row_id > self.watch.cleared_row]

    async def is_alarming(self, connection: asyncpg.Connection, comparison: Comparison) -> bool:
        """Tell whether replays are to look into it: live answers say so, or what was replayed."""
        serving, result = self.serving, comparison.result
        if comparison.reference.content == serving.content:
            return False  # replays of one text against itself tell nothing
        watch, name = self.watch, comparison.reference.name
        wager = watch.find_wager(name)
        if wager.wealth.reaches(wager.alpha):
            return True  # whoever won it was killed before it rolled back
        goes_on = wager.wealth.now > 1
        if result.outcome == WORSE and not goes_on:
            return True
        if not goes_on and not seems_worse(self.fresh, comparison.old):
            return False
        row, least = watch.cleared_row, find_least_answers(watch.dismissed.get(name, ()))
        if goes_on:
            row, least = watch.looked_row, LEAST_FRESH
        since = await load_activated_at(connection, serving)
        answers: int = await connection.fetchval(
            COUNT_ANSWERS, serving.task_type, serving.version, since, row
        )
        return answers >= least


async def look_at_watch(connection: asyncpg.Connection, serving: Prompt) -> Look | None:
    """Pair what was logged since the last look; None where this prompt isn't watched."""
    async with connection.transaction():
        watch = await load_watch(connection, serving.task_type)
        if watch is None:
            return None
        if watch.is_over(serving) or not watch.references:
            await watch.supersede(connection)
            return None
        since = await load_activated_at(connection, serving)
        after = await load_results(connection, serving.task_type, serving.version, start=since)
        comparisons, has_news = [], False
        for reference in watch.references:
            known = watch.paired.get(reference.name, [])
            old = await reference.load_answers(connection, serving.task_type)
            pairs = watch.paired[reference.name] = extend_pairs(known, old, after)
            has_news = has_news or len(pairs) > len(known)
            dismissed = watch.dismissed.get(reference.name, ())
            comparisons.append(Comparison(reference, old, judge_pairs(pairs, dismissed=dismissed)))
        if has_news:
            await watch.save_pairs(connection, comparisons[0].result)
    for one in comparisons:
        log.info(
            "promotion_watched",
            task_type=serving.task_type,
            version=serving.version,
            against=one.reference.name,
            against_version=one.reference.version,
            outcome=one.result.outcome,
            lacks=one.result.lacks,
            answers=one.result.answers,
            e_value=round(one.result.e_value, 2),
            p_value=round(one.result.p_value, 4),
            kept_p_value=round(one.result.kept_p_value, 4),
        )
    return Look(watch, serving, comparisons, after)
