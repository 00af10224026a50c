"""Runs guard inputs under both prompts, more of them while it can't be told what is noise."""

from collections.abc import Sequence

from services.optimizer.app.services.proof.damage import GUARDS_PER_LOOK, Damage, assess_damage
from services.optimizer.app.services.proof.paired_run import run_if_judgeable
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays


async def run_guards(
    replays: TextReplays,
    guards: Sequence[ReplayInput],
    spare: Sequence[ReplayInput] = (),
    *,
    incumbent: str,
    candidate: str,
    max_newly_failing: int,
    reserved_calls: int = 0,
) -> Damage:
    """Run guards until it is settled whether the candidate breaks them, or nothing is left to ask.

    The incumbent is asked where the candidate fails, and everywhere once more newly fail than may.

    Args:
        guards: Those that are run at all events.
        spare: Those that are asked after them, in an order that doesn't depend on results.
        max_newly_failing: How many of ten may newly fail.
        reserved_calls: Worker calls that further looks leave for what comes after.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    order = (*guards, *spare)
    asked = len(guards)
    while True:
        looked_at = order[:asked]
        results = await run_if_judgeable(replays, candidate, looked_at)
        passes = {name: result.passed for name, result in results.items()}
        failing = [item for item in looked_at if not passes.get(item.id, True)]
        await run_if_judgeable(replays, incumbent, failing)
        damage = _assess(replays, incumbent, passes, max_newly_failing)
        if damage.needs_incumbent:
            known = replays.known(incumbent)
            others = [it for it in looked_at if it.id in passes and it.id not in known]
            await run_if_judgeable(replays, incumbent, others[: replays.calls_left])
            damage = _assess(replays, incumbent, passes, max_newly_failing)
        asked += GUARDS_PER_LOOK
        affordable = replays.calls_left - reserved_calls >= 2 * GUARDS_PER_LOOK
        if damage.is_settled or len(looked_at) == len(order) or not affordable:
            return damage


def _assess(
    replays: TextReplays, incumbent: str, passes: dict[str, bool], max_newly_failing: int
) -> Damage:
    known = {name: result.passed for name, result in replays.known(incumbent).items()}
    return assess_damage(known, passes, max_newly_failing=max_newly_failing)
