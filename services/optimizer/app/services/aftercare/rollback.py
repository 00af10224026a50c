"""Looks after promotions, first in each run: rolls back what turned out worse."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.proof.betting import SIGNIFICANCE_LEVEL
from services.common.record.activation import (
    IncumbentChangedError,
    Patch,
    RepairReport,
    patch_prompt,
)
from services.common.record.healing_runs import CREATED_BY, HealingRun, record_run, set_outcome
from services.common.record.outcomes import ROLLED_BACK, HealingOutcome
from services.optimizer.app.services.aftercare.alarm_confirmation import Confirm, Confirmation
from services.optimizer.app.services.aftercare.watch import (
    KEPT,
    WORSE,
    WatchResult,
    judge_promotion,
)
from services.optimizer.app.services.log.failure_log import load_activated_at, load_results
from services.optimizer.app.services.log.log_records import LoggedResult

SUPERSEDED = "superseded"
SELECT_WATCH = """
    SELECT w.id, w.prompt_id, w.candidate_id, w.started_at, p.id AS before_id,
           p.version AS before_version, c.content AS promoted_content,
           coalesce(r.before_prompt_content, p.content) AS before_content,
           (SELECT max(activated_at) FROM selfheal.activations a
            WHERE a.prompt_id = p.id AND a.activated_at < w.started_at) AS before_from,
           p.created_at AS before_created_at,
           (w.detail ->> 'cleared_at')::timestamptz AS cleared_at,
           clock_timestamp() AS seen_at
    FROM selfheal.watches w
    LEFT JOIN prompts p ON p.id = w.before_prompt_id
    LEFT JOIN selfheal.candidates c ON c.id = w.candidate_id
    LEFT JOIN optimization_reports r ON r.id = w.report_id
    WHERE w.task_type = $1 AND w.ended_at IS NULL
    ORDER BY w.id DESC
    LIMIT 1
"""
END_WATCH = """
    UPDATE selfheal.watches
    SET ended_at = now(), outcome = $2, detail = coalesce(detail || $3::jsonb, $3::jsonb, detail)
    WHERE id = $1 AND ended_at IS NULL
"""
CLEAR_WATCH = """
    UPDATE selfheal.watches SET detail = coalesce(detail, '{}') || $2::jsonb
    WHERE id = $1 AND ended_at IS NULL
