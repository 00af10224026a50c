"""Ends rollouts: by a promotion, or so that what served before serves all of the traffic again."""

from typing import Any, Final

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record.activation import LOCK_PROMPTS, Activation, IncumbentChangedError
from services.common.record.healing_runs import (
    REJECTED,
    HealingRun,
    Repair,
    activate_repair,
    set_outcome,
)
from services.common.record.outcomes import HELD, PROMOTED, ROLLED_BACK
from services.common.record.rollouts.rollout import COLUMNS, Rollout, read_rollout
from services.common.record.rollouts.steps import RolloutEndedError

ABORTED, SUPERSEDED = "aborted", "superseded"
# Why a rollout ended without a promotion, beside what a judge finds.
BY_PERSON, BY_DEPLOYMENT = "canary_aborted", "canary_superseded"

# A person ends it as it is; who judged it must have judged it as it is.
END: Final = f"""
    UPDATE selfheal.rollouts
    SET ended_at = clock_timestamp(), outcome = $2, reason = $3, person = coalesce($4, person),
        detail = detail || $5
    WHERE id = $1 AND ended_at IS NULL
      AND ($4::text IS NOT NULL OR (step = $6 AND share = $7))
    RETURNING {COLUMNS}
"""
SELECT_PROMPT: Final = f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE id = $1"
SELECT_RUN: Final = """
    SELECT verdict, detail, triggered_by, requested_by FROM selfheal.healing_runs WHERE id = $1
"""
CONCLUDE_RUN: Final = """
    UPDATE selfheal.healing_runs SET decision = $2, reason = $3, report_id = $4, detail = $5
    WHERE id = $1 AND decision = 'canary'
"""


async def abort(
    connection: asyncpg.Connection,
    rollout: Rollout,
    reason: str,
    *,
    person: str | None = None,
    shown: dict[str, Any] | None = None,
) -> Rollout:
    """End a rollout: what served before serves all of the traffic again, and the run is held.

    A text that was found worse isn't tried again in place of that prompt; one that a person
    turned down waits for a day.

    Args:
        shown: What its answers showed, for the run's report.

    Raises:
        RolloutEndedError: If it has ended; or, where no person ends it, was changed meanwhile.
    """
    outcome = REJECTED if person is not None else ROLLED_BACK
    return await _take_back(
        connection, rollout, (ABORTED, reason), outcome, person=person, shown=shown
    )


async def supersede(connection: asyncpg.Connection, rollout: Rollout) -> Rollout:
    """End a rollout whose incumbent serves no longer: a person, or a rollback, was faster.

    Raises:
        RolloutEndedError: If it has ended; or, where no person ends it, was changed meanwhile.
    """
    return await _take_back(connection, rollout, (SUPERSEDED, BY_DEPLOYMENT), SUPERSEDED)


async def promote_rollout(
    connection: asyncpg.Connection,
    rollout: Rollout,
    *,
    person: str | None = None,
    shown: dict[str, Any] | None = None,
) -> tuple[Rollout, Activation]:
    """Let the text serve all of the traffic, report it, and begin to watch it; all or nothing.

    Raises:
        RolloutEndedError: If it has ended; or, where no person ends it, was changed meanwhile.
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        # In the order of an activation: its lock first, then rows; otherwise two could deadlock.
        await connection.execute(LOCK_PROMPTS)
        ended = await _end(connection, rollout, (PROMOTED, ""), person, shown)
        incumbent = await connection.fetchrow(SELECT_PROMPT, ended.incumbent_prompt_id)
        if incumbent is None or not ended.replaces(Prompt(**incumbent)):
            raise IncumbentChangedError(task_type=ended.task_type)
        run = await _load_run(connection, ended, Prompt(**incumbent))
        promised = _read_part(ended.detail, "repair")
        how = f"promoted by {person}" if person else "passed its canary"
        why = f"{promised.get('change_reason', '')}, {how}"
        repair = Repair(
            ended.candidate_id, ended.content, why, float(promised.get("improvement_pct", 0.0))
        )
        activation = await activate_repair(connection, run, repair)
        await connection.execute(
            CONCLUDE_RUN, ended.run_id, PROMOTED, "better", activation.report_id, run.detail
        )
    return ended, activation


async def _take_back(
    connection: asyncpg.Connection,
    rollout: Rollout,
    how: tuple[str, str],
    outcome: str,
    *,
    person: str | None = None,
    shown: dict[str, Any] | None = None,
) -> Rollout:
    """End a rollout, hold its run for the same reason, and note what became of its text."""
    async with connection.transaction():
        ended = await _end(connection, rollout, how, person, shown)
        row = await connection.fetchrow(SELECT_RUN, ended.run_id)
        if row is not None:
            detail = {**row["detail"], "rollout": _describe(ended)}
            await connection.execute(CONCLUDE_RUN, ended.run_id, HELD, ended.reason, None, detail)
        await set_outcome(connection, [ended.candidate_id], outcome)
    return ended


async def _end(
    connection: asyncpg.Connection,
    rollout: Rollout,
    how: tuple[str, str],
    person: str | None,
    shown: dict[str, Any] | None,
) -> Rollout:
    found = {} if shown is None else {"shown": shown}
    record = await connection.fetchrow(
        END, rollout.id, *how, person, found, rollout.step, rollout.share
    )
    if record is None:
        raise RolloutEndedError(rollout.id)
    return read_rollout(record)


async def _load_run(
    connection: asyncpg.Connection, rollout: Rollout, incumbent: Prompt
) -> HealingRun:
    """Load the run that proved a text, with what became of its rollout, as a promotion."""
    # A person may have deleted its row.
    row = dict(await connection.fetchrow(SELECT_RUN, rollout.run_id) or {})
    detail = {**row.get("detail", {}), "rollout": _describe(rollout)}
    return HealingRun(
        incumbent,
        PROMOTED,
        "better",
        row.get("verdict") or "",
        detail,
        row.get("triggered_by") or "manual",
        rollout.candidate_id,
        row.get("requested_by"),
    )


def _describe(rollout: Rollout) -> dict[str, Any]:
    """Tell how a rollout ended, for its run's report."""
    return {
        "id": str(rollout.id),
        "shares": [round(share, 4) for share in rollout.steps],
        "step": rollout.step,
        "outcome": rollout.outcome,
        "reason": rollout.reason,
        "person": rollout.person,
        **_read_part(rollout.detail, "shown"),
    }


def _read_part(detail: dict[str, Any], name: str) -> dict[str, Any]:
    """Read a part of what a row holds; empty where a person made something else of it."""
    part = detail.get(name)
    return part if isinstance(part, dict) else {}
