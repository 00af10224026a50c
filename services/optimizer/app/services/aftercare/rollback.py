"""Looks after promotions, first in each run: rolls back what turned out worse."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.activation import (
    IncumbentChangedError,
    Patch,
    RepairReport,
    patch_prompt,
)
from services.common.record.healing_runs import (
    CREATED_BY,
    WORSE_LIVE,
    HealingRun,
    propose,
    record_run,
    register_candidate,
    set_outcome,
)
from services.common.record.outcomes import PROPOSED, ROLLED_BACK, HealingOutcome
from services.optimizer.app.services.aftercare.alarm_confirmation import (
    Alarm,
    Confirm,
    Confirmation,
)
from services.optimizer.app.services.aftercare.pairing import extend_pairs
from services.optimizer.app.services.aftercare.watch import (
    KEPT,
    WORSE,
    WatchResult,
    find_least_answers,
    judge_pairs,
    seems_worse,
)
from services.optimizer.app.services.aftercare.watch_record import (
    COUNT_ANSWERS,
    SUPERSEDE_WATCH,
    Reference,
    Watch,
    WatchBets,
    load_watch,
)
from services.optimizer.app.services.log.failure_log import load_activated_at, load_results
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.paired_test import Decision
from services.optimizer.app.services.proof.wagers import LEAST_FRESH, Wager

STRATEGY = "rollback"
HAS_PROPOSED = """
    SELECT EXISTS (
        SELECT FROM selfheal.healing_runs
        WHERE task_type = $1 AND decision = 'proposed' AND resolution IS NULL AND reason = $2
          AND incumbent_prompt_id = $3 AND incumbent_digest = $4
    )
"""

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


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An alarm with which replays agree; the bet's number and error rate are those of its watch."""

    comparison: Comparison
    decision: Decision
    confirmation: Confirmation
    wager: Wager

    def describe(self, serving: Prompt, what: str) -> dict[str, Any]:
        """Tell why the promoted text is to go, as the report has it."""
        result, reference, replayed = (
            self.comparison.result,
            self.comparison.reference,
            self.confirmation.replayed,
        )
        return {
            "summary": (
                f"{what}: version {serving.version} does worse in live traffic than version "
                f"{reference.version} before it ({_count_lost(result):.1f} points of mean score "
                f"over {result.pairs} pairs, p = {result.p_value:.2g}), and on {replayed} "
                f"replayed inputs too (p = {self.decision.p_value:.2g})."
            ),
            "watch": {
                **asdict(result),
                "version": serving.version,
                "before_version": reference.version,
                "against": reference.name,
                "alpha": self.wager.alpha,
                "confirmation": self.wager.number,
                "replayed": replayed,
                "replay_e_value": self.decision.e_value,
                "replay_p_value": self.decision.p_value,
                "worker_calls": self.confirmation.worker_calls,
            },
        }


async def look_after(
    connection: asyncpg.Connection,
    serving: Prompt,
    *,
    confirm: Confirm,
    triggered_by: str,
    asks_first: bool = False,
) -> HealingOutcome | None:
    """Compare a task type's last promotion with the versions before it; undo it if it is worse.

    What live rows say is an alarm only: a rollback takes replays that agree. Without them the
    watch goes on.

    Args:
        asks_first: Whether a person decides on the rollback.

    Returns:
        The outcome of a rollback, or of a proposal of one; None where there was none.
    """
    look = await _look(connection, serving)
    if look is None:
        return None
    if asks_first and await _has_proposed(connection, serving):
        return None
    for comparison in look.comparisons:
        if not await _is_alarming(connection, look, comparison):
            continue
        confirmed = await _look_into(connection, look, comparison, confirm)
        if confirmed is None:
            return None
        if asks_first:
            return await _propose(connection, look, confirmed, triggered_by)
        return await _roll_back(connection, look, confirmed, triggered_by)
    first = look.comparisons[0].result
    if first.outcome == KEPT:
        await look.watch.end(connection, KEPT, first)
    return None


async def _look(connection: asyncpg.Connection, serving: Prompt) -> Look | None:
    """Pair what was logged since the last look; None where this prompt isn't watched."""
    async with connection.transaction():
        watch = await load_watch(connection, serving.task_type)
        if watch is None:
            return None
        if watch.is_over(serving) or not watch.references:
            await connection.execute(SUPERSEDE_WATCH, watch.id)
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


async def _has_proposed(connection: asyncpg.Connection, serving: Prompt) -> bool:
    has: bool = await connection.fetchval(
        HAS_PROPOSED, serving.task_type, WORSE_LIVE, serving.id, serving.digest
    )
    return has


