"""Brings what the Optimizer proved into effect, and puts it on record: one transaction."""

from dataclasses import replace

import asyncpg

from services.common.record.activation import Activation
from services.common.record.healing_runs import (
    HealingRun,
    Repair,
    activate_repair,
    record_run,
)
from services.common.record.leases import Lease


async def promote(
    connection: asyncpg.Connection, run: HealingRun, repair: Repair, *, lease: Lease | None = None
) -> Activation:
    """Activate a proven text, report it, record the run and begin to watch it; all or nothing.

    Args:
        lease: What must still be held; None where nobody else could heal.

    Raises:
        LeaseLostError: If it isn't held any more; nothing was changed.
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        if lease is not None:
            await lease.require(connection)
        activation = await activate_repair(connection, run, repair)
        run_id = await record_run(connection, run, report_id=activation.report_id)
    return replace(activation, run_id=run_id)