"""

log = get_logger()


async def look_after(
    connection: asyncpg.Connection, serving: Prompt, *, confirm: Confirm, triggered_by: str
) -> HealingOutcome | None:
    """Compare a task type's last promotion with the version before it; roll it back if worse.

    What live rows say is an alarm only: a rollback takes replays that agree. Without them the
    watch goes on.

    Returns:
        The outcome of a rollback; None where there was none.
    """
    watch = await connection.fetchrow(SELECT_WATCH, serving.task_type)
    if watch is None:
        return None
    if not _is_serving(watch, serving) or watch["before_id"] is None:
        await connection.execute(END_WATCH, watch["id"], SUPERSEDED, None)
        return None
    before, after = await _load_answers(connection, serving, watch)
    decision = judge_promotion(before, after)
    log.info(
        "promotion_watched",
        task_type=serving.task_type,
        version=serving.version,
        outcome=decision.outcome,
        answers=decision.answers,
        e_value=round(decision.e_value, 2),
        p_value=round(decision.p_value, 4),
    )
    if decision.outcome == WORSE:
        confirmation = await _look_into(connection, serving, watch, after, confirm)
        if confirmation is None:
            return None
        return await _roll_back(
            connection, serving, watch, decision, confirmation, triggered_by=triggered_by
        )
    if decision.outcome == KEPT:
        await connection.execute(END_WATCH, watch["id"], KEPT, asdict(decision))
    return None


def _is_serving(watch: asyncpg.Record, serving: Prompt) -> bool:
    """Tell whether what serves is what was promoted, by its row and its text."""
    promoted = watch["promoted_content"]
    return watch["prompt_id"] == serving.id and promoted in (None, serving.content)


async def _load_answers(
    connection: asyncpg.Connection, serving: Prompt, watch: asyncpg.Record
) -> tuple[Sequence[LoggedResult], Sequence[LoggedResult]]:
    """Load answers of the version before, and of the promoted one since it was last cleared."""
    before = await load_results(
        connection,
        serving.task_type,
        watch["before_version"],
        start=watch["before_from"] or watch["before_created_at"],
        end=watch["started_at"],
    )
    since = await load_activated_at(connection, serving)
    cleared_at: datetime | None = watch["cleared_at"]
    after = await load_results(
        connection,
        serving.task_type,
        serving.version,
        start=max(since, cleared_at) if cleared_at else since,
    )
    return before, after


async def _look_into(
    connection: asyncpg.Connection,
    serving: Prompt,
    watch: asyncpg.Record,
    after: Sequence[LoggedResult],
    confirm: Confirm,
) -> Confirmation | None:
    """Replay both texts on an alarm; None where replays don't agree or can't be had for now."""
    try:
        confirmation = await confirm(serving, watch["before_content"], after)
    except ServiceError as error:
        log.warning(
            "watch_alarm_unconfirmed",
            task_type=serving.task_type,
            version=serving.version,
            code=error.code,
        )
        return None
    if confirmation.decision.promote:
        return confirmation
    # What was logged in the meantime still counts.
    cleared = {"cleared_at": watch["seen_at"].isoformat()}
    await connection.execute(CLEAR_WATCH, watch["id"], cleared)
    log.warning(
        "watch_alarm_dismissed",
        task_type=serving.task_type,
        version=serving.version,
        e_value=round(confirmation.decision.e_value, 2),
        p_value=round(confirmation.decision.p_value, 4),
        replayed=confirmation.replayed,
        worker_calls=confirmation.worker_calls,
    )
    return None


async def _roll_back(
    connection: asyncpg.Connection,
    serving: Prompt,
    watch: asyncpg.Record,
    decision: WatchResult,
    confirmation: Confirmation,
    *,
    triggered_by: str,
) -> HealingOutcome | None:
    """Serve the text before as a new version, or do nothing if a person deployed another."""
    lost = 100 * ((decision.before_mean or 0) - (decision.mean or 0))
    summary = (
        f"Rolled back: version {serving.version} does worse in live traffic than version "
        f"{watch['before_version']} before it ({lost:.1f} points of mean score over "
        f"{decision.pairs} pairs, p = {decision.p_value:.2g}), and on {confirmation.replayed} "
        f"replayed inputs too (p = {confirmation.decision.p_value:.2g})."
    )
    detail: dict[str, Any] = {
        "summary": summary,
        "watch": {
            **asdict(decision),
            "version": serving.version,
            "before_version": watch["before_version"],
            "alpha": SIGNIFICANCE_LEVEL,
            "replayed": confirmation.replayed,
            "replay_e_value": confirmation.decision.e_value,
            "replay_p_value": confirmation.decision.p_value,
            "worker_calls": confirmation.worker_calls,
        },
    }
    try:
        async with connection.transaction():
            activation = await patch_prompt(
                connection,
                incumbent=serving,
                patch=Patch(
                    watch["before_content"],
                    f"rollback of version {serving.version}, which did worse in live traffic",
                    CREATED_BY,
                ),
                report=RepairReport(detail, lost, triggered_by),
            )
            await connection.execute(END_WATCH, watch["id"], ROLLED_BACK, asdict(decision))
            if watch["candidate_id"] is not None:
                await set_outcome(connection, [watch["candidate_id"]], ROLLED_BACK)
            run_id = await record_run(
                connection,
                HealingRun(serving, ROLLED_BACK, "worse_in_live_traffic", "", detail, triggered_by),
                report_id=activation.report_id,
            )
    except IncumbentChangedError:
        await connection.execute(END_WATCH, watch["id"], SUPERSEDED, None)
        return None
    log.warning(
        "prompt_rolled_back",
        task_type=serving.task_type,
        before_version=serving.version,
        after_version=activation.version,
        e_value=round(decision.e_value, 2),
        p_value=round(decision.p_value, 4),
        report_id=activation.report_id,
    )
    return HealingOutcome(
        ROLLED_BACK,
        "worse_in_live_traffic",
        activation.version,
        "",
        summary,
        serving.version,
        str(run_id),
        activation.report_id,
    )
