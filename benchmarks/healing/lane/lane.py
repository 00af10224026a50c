"""A lane: one whole system of its own, with switches where things can be made to fail."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from benchmarks.healing.inputs import LOCAL, NOISY
from benchmarks.healing.lane.database import TASK_TYPE, LaneDatabase
from benchmarks.healing.lane.evaluator_switch import EvaluatorCondition, EvaluatorSwitch
from benchmarks.healing.lane.model_endpoint import (
    ModelCondition,
    ModelEndpoint,
    complete_simulated,
    forward_to,
)
from benchmarks.measured_system import spawn, stop, wait_until_ready
from benchmarks.own_ports import take_port, take_ports
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime import local_model
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.process_plan import Credentials, plan_processes
from services.common.config import Settings
from services.common.http import create_session

INTERNAL_TOKEN: Final = "benchmark"
# A lane's data is gone in minutes: nothing is gained by waiting for the disk.
SPEED: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SIMULATED_TIMEOUT_SECONDS: Final = 1.5
MOST_CALLS: Final = {"simulated": 60, NOISY: 120, LOCAL: 120}
ANALYST: Final = "analyst"
# A request a second is traffic in fast motion, and so are the pauses between heals.
LOCAL_COOLDOWN_SECONDS: Final = 5
REQUEST_TIMEOUT_SECONDS: Final = 300.0
PLAIN_REQUEST: Final = "Write a function that adds two numbers"
SETTLE_SECONDS, SETTLE_POLL_SECONDS = 30.0, 0.1
OPEN_BREAKER: Final = re.compile(r"^agent_breaker_open\{.*\} 1(\.0)?$", re.M)
# As many answers as are judged at a time.
SANDBOX_SLOTS: Final = 4


@dataclass(frozen=True, slots=True)
class LanePlan:
    """Parts and addresses of a lane, before its switches are started.

    Attributes:
        number: Tells lanes apart.
        settings: What its services and its Optimizer are configured with.
        evaluator_url: The Evaluator itself, past the switch.
        model_port: Where the model's endpoint is to be.
        switch_port: Where the Evaluator's switch is to be.
        model_url: What is behind the endpoint; empty for the simulated model.
        postgres: The lane's server.
    """

    number: int
    settings: Settings
    evaluator_url: str
    model_port: int
    switch_port: int
    model_url: str
    postgres: EmbeddedPostgres


@dataclass(slots=True)
class Lane:
    """A running system of the benchmark, with its switches and its database."""

    plan: LanePlan
    session: aiohttp.ClientSession
    endpoint: ModelEndpoint
    switch: EvaluatorSwitch
    database: LaneDatabase

    @property
    def settings(self) -> Settings:
        """Settings of the lane's Optimizer."""
        return self.plan.settings

    async def send(self, text: str) -> dict[str, Any] | None:
        """Send a request to the Manager; returns its answer, None where it failed."""
        async with self.session.post(
            f"{self.settings.manager_url}/api/v1/request",
            json={"user_input": text, "task_type": TASK_TYPE},
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS),
        ) as response:
            content = await response.read()
            return json.loads(content) if response.ok else None

    async def settle(self) -> None:
        """Wait until a request is answered and scored, and no breaker is open any more.

        What failed in the run before opens them; while the Worker's to the database is, it answers
        from memory and replays nothing.

        Raises:
            TimeoutError: If that takes too long.
        """
        async with asyncio.timeout(SETTLE_SECONDS):
            while (  # noqa: ASYNC110 - other processes
                await self.send(PLAIN_REQUEST) is None or await self._has_open_breakers()
            ):
                await asyncio.sleep(SETTLE_POLL_SECONDS)

    async def _has_open_breakers(self) -> bool:
        for url in (self.settings.manager_url, self.settings.worker_url):
            async with self.session.get(f"{url}/metrics") as response:
                if OPEN_BREAKER.search(await response.text()):
                    return True
        return False

    def repair_everything(self) -> None:
        """Put both switches back."""
        self.endpoint.condition = ModelCondition.WELL
        self.switch.condition = EvaluatorCondition.WELL

    async def restart_database(self) -> None:
        """Restart PostgreSQL under everybody's hands."""
        await asyncio.to_thread(self._restart)

    def _restart(self) -> None:
        self.plan.postgres.stop()
        self.plan.postgres.start()


