"""Brings what the Optimizer decided into effect, and puts it on record: one transaction each."""

from dataclasses import replace
from uuid import UUID

import asyncpg

from services.common.record.activation import Activation
from services.common.record.healing_runs import (
    SUPERSEDE_PROPOSALS,
    HealingRun,
    Repair,
    activate_repair,
    record_run,
    set_outcome,
)
from services.common.record.outcomes import PROPOSED


async def promote(connection: asyncpg.Connection, run: HealingRun, repair: Repair) -> Activation:
    """Activate a proven text, report it, record the run and begin to watch it; all or nothing.

    Raises:
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        activation = await activate_repair(connection, run, repair)
        run_id = await record_run(connection, run, report_id=activation.report_id)
    return replace(activation, run_id=run_id)


async def propose(connection: asyncpg.Connection, run: HealingRun) -> UUID:
    """Leave a proven text for a person to approve; it replaces an earlier proposal."""
    async with connection.transaction():
        await connection.execute(SUPERSEDE_PROPOSALS, run.incumbent.task_type)
        if run.candidate_id is not None:
            await set_outcome(connection, [run.candidate_id], PROPOSED)
        return await record_run(connection, run)
