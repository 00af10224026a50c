"""Records runs: what was decided of a prompt, and what a person answered."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from services.common.models import Prompt
from services.common.record.activation import Activation, Patch, RepairReport, patch_prompt
from services.common.record.outcomes import PROMOTED, PROPOSED, ROLLED_BACK

APPROVED, REJECTED = "approved", "rejected"
CREATED_BY = "optimizer"
# The reason and the strategy of a text that a person proposed without a proof.
BY_HAND = "by_hand"
# The reason of a rollback, carried out or proposed.
WORSE_LIVE = "worse_in_live_traffic"

INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (
        task_type, incumbent_prompt_id, incumbent_digest, decision, reason, verdict,
        report_id, candidate_id, detail, triggered_by, requested_by
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    RETURNING id
"""
INSERT_CANDIDATE = """
    INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id)
    VALUES ($1, $2, $3, $4)
    RETURNING id
"""
NAME_CANDIDATE = "UPDATE selfheal.candidates SET strategy = $2 WHERE id = $1"
SET_OUTCOME = """
    UPDATE selfheal.candidates SET outcome = $2, decided_at = now() WHERE id = ANY($1::uuid[])
"""
START_WATCH = """
    INSERT INTO selfheal.watches (
        task_type, prompt_id, before_prompt_id, candidate_id, report_id, last_good_prompt_id
    ) VALUES ($1, $2, $3, $4, $5, $6)
"""
# A promotion that is replaced is watched no longer, and waiting proposals were for another prompt.
SUPERSEDE_WATCHES = """
    UPDATE selfheal.watches SET ended_at = now(), outcome = 'superseded'
    WHERE task_type = $1 AND ended_at IS NULL
"""
SUPERSEDE_PROPOSALS = """
    UPDATE selfheal.healing_runs SET resolution = 'superseded', resolved_at = now()
    WHERE task_type = $1 AND decision = 'proposed' AND resolution IS NULL
"""
# Of two people who wait for an answer, the later one doesn't withdraw what the earlier one asked.
SUPERSEDE_OWN_PROPOSALS = f"{SUPERSEDE_PROPOSALS} AND requested_by IS NOT DISTINCT FROM $2"
# What a person asked for keeps no prompt from being healed.
HAS_OPEN_PROPOSAL = """
    SELECT EXISTS (
        SELECT 1 FROM selfheal.healing_runs
        WHERE task_type = $1 AND decision = 'proposed' AND resolution IS NULL
          AND incumbent_prompt_id = $2 AND incumbent_digest = $3 AND requested_by IS NULL
          AND ($4 OR detail ? 'waits_because') AND ($5::text IS NULL OR reason = $5)
    )
"""
RESOLVE = """
    UPDATE selfheal.healing_runs
    SET resolution = $2, resolved_at = now(), report_id = $3, resolved_by = $4
    WHERE id = $1
"""
# What a rollback that a person approved takes out of service isn't tried in its place again.
NOTE_ROLLED_BACK = """
    WITH watched AS (
        UPDATE selfheal.watches SET outcome = $2
        WHERE id = (SELECT max(id) FROM selfheal.watches WHERE prompt_id = $1)
        RETURNING candidate_id
    )
    UPDATE selfheal.candidates SET outcome = $2, decided_at = now()
    WHERE id IN (SELECT candidate_id FROM watched)
"""
# Where a report doesn't say what was activated.
NOTE_ACTIVATED = """
    UPDATE selfheal.healing_runs
    SET detail = detail || jsonb_build_object('activated_version', $2::integer)
    WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class HealingRun:
    """What a run decided about one prompt: a row of `selfheal.healing_runs`.

    Attributes:
        decision: `promoted`, `proposed`, `held`, `rolled_back`, or `canary` until it is decided.
        reason: `better`, or why nothing changed.
        fault: Whose fault the failures are; empty where that wasn't asked.
        requested_by: The person who asked for it; None where nobody did.
    """

    incumbent: Prompt
    decision: str
    reason: str
    fault: str
    detail: dict[str, Any]
    triggered_by: str
    candidate_id: UUID | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """A proven text: the candidate, why it is to serve, and what it won on replays.

    `improvement_pct` is in percentage points of mean score; `created_by` is who wrote it.
    """

    candidate_id: UUID
    content: str
    change_reason: str
    improvement_pct: float
    created_by: str = CREATED_BY


async def record_run(
    connection: asyncpg.Connection, run: HealingRun, *, report_id: int | None = None
) -> UUID:
    """Record what was decided, and why."""
    run_id: UUID = await connection.fetchval(
        INSERT_RUN,
        run.incumbent.task_type,
        run.incumbent.id,
        run.incumbent.digest,
        run.decision,
        run.reason,
        run.fault or None,
        report_id,
        run.candidate_id,
        run.detail,
        run.triggered_by,
        run.requested_by,
    )
    return run_id


async def register_candidate(
    connection: asyncpg.Connection, incumbent: Prompt, *, content: str, strategy: str
) -> UUID:
    """Let the Worker generate with a text, for callers that show the internal token."""
    candidate_id: UUID = await connection.fetchval(
        INSERT_CANDIDATE, incumbent.task_type, content, strategy, incumbent.id
    )
    return candidate_id


async def name_candidate(connection: asyncpg.Connection, candidate_id: UUID, strategy: str) -> None:
    """Record which strategy proposes a text that was registered before."""
    await connection.execute(NAME_CANDIDATE, candidate_id, strategy)


async def set_outcome(
    connection: asyncpg.Connection, candidate_ids: list[UUID], outcome: str
) -> None:
    """Record an outcome, such as `lost`, `promoted`, `proposed`, `canary` or `rejected`."""
    await connection.execute(SET_OUTCOME, candidate_ids, outcome)


async def propose(connection: asyncpg.Connection, run: HealingRun) -> UUID:
    """Leave a text for a person to approve; it replaces an earlier proposal of the same origin."""
    async with connection.transaction():
        await connection.execute(SUPERSEDE_OWN_PROPOSALS, run.incumbent.task_type, run.requested_by)
        if run.candidate_id is not None:
            await set_outcome(connection, [run.candidate_id], PROPOSED)
        return await record_run(connection, run)


async def approve(
    connection: asyncpg.Connection,
    run_id: UUID,
    run: HealingRun,
    repair: Repair,
    *,
    person: str | None = None,
) -> Activation:
    """Activate what an earlier run proposed, once a person said yes; all or nothing.

    Raises:
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        activation = await activate_repair(connection, run, repair)
        if run.reason == WORSE_LIVE:
            await connection.execute(NOTE_ROLLED_BACK, run.incumbent.id, ROLLED_BACK)
        await connection.execute(RESOLVE, run_id, APPROVED, activation.report_id, person)
    return activation


