"""The admin API's rollouts: repairs that serve a share of traffic, and who steers them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from services.common.admin.schemas import Changed, RolloutView
from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.record.rollouts.endings import BY_PERSON, abort, promote_rollout
from services.common.record.rollouts.rollout import Rollout, load_rollouts, load_rollouts_by_id
from services.common.record.rollouts.steps import pause, resume
from services.manager.app.access.callers import AnyCaller, Caller, create_router

MOST_SHOWN = 100

router = create_router()
log = get_logger()


class UnknownRolloutError(ServiceError):
    """No rollout has this id."""

    status_code = 404
    code = "unknown_canary"


@router.get("/rollouts")
async def list_rollouts(caller: AnyCaller) -> list[RolloutView]:
    """List rollouts, the latest first: those under way, and how the others ended."""
    async with caller.database.connection() as connection:
        found = await load_rollouts(connection, None, limit=MOST_SHOWN)
    bound = caller.person.task_types
    return [
        RolloutView.model_validate(one, from_attributes=True)
        for one in found
        if bound is None or one.task_type in bound
    ]


@router.post("/rollouts/{rollout_id}/promote")
async def promote(rollout_id: UUID, caller: AnyCaller) -> Changed:
    """Let a rollout's text serve all of the traffic now, whatever its answers show so far."""
    async with _steering(rollout_id, caller) as (connection, rollout):
        _, activation = await promote_rollout(connection, rollout, person=caller.name)
    return Changed(version=activation.version, prompt_id=activation.prompt_id)


@router.post("/rollouts/{rollout_id}/abort")
async def end(rollout_id: UUID, caller: AnyCaller) -> Changed:
    """Let what served before serve all of the traffic; the text isn't tried again for a day."""
    async with _steering(rollout_id, caller) as (connection, rollout):
        await abort(connection, rollout, BY_PERSON, person=caller.name)
    return Changed()


@router.post("/rollouts/{rollout_id}/pause")
async def hold(rollout_id: UUID, caller: AnyCaller) -> Changed:
    """Let a rollout serve nobody until it is resumed."""
    async with _steering(rollout_id, caller) as (connection, _):
        await pause(connection, rollout_id, person=caller.name)
    return Changed()


@router.post("/rollouts/{rollout_id}/resume")
async def go_on(rollout_id: UUID, caller: AnyCaller) -> Changed:
    """Let a paused rollout serve its share again."""
    async with _steering(rollout_id, caller) as (connection, _):
        await resume(connection, rollout_id, person=caller.name)
    return Changed()


@asynccontextmanager
async def _steering(
    rollout_id: UUID, caller: Caller
) -> AsyncIterator[tuple[asyncpg.Connection, Rollout]]:
    """Load a rollout that is the caller's to steer, in a transaction of theirs."""
    async with caller.transaction() as connection:
        found = await load_rollouts_by_id(connection, rollout_id, rollout_id)
        if not found:
            raise UnknownRolloutError(f"There is no canary {rollout_id}.")
        [rollout] = found
        caller.require_task_type(rollout.task_type)
        yield connection, rollout
    log.info("canary_steered", task_type=rollout.task_type, rollout_id=str(rollout_id))
