"""A system with a proxy on every way between its parts, and a supervisor of its services."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from faults.provider import MODEL, Provider
from support.fault_proxy import LOOPBACK, FaultProxy
from support.replicas import DRAINING
from support.running_system import RunningSystem, make_system
from support.services import STOP_SECONDS, Service, find_service

from benchmarks.open_load import WAYS, Load, Sent, Way, ask
from selfheal.runtime.postgres.server import EmbeddedPostgres

SERVING = ("worker", "evaluator", "manager")
OPTIMIZER = "optimizer"
BACK_SECONDS = 240
LOOK_SECONDS = 0.25
# Shorter than the defaults, so that what waits for them shows within the time of a fault.
BOUNDS = {
    "LLM_TIMEOUT_SECONDS": "10",
    "WORKER_TIMEOUT_SECONDS": "15",
    "EVALUATOR_TIMEOUT_SECONDS": "10",
}
RATE = float(os.environ.get("FAULT_RATE", "9"))
SPOOL_GAUGE = "agent_spool_records"


class NotBackError(AssertionError):
    """The system didn't come back by itself."""


@dataclass
class Site:
    """What faults are put on.

    Attributes:
        system: The command line's view of it.
        postgres: Its database server.
        provider: What its model is.
        proxies: The ways to `worker`, `evaluator`, `provider` and `postgres`.
        services: Its processes, by name.
        load: What is being sent while a fault is tried.
        writable: The server that takes writes, where another one has become that.
        fronts: Ports of what stands before several of a service, by service.
        pooler, standby, replicas: What a stage has put there, for its fault.
    """

    system: RunningSystem
    postgres: EmbeddedPostgres
    provider: Provider
    proxies: dict[str, FaultProxy]
    services: dict[str, Service] = field(default_factory=dict)
    load: Load = field(default_factory=lambda: Load("", RATE))
    writable: EmbeddedPostgres | None = None
    fronts: dict[str, int] = field(default_factory=dict)
    pooler: Any = None
    standby: Any = None
    replicas: Any = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.fronts.get('manager') or self.system.port('manager')}"

    async def connect(self) -> asyncpg.Connection:
        return await (self.writable or self.postgres).address.connect()

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await self.connect()
        try:
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    async def execute(self, statements: str) -> None:
        connection = await self.connect()
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def restart(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        await asyncio.to_thread(self.services[name].end)
        self.services[name].start(extra)

    @asynccontextmanager
    async def configured(self, settings: Mapping[str, Mapping[str, str]]) -> AsyncIterator[None]:
        """Run services with other settings for a while, each with its own."""
        for name, own in settings.items():
            await self.restart(name, own)
        try:
            await self.until_back()
            yield
        finally:
            for name in settings:
                await self.restart(name)

    @asynccontextmanager
    async def led(self, ports: Mapping[str, int]) -> AsyncIterator[None]:
        """Have proxies lead elsewhere for a while; connections that are open end."""
        before = {name: self.proxies[name].upstream for name in ports}
        await self._lead(ports)
        try:
            yield
        finally:
            await self._lead(before)

    async def _lead(self, ports: Mapping[str, int]) -> None:
        for name, port in ports.items():
            async with self.proxies[name].down():
                self.proxies[name].upstream = port

    async def mend(self) -> None:
        """Bring back what didn't come back by itself, so that the next fault can be tried."""
        await self.fetch("DELETE FROM selfheal.pending_scores")
        for name in SERVING:
            await self.restart(name)

    async def until_back(self) -> None:
        """Wait until all is as it was: nobody does anything but ask and wait."""
        async with aiohttp.ClientSession() as session:
            await until_none(lambda: self._find_unready(session))
            # What was asked waits for its score in turn, and is asked no more.
            for way in WAYS:
                await until_none(lambda way=way: self._find_refusal(session, way))
            await until_none(lambda: self._find_backlog(session))

    async def _find_unready(self, session: aiohttp.ClientSession) -> str:
        for name in SERVING:
            port = self.fronts.get(name) or self.system.port(name)
            url = f"http://{LOOPBACK}:{port}/health/ready"
            try:
                async with session.get(url, timeout=aiohttp.ClientTimeout(5)) as response:
                    if response.status != 200:
                        return f"{name} is not ready: {await response.text()}"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return f"{name} gives no answer: {type(error).__name__}"
        return ""

    async def _find_refusal(self, session: aiohttp.ClientSession, way: Way) -> str:
        sent = Sent(way)
        await ask(session, self.url, sent)
        return "" if sent.outcome == "acknowledged" else f"{way}: {sent.outcome} {sent.code}"

    async def _find_backlog(self, session: aiohttp.ClientSession) -> str:
        [(pending,)] = await self.fetch("SELECT count(*) FROM selfheal.pending_scores")
        if pending:
            return f"{pending} answers wait for their scores"
        async with session.get(f"{self.url}/metrics") as response:
            for line in (await response.text()).splitlines():
                name, _, value = line.partition(" ")
                if name == SPOOL_GAUGE and float(value):
                    return f"{value} records lie in the spool"
        return ""


async def until_none(find_obstacle: Callable[[], Awaitable[str]]) -> None:
    """Wait until nothing stands in the way, by looking again and again."""
    obstacle = ""
    try:
        async with asyncio.timeout(BACK_SECONDS):
            # What another process is at has no event to wait for.
            while obstacle := await find_obstacle():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise NotBackError(f"not back after {BACK_SECONDS} s: {obstacle}") from None


@asynccontextmanager
async def open_site(directory: Path) -> AsyncIterator[Site]:
    """Start a system as a user would, then run its services with proxies between them."""
    async with AsyncExitStack() as stack:
        system = make_system(directory)
        provider = await stack.enter_async_context(Provider().serving())
        upstreams = {name: system.port(name) for name in ("worker", "evaluator", "postgres")}
        proxies = {
            name: FaultProxy(port)
            for name, port in {**upstreams, "provider": provider.port}.items()
        }
        for proxy in proxies.values():
            await proxy.open()
            stack.push_async_callback(proxy.close)
        system.environment.update(
            BOUNDS | DRAINING,
            LLM_PROVIDER="openai",
            LLM_API_KEY="sk-not-a-key",
            LLM_BASE_URL=f"{proxies['provider'].url}/v1",
            LLM_MODEL=MODEL,
            JUDGE_MODEL="rubric",
            OPTIMIZER_MODEL="rules",
            WORKER_URL=proxies["worker"].url,
            EVALUATOR_URL=proxies["evaluator"].url,
        )
        stack.push_async_callback(asyncio.to_thread, system.selfheal, "reset", "--yes")
        await asyncio.to_thread(system.selfheal, "up", "--autopilot")
        site = Site(system, system.database, provider, proxies)
        await asyncio.to_thread(_take_over, site)
        for name, service in site.services.items():
            stack.callback(service.end, signal.SIGKILL)
            if name != OPTIMIZER:
                service.start()
        await site.until_back()
        yield site


def _take_over(site: Site) -> None:
    """End the services that the command line started, and know how to run them ourselves.

    Their way into the database leads through its proxy from now on.
    """
    direct = f"@{LOOPBACK}:{site.system.port('postgres')}"
    proxied = f"@{LOOPBACK}:{site.proxies['postgres'].port}"
    for name in (*SERVING, OPTIMIZER):
        service, process = find_service(site.system, name)
        service.environment = {
            variable: text.replace(direct, proxied)
            for variable, text in service.environment.items()
        }
        site.services[name] = service
        process.terminate()
        process.wait(STOP_SECONDS)


@contextmanager
def signalled(service: Service, first: int, last: int) -> Iterator[None]:
    """Send a signal, and another one afterwards."""
    service.send(first)
    try:
        yield
    finally:
        service.send(last)
