"""An Optimizer that is killed at each step of a heal."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faults.fault import Fault
from faults.site import OPTIMIZER, Site, until_none
from support.running_system import GUIDE_INJECTION

# Told when the new prompt serves.
HEALED = "prompt_patched"
# In their order.
STEPS = (
    "failure_watch_started",
    "optimization_cycle_started",
    "task_types_needing_optimization",
    "failures_attributed",
    "candidate_screened",
    "candidate_chosen",
    "verdict_reached",
    HEALED,
)
EAGER = {"OPTIMIZER_COOLDOWN_SECONDS": "1", "OPTIMIZER_POLL_SECONDS": "1"}
# It does what its prompt says, good or bad.
SIMULATED = {
    "LLM_PROVIDER": "simulated",
    **dict.fromkeys(("LLM_API_KEY", "LLM_BASE_URL", "LLM_MODEL"), ""),
}
SELECT_ACTIVE = "SELECT version FROM prompts WHERE is_active AND task_type = 'code_generation'"
COUNT_PROMOTED = "SELECT count(*) FROM selfheal.healing_runs WHERE decision = 'promoted'"
RESTORE = """
    DELETE FROM selfheal.watches;
    DELETE FROM prompts WHERE version <> 1;
    UPDATE prompts SET is_active = TRUE;
"""


@asynccontextmanager
async def with_an_obedient_model(site: Site) -> AsyncIterator[None]:
    """Have the simulated model answer; afterwards the seed prompt serves again."""
    async with site.configured({"worker": SIMULATED}):
        try:
            yield
        finally:
            await asyncio.to_thread(site.services[OPTIMIZER].end)
            await site.execute(RESTORE)


@asynccontextmanager
async def killed_at_each_step(site: Site) -> AsyncIterator[None]:
    """Deploy a bad prompt, and kill the Optimizer whenever it tells of a step for the first time.

    In the end the bad prompt is replaced, once.
    """
    [(promoted_before,)] = await site.fetch(COUNT_PROMOTED)
    await site.execute(GUIDE_INJECTION)
    optimizer = site.services[OPTIMIZER]
    healed_before = _count(site, HEALED)
    for step in STEPS:
        told = _count(site, step)
        optimizer.start(EAGER)

        async def find_nothing_told(step: str = step, told: int = told) -> str:
            # It may have gone on to the end before it could be killed.
            is_told = _count(site, step) > told or _count(site, HEALED) > healed_before
            return "" if is_told else f"the Optimizer tells nothing of {step}"

        await until_none(find_nothing_told)
        await asyncio.to_thread(optimizer.end, signal.SIGKILL)
        if _count(site, HEALED) > healed_before:
            break
    optimizer.start(EAGER)
    [(version,)] = await site.fetch(SELECT_ACTIVE)
    [(promoted,)] = await site.fetch(COUNT_PROMOTED)
    assert version > 99
    assert promoted == promoted_before + 1
    yield


def _count(site: Site, event: str) -> int:
    """Count how often the Optimizer has told of an event."""
    log = site.system.directory / f"{OPTIMIZER}.log"
    # The last line may be half written.
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return sum(line.startswith("{") and json.loads(line)["event"] == event for line in lines)


FAULTS = [
    Fault(
        name="optimizer killed at each step of a heal",
        strike=killed_at_each_step,
        seconds=0,
        stage=with_an_obedient_model,
        cost_seconds=240,
        refuses_nothing=True,
    )
]