async def _is_alarming(connection: asyncpg.Connection, look: Look, comparison: Comparison) -> bool:
    """Tell whether replays are to look into it: live answers say so, or what was replayed."""
    serving, result = look.serving, comparison.result
    if comparison.reference.content == serving.content:
        return False  # replays of one text against itself tell nothing
    watch, name = look.watch, comparison.reference.name
    goes_on = watch.find_wager(name).wealth.now > 1
    if result.outcome == WORSE and not goes_on:
        return True
    if not goes_on and not seems_worse(look.fresh, comparison.old):
        return False
    row, least = watch.cleared_row, find_least_answers(watch.dismissed.get(name, ()))
    if goes_on:
        row, least = watch.looked_row, LEAST_FRESH
    since = await load_activated_at(connection, serving)
    answers: int = await connection.fetchval(
        COUNT_ANSWERS, serving.task_type, serving.version, since, row
    )
    return answers >= least


async def _look_into(
    connection: asyncpg.Connection, look: Look, comparison: Comparison, confirm: Confirm
) -> Confirmed | None:
    """Replay both texts on an alarm; None where replays don't agree yet, or can't be had now.

    The bet that the version before is better goes on at the next look, unless it has lost.
    """
    watch, serving, name = look.watch, look.serving, comparison.reference.name
    told = {"task_type": serving.task_type, "version": serving.version, "against": name}
    passing = [row for row in (*look.after, *comparison.old) if row.passed]
    content, wager = comparison.reference.content, watch.find_wager(name)
    if not await watch.claim_confirmation(connection, look.after):
        return None
    book = WatchBets(connection, watch, name)
    alarm = Alarm(serving, content, look.fresh, passing, wager, book)
    try:
        confirmation = await confirm(alarm)
    except ServiceError as error:
        await watch.return_confirmation(connection)
        log.warning("watch_alarm_unconfirmed", **told, code=error.code)
        return None
    decision = confirmation.decision
    if decision is None:
        log.warning("watch_alarm_unconfirmed", **told, code=confirmation.code)
        return None
    if decision.promote:
        return Confirmed(comparison, decision, confirmation, wager)
    goes_on = decision.e_value > 1
    if not goes_on:  # what was logged in the meantime still counts
        await watch.clear_alarm(connection, name, look.after)
    log.warning(
        "watch_alarm_undecided" if goes_on else "watch_alarm_dismissed",
        **told,
        e_value=round(decision.e_value, 2),
        p_value=round(decision.p_value, 4),
        replayed=confirmation.replayed,
        worker_calls=confirmation.worker_calls,
    )
    return None


async def _propose(
    connection: asyncpg.Connection, look: Look, confirmed: Confirmed, triggered_by: str
) -> HealingOutcome:
    """Leave the text before for a person to approve."""
    serving, content = look.serving, confirmed.comparison.reference.content
    detail = confirmed.describe(serving, "A rollback is proposed")
    candidate_id = await register_candidate(connection, serving, content=content, strategy=STRATEGY)
    detail["verdict"] = {**asdict(confirmed.decision), "strategy": STRATEGY}
    run = HealingRun(serving, PROPOSED, WORSE_LIVE, "", detail, triggered_by, candidate_id)
    async with connection.transaction():
        run_id = await propose(connection, run)
        # Turned down, it is proposed again only for answers that come later.
        await look.watch.clear_alarm(connection, confirmed.comparison.reference.name, look.after)
    log.warning("rollback_proposed", task_type=serving.task_type, run_id=str(run_id))
    return HealingOutcome(
        PROPOSED, WORSE_LIVE, serving.version, "", detail["summary"], serving.version, str(run_id)
    )


async def _roll_back(
    connection: asyncpg.Connection, look: Look, confirmed: Confirmed, triggered_by: str
) -> HealingOutcome | None:
    """Serve the text before as a new version, or do nothing if a person deployed another."""
    watch, serving = look.watch, look.serving
    reference, result = confirmed.comparison.reference, confirmed.comparison.result
    detail = confirmed.describe(serving, "Rolled back")
    reason = f"rollback of version {serving.version}, which did worse in live traffic"
    try:
        async with connection.transaction():
            activation = await patch_prompt(
                connection,
                incumbent=serving,
                patch=Patch(reference.content, reason, CREATED_BY),
                report=RepairReport(detail, _count_lost(result), triggered_by),
            )
            await watch.end(connection, ROLLED_BACK, result)
            if watch.candidate_id is not None:
                await set_outcome(connection, [watch.candidate_id], ROLLED_BACK)
            run_id = await record_run(
                connection,
                HealingRun(serving, ROLLED_BACK, WORSE_LIVE, "", detail, triggered_by),
                report_id=activation.report_id,
            )
    except IncumbentChangedError:
        await connection.execute(SUPERSEDE_WATCH, watch.id)
        return None
    log.warning(
        "prompt_rolled_back",
        task_type=serving.task_type,
        before_version=serving.version,
        after_version=activation.version,
        e_value=round(result.e_value, 2),
        p_value=round(result.p_value, 4),
        report_id=activation.report_id,
    )
    return HealingOutcome(
        ROLLED_BACK,
        WORSE_LIVE,
        activation.version,
        "",
        detail["summary"],
        serving.version,
        str(run_id),
        activation.report_id,
    )


def _count_lost(result: WatchResult) -> float:
    """Count the percentage points of mean score that the promotion lost."""
    return 100 * ((result.before_mean or 0) - (result.mean or 0))
