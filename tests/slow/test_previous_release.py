"""The release before this one on this one's schema and back, and this one on the schema of before.

Each is run as containers are: services as processes, each as its own database user, and
`selfheal migrate` before a new version. What is asked meanwhile comes through both doors; this
release traces and charges it.
"""

import asyncio
import io
import os
import secrets
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from support.collector import Collector, collecting
from support.running_system import GUIDE_INJECTION
from support.services import Service

from benchmarks.own_ports import take_ports
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
# The last commit of the release before this one. Whoever begins a migration of a new number sets
# it to the last commit on main before that number was there.
PREVIOUS_RELEASE = "b583ed66fca4add7c7ae316cd14b6dbf4fe5d429"
CODE = ("services", "selfheal", "simulated_model", "db", "task_types")
SERVING = ("worker", "evaluator", "manager")
CLIENTS = 4
PATIENCE_SECONDS = 120
OK = 200
TASK_TYPE = "code_generation"
TEXTS = (
    "Write a function that adds two numbers",
    "Write a function that reverses a list",
    "Write a function that counts words",
    "Write a function that finds the largest",
)
LOST = """
    SELECT asked.id FROM unnest($1::uuid[]) AS asked (id)
    WHERE NOT EXISTS (SELECT FROM execution_logs WHERE request_id = asked.id)
"""
LOST_CONVERSATIONS = """
    SELECT asked.id FROM unnest($1::uuid[]) AS asked (id)
    WHERE NOT EXISTS (SELECT FROM selfheal.conversations WHERE request_id = asked.id)
"""
HEALED = """
    SELECT created_by FROM prompts WHERE task_type = $1 AND is_active ORDER BY version DESC LIMIT 1
"""

CHARGED = "SELECT FROM selfheal.spending WHERE purpose = 'serving'"


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, out of this repository's history."""
    archive = git("archive", PREVIOUS_RELEASE, *CODE)
    if archive.returncode != 0:
        whole = git("rev-parse", "--is-shallow-repository").stdout.strip() == b"false"
        lack = f"commit {PREVIOUS_RELEASE} isn't here: get it by `git fetch --unshallow`"
        (pytest.fail if whole else pytest.skip)(lack)
    directory = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory, filter="data")
    return directory


@pytest.fixture(scope="module")
def server(previous: Path) -> Iterator[EmbeddedPostgres]:
    with temporary_postgres(previous / "db" / "schema.sql", settings={"fsync": "off"}) as server:
        yield server


