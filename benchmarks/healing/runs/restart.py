"""The database restarts in mid-heal: nothing is left half done, and the next heal works."""

import asyncio
from typing import Final

from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import RunRecord
from benchmarks.healing.runs.running import (
    Bench,
    begin_record,
    complete_record,
    note_trouble,
    optimize_once,
    send_all,
    send_history,
)
from benchmarks.healing.scenarios import Fault, PromptScenario
from benchmarks.healing.schedule import Run, plan_healthy
from benchmarks.measured_system import MeasurementError
from services.common.errors import DatabaseUnavailableError

REQUESTS: Final = 10
READY_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02
# The heal's model calls after which the database goes: from the first to close to the last.
FIRST_CALL, LAST_CALL = 1, 40


async def run_restart(lane: Lane, run: Run, bench: Bench, bad: PromptScenario) -> RunRecord:
    """Begin to heal, restart PostgreSQL at a model call that the seed decides, heal again."""
    assert isinstance(run.scenario, Fault)
    traffic = plan_healthy(run, bench.pools, before=bench.pace.before, requests=REQUESTS)
    await lane.database.reset(bench.seed_prompt)
    await send_history(lane, traffic.before, bench)
    await lane.database.deploy(bad.text)
    moment = await note_trouble(lane)
    record = await begin_record(lane, run, bench, moment, verdicts=run.scenario.verdicts)
    await send_all(lane, traffic.after, concurrency=bench.pace.concurrency)
    reached = lane.endpoint.after_calls(run.chance().randint(FIRST_CALL, LAST_CALL))
    healing = asyncio.create_task(optimize_once(lane, record))
    waiting = asyncio.create_task(reached.wait())
    await asyncio.wait((healing, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await lane.restart_database()
    await healing
    await wait_until_ready(lane)
    if record.error == DatabaseUnavailableError.code:
        record.error = ""  # as it should
    if await lane.database.count_active() != 1:
        record.error = "not_one_active_prompt"
    await optimize_once(lane, record)
    await complete_record(lane, bench, moment, record)
    return record


async def wait_until_ready(lane: Lane) -> None:
    """Wait until Manager and Worker have their database again.

    Raises:
        MeasurementError: If that takes too long.
    """
    urls = [f"{url}/health/ready" for url in (lane.settings.manager_url, lane.settings.worker_url)]
    try:
        async with asyncio.timeout(READY_SECONDS):
            for url in urls:
                while not await _is_ready(lane, url):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise MeasurementError("the services didn't find their database again") from error


async def _is_ready(lane: Lane, url: str) -> bool:
    async with lane.session.get(url) as response:
        return response.ok
