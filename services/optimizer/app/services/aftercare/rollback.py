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
from services.common.record.outcomes import HELD, PROPOSED, ROLLED_BACK, HealingOutcome
from services.common.record.text_lint import find_erased
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
    load_watch,
)
from services.optimizer.app.services.log.failure_log import load_activated_at, load_results
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.paired_test import Decision

STRATEGY = "rollback"
TEXT_ERASED = "text_erased"
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
    """An alarm with which replays agree; `number` and `alpha` are its own within its watch."""

    comparison: Comparison
    decision: Decision
    confirmation: Confirmation
    number: int
    alpha: float

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
                "alpha": self.alpha,
                "confirmation": self.number,
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
        The outcome of a rollback, of a proposal of one, or of one that can't be since the text
        before lost words to an erasure; None where there was none.
    """
    look = await _look(connection, serving)
    if look is None or (asks_first and await _has_proposed(connection, serving)):
        return None
    erased = None
    for comparison in look.comparisons:
        if not await _is_alarming(connection, look, comparison):
            continue
        if find_erased(comparison.reference.content, serving.content):
            erased = erased or comparison
            continue
        confirmed = await _look_into(connection, look, comparison, confirm)
        if confirmed is None:
            return None
        if asks_first:
            return await _propose(connection, look, confirmed, triggered_by)
        return await _roll_back(connection, look, confirmed, triggered_by)
    if erased:
        return await _hold(connection, look, erased, triggered_by)
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
    """Tell whether replays are to look into it: live answers say so, or can't tell."""
    serving, result = look.serving, comparison.result
    if comparison.reference.content == serving.content:
        return False  # replays of one text against itself tell nothing
    if result.outcome == WORSE:
        return True
    dismissed = look.watch.dismissed.get(comparison.reference.name, ())
    least = find_least_answers(dismissed)
    has_enough_pairs = result.pairs - max(dismissed, default=0) >= least
    if has_enough_pairs or not seems_worse(look.fresh, comparison.old):
        return False
    since = await load_activated_at(connection, serving)
    answers: int = await connection.fetchval(
        COUNT_ANSWERS, serving.task_type, serving.version, since, look.watch.cleared_row
    )
    return answers >= least


async def _look_into(
    connection: asyncpg.Connection, look: Look, comparison: Comparison, confirm: Confirm
) -> Confirmed | None:
    """Replay both texts on an alarm; None where replays don't agree or can't be had for now."""
    watch, serving, name = look.watch, look.serving, comparison.reference.name
    told = {"task_type": serving.task_type, "version": serving.version, "against": name}
    passing = [row for row in (*look.after, *comparison.old) if row.passed]
    content, number = comparison.reference.content, watch.confirmations + 1
    if not await watch.claim_confirmation(connection):
        return None
    alarm = Alarm(serving, content, look.fresh, passing, number)
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
        return Confirmed(comparison, decision, confirmation, number, alarm.alpha)
    # What was logged in the meantime still counts.
    await watch.clear_alarm(connection, name, look.after)
    log.warning(
        "watch_alarm_dismissed",
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
    serving, reference = look.serving, confirmed.comparison.reference
    detail = confirmed.describe(serving, "A rollback is proposed")
    candidate_id = await register_candidate(
        connection, serving, content=reference.content, strategy=STRATEGY
    )
    detail["verdict"] = {**asdict(confirmed.decision), "strategy": STRATEGY}
    run = HealingRun(serving, PROPOSED, WORSE_LIVE, "", detail, triggered_by, candidate_id)
    return await _leave_to_a_person(connection, look, reference, run)


async def _hold(
    connection: asyncpg.Connection, look: Look, alarming: Comparison, triggered_by: str
) -> HealingOutcome:
    """Have it told that what served before can't serve again."""
    serving, reference = look.serving, alarming.reference
    summary = (
        f"Held: version {serving.version} does worse in live traffic than version "
        f"{reference.version} before it, and {find_erased(reference.content, serving.content)}."
    )
    detail = {"summary": summary, "watch": asdict(alarming.result)}
    run = HealingRun(serving, HELD, TEXT_ERASED, "", detail, triggered_by)
    return await _leave_to_a_person(connection, look, reference, run)


async def _leave_to_a_person(
    connection: asyncpg.Connection, look: Look, reference: Reference, run: HealingRun
) -> HealingOutcome:
    """Record a run that changes nothing; another one follows only for answers that come later."""
    is_proposed = run.decision == PROPOSED
    record = propose if is_proposed else record_run
    async with connection.transaction():
        run_id = await record(connection, run)
        await look.watch.clear_alarm(connection, reference.name, look.after)
    version = run.incumbent.version
    event = "rollback_proposed" if is_proposed else "rollback_held"
    log.warning(event, task_type=run.incumbent.task_type, run_id=str(run_id))
    return HealingOutcome(
        run.decision, run.reason, version, "", run.detail["summary"], version, str(run_id)
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