@dataclass
class Stage:
    """A database with its users, where one release or the other serves."""

    home: Path
    server: EmbeddedPostgres
    database: str
    collector: Collector
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    ports: dict[str, int] = field(
        default_factory=lambda: dict(zip(SERVING, take_ports(len(SERVING)), strict=True))
    )
    acknowledged: dict[str, list[UUID]] = field(default_factory=lambda: {"guide": [], "door": []})
    refused: list[str] = field(default_factory=list)

    def environment(self, code: Path, service: str = "") -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        url = self.server.address.url(self.database)
        if service:
            passfile = urlencode({"passfile": self.home / f"{service}.passfile"})
            place = f"127.0.0.1:{self.server.port}/{self.database}"
            url = f"postgresql://{self.database}_{service}@{place}?sslmode=disable&{passfile}"
        own = {
            "PYTHONPATH": str(code),
            "SELFHEAL_ENV_FILE": "",
            "SELFHEAL_HOME": str(self.home),
            "LLM_PROVIDER": "simulated",
            "CANARY_STEPS": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url if code == ROOT else "",
            "INTERNAL_TOKEN": self.token,
            "DATABASE_URL": "" if service == "evaluator" else url,
        }
        places = {f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()} | {
            f"{name.upper()}_URL": self.url(name) for name in ("worker", "evaluator")
        }
        return {name: value for name, value in (kept | own | places).items() if value}

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def run(self, code: Path, module: str, *arguments: str, service: str = "") -> str:
        """Run a program of a release to its end."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            cwd=self.home,
            env=self.environment(code, service),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def migrate(self, code: Path) -> str:
        users = ("manager", "worker", "optimizer")
        files = (f"--{one}-password-file={self.home / one}.passfile" for one in users)
        return self.run(code, "selfheal.cli.main", "migrate", *files)

    @asynccontextmanager
    async def serving(self, code: Path) -> AsyncIterator[None]:
        """Have a release serve."""
        services = [
            Service(
                name,
                [sys.executable, "-P", "-m", f"services.{name}.app.main"],
                self.environment(code, name),
                self.home,
            )
            for name in SERVING
        ]
        try:
            for service in services:
                service.start()
            for name in SERVING:
                await until(partial(is_ready, self.url(name)), f"{name} isn't ready")
            yield
        finally:
            # All at once: each drains for itself.
            await asyncio.gather(*(asyncio.to_thread(one.end) for one in reversed(services)))

    @asynccontextmanager
    async def asked(self, *, at_least: int) -> AsyncIterator[None]:
        """Ask through both doors all the while, and so many times at least."""
        stopped = asyncio.Event()
        goal = at_least + self.count()
        async with (
            httpx.AsyncClient(base_url=self.url("manager"), timeout=60) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(CLIENTS):
                way = ("guide", "door")[number % 2]
                group.create_task(self._ask_on(client, way, stopped))
            yield
            await until(partial(self._has, goal), "too few requests were answered")
            stopped.set()

    async def _has(self, goal: int) -> bool:
        return self.count() >= goal

    def count(self) -> int:
        return sum(map(len, self.acknowledged.values())) + len(self.refused)

    async def _ask_on(self, client: httpx.AsyncClient, way: str, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            for text in TEXTS:
                await self.ask(client, way, text)

    async def ask(self, client: httpx.AsyncClient, way: str, text: str) -> None:
        request_id = uuid4()
        message = {"role": "user", "content": text}
        path, body = {
            "guide": ("/api/v1/request", {"user_input": text, "task_type": TASK_TYPE}),
            "door": ("/v1/chat/completions", {"model": TASK_TYPE, "messages": [message]}),
        }[way]
        answer = await client.post(path, json=body, headers={"X-Request-ID": str(request_id)})
        if answer.status_code == OK:
            self.acknowledged[way].append(request_id)
        else:
            self.refused.append(f"{way}: {answer.status_code} {answer.text}")

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await self.server.address.connect(self.database)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    async def heal(self, code: Path) -> None:
        """Deploy the guide's bad prompt, let it fail, and have a release heal it."""
        connection = await self.server.address.connect(self.database)
        await connection.execute(GUIDE_INJECTION)
        await connection.close()
        async with httpx.AsyncClient(base_url=self.url("manager"), timeout=60) as client:
            for text in TEXTS:
                await self.ask(client, "guide", text)
        await asyncio.to_thread(self.run, code, "services.optimizer.app.main", service="optimizer")
        [row] = await self.fetch(HEALED, TASK_TYPE)
        assert row["created_by"] == "optimizer"

    async def has_scored_all(self) -> bool:
        return not await self.fetch("SELECT FROM selfheal.pending_scores")

    async def require_all_kept(self) -> None:
        """Require that every request was answered, every answer is kept, and none waits."""
        assert self.refused == []
        everything = [one for ids in self.acknowledged.values() for one in ids]
        assert await self.fetch(LOST, everything) == []
        assert await self.fetch(LOST_CONVERSATIONS, self.acknowledged["door"]) == []

    async def require_traced_and_charged(self) -> None:
        """Require that this release told of its answers, and charged them."""
        assert self.collector.find("selfheal-manager", "invoke_agent")
        assert await self.fetch(CHARGED)


async def until(condition: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.1)


async def is_ready(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5) as client:
        try:
            return (await client.get(f"{url}/health/ready")).status_code == OK
        except httpx.TransportError:
            return False


@pytest.fixture
async def stage(server: EmbeddedPostgres, previous: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """A database that the release before made."""
    with collecting() as collector:
        stage = Stage(tmp_path, server, f"d{uuid4().hex[:8]}", collector)
        connection = await server.address.connect()
        await connection.execute(f"CREATE DATABASE {stage.database} TEMPLATE template0")
        await connection.close()
        assert "Applied the database schema" in stage.migrate(previous)
        yield stage


@pytest.mark.timeout(600)
async def test_the_release_before_serves_on_this_schema_and_again_after_this_release(
    stage: Stage, previous: Path
) -> None:
    async with stage.serving(previous):
        async with stage.asked(at_least=24):
            said = await asyncio.to_thread(stage.migrate, ROOT)
            assert "Applied migration 7" in said
        await stage.heal(previous)
    async with stage.serving(ROOT), stage.asked(at_least=12):
        pass
    # As its containers do, whatever the schema is.
    assert "The schema is current" in await asyncio.to_thread(stage.migrate, previous)
    async with stage.serving(previous):
        async with stage.asked(at_least=12):
            pass
        await until(stage.has_scored_all, "scores of this release's answers are missing")
    await stage.require_all_kept()
    await stage.require_traced_and_charged()


@pytest.mark.timeout(600)
async def test_this_release_serves_and_heals_on_the_schema_of_the_one_before(
    stage: Stage,
) -> None:
    async with stage.serving(ROOT):
        async with stage.asked(at_least=12):
            pass
        await stage.require_all_kept()
        await stage.heal(ROOT)
        async with stage.asked(at_least=24):
            assert "Applied migration 7" in await asyncio.to_thread(stage.migrate, ROOT)
        await until(stage.has_scored_all, "scores are missing")
    await stage.require_all_kept()
    await stage.require_traced_and_charged()