@contextmanager
def start_lane(number: int, model: str, model_url: str, directory: Path) -> Iterator[LanePlan]:
    """Start a lane's PostgreSQL and services; its switches come with `open_lane`."""
    with ExitStack() as stack:
        postgres = stack.enter_context(temporary_postgres(find_schema(), settings=SPEED))
        manager, worker, evaluator, endpoint, switch = take_ports(5)
        settings = Settings(
            _env_file=None,
            database_url=postgres.database_url,
            internal_token=INTERNAL_TOKEN,
            manager_port=manager,
            worker_port=worker,
            evaluator_port=evaluator,
            manager_url=_url(manager),
            worker_url=_url(worker),
            evaluator_url=_url(switch),
            selfheal_home=directory,
            task_types_dir=directory / "task_types",
            judge_model="rubric",
            sandbox_slots=SANDBOX_SLOTS,
            optimizer_model=f"openai:{ANALYST}" if model == NOISY else "rules",
            optimizer_mode="auto",
            canary_steps="1",
            optimizer_triggered_by="benchmark",
            optimizer_max_calls=MOST_CALLS[model],
            notify_webhook_url=None,
            console="off",
            llm_base_url=f"{_url(endpoint)}/v1",
            **_model_settings(model),
        )
        credentials = Credentials(database_url=postgres.database_url, internal_token=INTERNAL_TOKEN)
        started = []
        for spec in (spec for stage in plan_processes(settings, credentials) for spec in stage):
            log = directory / f"{spec.name}-{number}.log"
            process = spawn(spec.command, spec.child_environment(os.environ), log)
            stack.callback(stop, process)
            started.append((process, spec.ready_url, log))
        for process, ready_url, log in started:
            wait_until_ready(process, ready_url, log)
        yield LanePlan(number, settings, _url(evaluator), endpoint, switch, model_url, postgres)


@asynccontextmanager
async def open_lane(plan: LanePlan) -> AsyncIterator[Lane]:
    """Open a lane's switches in this process."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(create_session())
        complete = forward_to(session, plan.model_url) if plan.model_url else complete_simulated
        endpoint = ModelEndpoint(complete)
        remembers = plan.settings.optimizer_model.endswith(ANALYST)
        switch = EvaluatorSwitch(session, plan.evaluator_url, remembers=remembers)
        for application, port in (
            (endpoint.application(), plan.model_port),
            (switch.application(), plan.switch_port),
        ):
            runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, LOOPBACK, port, shutdown_timeout=1).start()
        database = LaneDatabase(plan.settings.database_url.get_secret_value())
        await database.open()
        stack.push_async_callback(database.close)
        yield Lane(plan, session, endpoint, switch, database)


@contextmanager
def serve_local_model(directory: Path) -> Iterator[str]:
    """Serve the local model; yields the URL of its API."""
    local_model.require_wheels()
    port = take_port()
    log = directory / "local-model.log"
    command = (sys.executable, "-P", "-m", local_model.__name__, "--port", str(port))
    process = spawn(command, os.environ, log)
    try:
        wait_until_ready(process, f"{_url(port)}/health", log)
        yield f"{_url(port)}/v1"
    finally:
        stop(process)


def _model_settings(model: str) -> dict[str, Any]:
    if model == LOCAL:
        return {
            "llm_provider": "local",
            "refiner_language": "none",
            "optimizer_cooldown_seconds": LOCAL_COOLDOWN_SECONDS,
        }
    return {
        "llm_provider": "openai",
        "llm_model": "simulated",
        "llm_api_key": "not-a-key",
        "llm_timeout_seconds": SIMULATED_TIMEOUT_SECONDS,
    }


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
