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
from services.common.record.rollouts.rollout import Rollout
from services.common.record.rollouts.steps import start_rollout


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


async def begin_rollout(
    connection: asyncpg.Connection,
    run: HealingRun,
    repair: Repair,
    steps: tuple[float, ...],
    *,
    lease: Lease | None = None,
) -> Rollout:
    """Let a proven text serve a share of traffic, and record the run; all or nothing.

    Args:
        steps: Shares in (0, 1], growing; the last is 1.
        lease: What must still be held; None where nobody else could heal.

    Raises:
        LeaseLostError: If it isn't held any more; nothing was changed.
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
        RolloutOpenError: If another text is being rolled out; nothing was changed.
        VersionsExhaustedError: If no version number is left; nothing was changed.
    """
    async with connection.transaction():
        if lease is not None:
            await lease.require(connection)
        return await start_rollout(connection, run, repair, steps)
