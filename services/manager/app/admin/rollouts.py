"""The admin API's rollouts: repairs that serve a share of traffic, and who steers them."""

from typing import Literal
from uuid import UUID

from services.common.admin.schemas import Changed, RolloutView
from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.record.rollouts.endings import BY_PERSON, abort, promote_rollout
from services.common.record.rollouts.rollout import load_rollouts, load_rollouts_by_id
from services.common.record.rollouts.steps import pause, resume
from services.manager.app.access.callers import AnyCaller, create_router

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


@router.post("/rollouts/{rollout_id}/{act}")
async def steer_rollout(
    rollout_id: UUID, act: Literal["promote", "abort", "pause", "resume"], caller: AnyCaller
) -> Changed:
    """Promote a rollout's text at once, abort it, pause it, or let it go on."""
    async with caller.transaction() as connection:
        found = await load_rollouts_by_id(connection, rollout_id, rollout_id)
        if not found:
            raise UnknownRolloutError(f"There is no canary {rollout_id}.")
        [rollout] = found
        caller.require_task_type(rollout.task_type)
        changed = Changed()
        if act == "promote":
            _, activation = await promote_rollout(connection, rollout, person=caller.name)
            changed = Changed(version=activation.version, prompt_id=activation.prompt_id)
        elif act == "abort":
            await abort(connection, rollout, BY_PERSON, person=caller.name)
        elif act == "pause":
            await pause(connection, rollout_id, person=caller.name)
        else:
            await resume(connection, rollout_id, person=caller.name)
    log.info("canary_steered", task_type=rollout.task_type, rollout_id=str(rollout_id), act=act)
    return changed
