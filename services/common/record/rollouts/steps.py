"""Lets rollouts begin, go on to a greater share, pause and resume."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError
from services.common.record.activation import (
    LOCK_PROMPTS,
    IncumbentChangedError,
    VersionsExhaustedError,
    is_same_prompt,
)
from services.common.record.healing_runs import HealingRun, Repair, record_run, set_outcome
from services.common.record.leases import Lease
from services.common.record.outcomes import CANARY
from services.common.record.prompts import load_active_prompts
from services.common.record.rollouts.rollout import COLUMNS, Rollout, read_rollout

# A prompt of a person's may take the number: it isn't theirs to know that it was meant for us.
INSERT: Final = f"""
    INSERT INTO selfheal.rollouts (
        task_type, incumbent_prompt_id, incumbent_digest, candidate_id, content,
        reserved_version, steps, share, run_id, detail
    )
    SELECT $1::text, $2, $3, $4, $5, coalesce(max(version), 0) + 1, $6::real[], ($6::real[])[1],
           $7, $8
    FROM prompts WHERE task_type = $1::varchar
    ON CONFLICT DO NOTHING
    RETURNING {COLUMNS}
"""
# Who looked at the same state, and was slower, changes nothing.
UNCHANGED: Final = """
    WHERE id = $1 AND ended_at IS NULL AND step = $2 AND share = $3 AND detail = $4::jsonb
"""
KEEP: Final = f"UPDATE selfheal.rollouts SET detail = $5 {UNCHANGED} RETURNING TRUE"
ADVANCE: Final = f"""
    UPDATE selfheal.rollouts
    SET step = step + 1, share = steps[step + 2], step_started_at = clock_timestamp(), detail = $5
    {UNCHANGED} RETURNING TRUE
"""
SET_SHARE: Final = f"""
    UPDATE selfheal.rollouts SET share = CASE WHEN $2 THEN 0 ELSE steps[step + 1] END, person = $3
    WHERE id = $1 AND ended_at IS NULL
    RETURNING {COLUMNS}
"""


class RolloutOpenError(ServiceError):
    """Another proven text of this task type serves a share of traffic already."""

    status_code = 409
    code = "canary_open"

    def __init__(self, *, task_type: str) -> None:
        super().__init__(f"A canary of {task_type!r} is under way; nothing was changed.")


class RolloutEndedError(ServiceError):
    """A rollout has ended, and nothing can be done about it any more."""

    status_code = 409
    code = "canary_ended"

    def __init__(self, rollout_id: UUID) -> None:
        super().__init__(f"The canary {str(rollout_id)[:8]} has ended; nothing was changed.")


async def start_rollout(
    connection: asyncpg.Connection,
    run: HealingRun,
    repair: Repair,
    steps: tuple[float, ...],
    *,
    lease: Lease | None = None,
) -> Rollout:
    """Let a proven text serve a share of traffic, and record its run as a canary; all or nothing.

    Args:
        steps: Shares in (0, 1], growing; the last is 1.
        lease: What must still be held; None where nobody else could heal.

    Raises:
        LeaseLostError: If it isn't held any more.
        IncumbentChangedError: If another prompt serves by now.
        RolloutOpenError: If another text of the task type is being rolled out.
        VersionsExhaustedError: If no version number is left.
    """
    async with connection.transaction():
        if lease is not None:
            await lease.require(connection)
        return await _start(connection, run, repair, steps)


async def _start(
    connection: asyncpg.Connection, run: HealingRun, repair: Repair, steps: tuple[float, ...]
) -> Rollout:
    incumbent = run.incumbent
    await connection.execute(LOCK_PROMPTS)
    serving = await load_active_prompts(connection)
    if not any(is_same_prompt(prompt, incumbent) for prompt in serving):
        raise IncumbentChangedError(task_type=incumbent.task_type)
    run_id = await record_run(connection, run)
    promised = {"change_reason": repair.change_reason, "improvement_pct": repair.improvement_pct}
    try:
        record = await connection.fetchrow(
            INSERT,
            incumbent.task_type,
            incumbent.id,
            incumbent.digest,
            repair.candidate_id,
            repair.content,
            steps,
            run_id,
            {"repair": promised},
        )
    except asyncpg.NumericValueOutOfRangeError as error:
        raise VersionsExhaustedError(task_type=incumbent.task_type) from error
    if record is None:
        raise RolloutOpenError(task_type=incumbent.task_type)
    # A text with an outcome isn't swept away with those that were only tried.
    await set_outcome(connection, [repair.candidate_id], CANARY)
    return read_rollout(record)


async def keep_detail(
    connection: asyncpg.Connection, rollout: Rollout, detail: dict[str, Any]
) -> bool:
    """Keep what a look found; False where somebody else changed the rollout since it was loaded."""
    return bool(await connection.fetchval(KEEP, *_state(rollout), detail))


async def advance(connection: asyncpg.Connection, rollout: Rollout, detail: dict[str, Any]) -> bool:
    """Go on to the next share; False where somebody else changed the rollout meanwhile."""
    return bool(await connection.fetchval(ADVANCE, *_state(rollout), detail))


async def pause(connection: asyncpg.Connection, rollout_id: UUID, *, person: str) -> Rollout:
    """Let the text serve nobody until a person lets it go on; what was found so far stays.

    Raises:
        RolloutEndedError: If it has ended.
    """
    return await _set_share(connection, rollout_id, person, pauses=True)


async def resume(connection: asyncpg.Connection, rollout_id: UUID, *, person: str) -> Rollout:
    """Let the text serve its step's share again.

    Raises:
        RolloutEndedError: If it has ended.
    """
    return await _set_share(connection, rollout_id, person, pauses=False)


async def _set_share(
    connection: asyncpg.Connection, rollout_id: UUID, person: str, *, pauses: bool
) -> Rollout:
    record = await connection.fetchrow(SET_SHARE, rollout_id, pauses, person)
    if record is None:
        raise RolloutEndedError(rollout_id)
    return read_rollout(record)


def _state(rollout: Rollout) -> tuple[UUID, int, float, dict[str, Any]]:
    return rollout.id, rollout.step, rollout.share, rollout.detail