async def approve_unproven(
    connection: asyncpg.Connection, run_id: UUID, incumbent: Prompt, patch: Patch, *, person: str
) -> Activation:
    """Activate what a person proposed without a proof: it has no report, and isn't watched.

    Raises:
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        activation = await patch_prompt(connection, incumbent=incumbent, patch=patch)
        await connection.execute(RESOLVE, run_id, APPROVED, None, person)
        await connection.execute(NOTE_ACTIVATED, run_id, activation.version)
        await connection.execute(SUPERSEDE_PROPOSALS, incumbent.task_type)
    return activation


async def reject(
    connection: asyncpg.Connection, run_id: UUID, candidate_id: UUID, *, person: str | None = None
) -> None:
    """Turn down what a run proposed; the text isn't tried again for a day."""
    async with connection.transaction():
        await connection.execute(RESOLVE, run_id, REJECTED, None, person)
        await set_outcome(connection, [candidate_id], REJECTED)


async def has_open_proposal(
    connection: asyncpg.Connection,
    incumbent: Prompt,
    *,
    of_any_kind: bool = True,
    reason: str | None = None,
) -> bool:
    """Tell whether a proven text waits for a person, in place of this very prompt.

    Args:
        of_any_kind: Whether those count that would be activated by themselves in another mode.
        reason: The one for which it was proposed; None for any.
    """
    prompt = incumbent.task_type, incumbent.id, incumbent.digest
    is_there: bool = await connection.fetchval(HAS_OPEN_PROPOSAL, *prompt, of_any_kind, reason)
    return is_there


async def activate_repair(
    connection: asyncpg.Connection, run: HealingRun, repair: Repair
) -> Activation:
    """Activate a proven text in place of what a run looked at, report it, and begin to watch it.

    It belongs in one transaction with what else is recorded of the decision.

    Raises:
        IncumbentChangedError: If another prompt serves by now.
        VersionsExhaustedError: If no version number is left.
    """
    task_type = run.incumbent.task_type
    activation = await patch_prompt(
        connection,
        incumbent=run.incumbent,
        patch=Patch(repair.content, repair.change_reason, repair.created_by),
        report=RepairReport(run.detail, repair.improvement_pct, run.triggered_by),
    )
    await connection.execute(SUPERSEDE_WATCHES, task_type)
    await connection.execute(SUPERSEDE_PROPOSALS, task_type)
    await connection.execute(
        START_WATCH,
        task_type,
        activation.prompt_id,
        run.incumbent.id,
        repair.candidate_id,
        activation.report_id,
        _find_id(run.detail.get("last_good")),
    )
    await set_outcome(connection, [repair.candidate_id], PROMOTED)
    return activation


def _find_id(prompt: object) -> int | None:
    """Find the id of a prompt in a run's record, which may lack it."""
    found = prompt.get("prompt_id") if isinstance(prompt, dict) else None
    return found if isinstance(found, int) else None
