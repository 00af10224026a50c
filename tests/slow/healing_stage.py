"""A real PostgreSQL, a Worker and an Evaluator that stand in, and Optimizers as processes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.temporary_postgres import EMPTY_TABLES
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.process_plan import OPTIMIZER_COMMAND
from services.common.database import APPLICATION_NAME, configure_connection

Connection = asyncpg.Connection

TASK_TYPE = "code_generation"
BAD_PROMPT = "just say hello world to everything"
HELLO = "Hello World"
CODE = "```python\ndef answer() -> int:\n    return 42\n```"
PATIENCE_SECONDS = 60
FINGERPRINT = "stand-in"

DEACTIVATE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1"
INSERT_PROMPT = """
    INSERT INTO prompts (task_type, content, version, created_by)
    VALUES ($1, $2, $3, 'mentor') RETURNING id
"""
INSERT_LOG = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, prompt_version, worker_output,
        evaluation_score, evaluation_passed, evaluation_detail
    ) VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)
"""
SELECT_ACTIVE = """
    SELECT id, version, content FROM prompts WHERE task_type = $1 AND is_active ORDER BY id
"""
COUNT_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = $1 AND wait_event_type = 'Lock' AND state = 'active'
"""
COUNT_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
COUNT_ADVISORY_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@dataclass(frozen=True)
class Ended:
    """A run of the Optimizer that is over: its exit code and what it logged."""

    exit_code: int
    log: list[dict[str, Any]]
    stderr: str

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.log]

    def entry(self, event: str) -> dict[str, Any]:
        return next(entry for entry in self.log if entry["event"] == event)


@dataclass
class Optimizer:
    """The Optimizer as a process of its own."""

    process: asyncio.subprocess.Process
    log: list[dict[str, Any]] = field(default_factory=list)

    async def read_until(self, event: str) -> None:
        """Read its log until it tells of an event."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self.process.stdout:
                self.log.append(json.loads(line))
                if self.log[-1]["event"] == event:
                    return
        raise AssertionError(f"it ended without {event}: {self.log}")

    def kill(self) -> None:
        """SIGKILL: it is gone, whatever it was at."""
        if self.process.returncode is None:
            self.process.kill()

    def terminate(self) -> None:
        """SIGTERM: it is asked to end."""
        self.process.terminate()

    async def ended(self) -> Ended:
        """Wait until it ends by itself, or by what was done to it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, errors = await self.process.communicate()
        self.log += [json.loads(line) for line in output.splitlines()]
        assert self.process.returncode is not None
        return Ended(self.process.returncode, self.log, errors.decode())


OnCall = Callable[[str, int], Awaitable[None]]


async def _answer_at_once(_service: str, _number: int) -> None:
    pass


async def _say_that_all_is_well(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "degraded": False})


@dataclass
class Siblings:
    """A Worker that does what its prompt says, and an Evaluator that wants code.

    Attributes:
        load_candidate: Gives the text behind a candidate's id.
        respond: Prompt and input to answer, or the HTTP status of a failure.
        grade: Input and answer to score.
        on_call: Runs before each answer, with `worker` or `evaluator` and the call's number.
    """

    load_candidate: Callable[[UUID], Awaitable[str]]
    respond: Callable[[str, str], str | int] = lambda prompt, _input: (
        HELLO if "hello world" in prompt.lower() else CODE
    )
    grade: Callable[[str, str], float] = lambda _input, output: 0.874 if output == CODE else 0.36
    on_call: OnCall = _answer_at_once
    calls: dict[str, int] = field(default_factory=lambda: {"worker": 0, "evaluator": 0})
    urls: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        worker, evaluator = web.Application(), web.Application()
        worker.router.add_post("/api/v1/task", self._perform_task)
        evaluator.router.add_post("/api/v1/evaluate", self._evaluate)
        evaluator.router.add_get("/health/ready", _say_that_all_is_well)
        async with TestServer(worker) as one, TestServer(evaluator) as other:
            self.urls = {
                "WORKER_URL": str(one.make_url("/")),
                "EVALUATOR_URL": str(other.make_url("/")),
            }
            yield self

    async def _count(self, service: str) -> None:
        self.calls[service] += 1
        await self.on_call(service, self.calls[service])

    async def _perform_task(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self._count("worker")
        prompt = await self.load_candidate(UUID(body["candidate_id"]))
        output = self.respond(prompt, body["refined_input"])
        if isinstance(output, int):
            error = {"code": "model_failed", "message": "The model failed.", "request_id": "x"}
            return web.json_response(error, status=output)
        return web.json_response(
            {
                "request_id": body["request_id"],
                "output": output,
                "prompt_version": 0,
                "latency_ms": 1,
                "model": "stand-in",
            }
        )

    async def _evaluate(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self._count("evaluator")
        score = self.grade(body["refined_input"], body["worker_output"])
        return web.json_response(
            {
                "request_id": body["request_id"],
                "score": score,
                "passed": score >= 0.7,
                "detail": {"evaluator": {"fingerprint": FINGERPRINT}},
            }
        )


class Stage:
    """What a test of the Optimizer as a process stands on.

    Args:
        postgres: The server; a test may stop and start it.
        directory: Where processes are started; nothing of the tester's settings lies there.
    """

    def __init__(self, postgres: EmbeddedPostgres, directory: Path) -> None:
        self.postgres = postgres
        self.directory = directory
        self.siblings = Siblings(self._load_candidate)
        self._connection: Connection | None = None
        self._started: list[Optimizer] = []
        self._restart: asyncio.Task[None] | None = None

    async def connect(self) -> Connection:
        """A further connection, such as a person at psql has."""
        await self.until_restarted()
        connection = await asyncpg.connect(self.postgres.database_url)
        await configure_connection(connection)
        return connection

    async def database(self) -> Connection:
        """The test's own connection; a new one where the server was restarted."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self.connect()
        return self._connection

    async def close(self) -> None:
        """End whatever still runs."""
        for optimizer in self._started:
            optimizer.kill()
            await optimizer.process.wait()
        if self._connection is not None:
            await self._connection.close()

    async def reset(self, seed: str) -> None:
        """Leave nothing in the database but a seed prompt, version 1, that served well."""
        database = await self.database()
        await database.execute(EMPTY_TABLES)
        await database.execute(INSERT_PROMPT, TASK_TYPE, seed, 1)
        await self.log_answers("Sort a list", version=1, output=CODE, times=5)
        self.siblings.calls.update(worker=0, evaluator=0)
        self.siblings.on_call = _answer_at_once

    async def deploy(self, content: str = BAD_PROMPT, *, version: int = 99) -> int:
        """Deploy a prompt by hand, with the statements of the guide's demo."""
        database = await self.database()
        async with database.transaction():
            await database.execute(DEACTIVATE, TASK_TYPE)
            prompt_id: int = await database.fetchval(INSERT_PROMPT, TASK_TYPE, content, version)
        return prompt_id

    async def log_answers(self, text: str, *, version: int, output: str, times: int = 1) -> None:
        """Log answers as the Manager does, each in a transaction of its own."""
        database = await self.database()
        score = self.siblings.grade(text, output)
        detail = {"evaluator": {"fingerprint": FINGERPRINT}}
        for _ in range(times):
            await database.execute(
                INSERT_LOG, uuid4(), TASK_TYPE, text, version, output, score, score >= 0.7, detail
            )

    async def answer_on_both_arms(
        self, times: int, *, incumbent: str = HELLO, candidate: str = CODE, text: str = "Sort"
    ) -> None:
        """Log answers as the Manager does while a text is rolled out, a unit each."""
        database = await self.database()
        rollout = await database.fetchval("SELECT id::text FROM selfheal.rollouts")
        for number in range(times):
            for arm, output in (("incumbent", incumbent), ("candidate", candidate)):
                score = self.siblings.grade("", output)
                detail = {
                    "evaluator": {"fingerprint": FINGERPRINT},
                    "worker": {"rollout": rollout, "arm": arm, "unit": f"{arm} {number}"},
                }
                await database.execute(
                    INSERT_LOG, uuid4(), TASK_TYPE, text, 100, output, score, score >= 0.7, detail
                )

    async def active(self) -> list[tuple[int, int, str]]:
        """Id, version and text of every active prompt."""
        rows = await (await self.database()).fetch(SELECT_ACTIVE, TASK_TYPE)
        return [tuple(row) for row in rows]

    async def start(self, *arguments: str, **settings: str) -> Optimizer:
        """Start an Optimizer."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = (
            kept
            | {
                "DATABASE_URL": self.postgres.database_url,
                # A test may hold a lock for as long as it takes.
                "DATABASE_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
                "INTERNAL_TOKEN": "a-token-for-tests",
                "LLM_PROVIDER": "simulated",
            }
            | self.siblings.urls
            | settings
        )
        process = await asyncio.create_subprocess_exec(
            *(*OPTIMIZER_COMMAND, *arguments),
            cwd=self.directory,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        self._started.append(Optimizer(process))
        return self._started[-1]

    async def run(self, *arguments: str, **settings: str) -> Ended:
        """Run an Optimizer to its end."""
        return await (await self.start(*arguments, **settings)).ended()

    @asynccontextmanager
    async def locked(self, table: str, mode: str = "SHARE") -> AsyncIterator[None]:
        """Hold a lock that lets read and makes writers wait."""
        holder = await self.connect()
        try:
            async with holder.transaction():
                await holder.execute(f"LOCK TABLE {table} IN {mode} MODE")
                yield
        finally:
            await holder.close()

    async def until_waiting(self, count: int = 1) -> None:
        """Return when so many Optimizers wait for a lock."""
        await self._until(COUNT_WAITING, count)

    async def until_let_go(self) -> None:
        """Return when the server has noticed that no Optimizer is left."""
        await self._until(COUNT_BACKENDS, 0)

    async def restart_database(self) -> None:
        """Restart the server under whoever is connected.

        It is a task of its own: whoever asked for it may be gone before the server is back.
        """
        self._restart = asyncio.create_task(self._restart_server())
        await asyncio.shield(self._restart)

    async def _restart_server(self) -> None:
        await asyncio.to_thread(self.postgres.stop)
        await asyncio.to_thread(self.postgres.start)

    async def until_restarted(self) -> None:
        """Wait until a restart that was begun is over."""
        if self._restart is not None:
            await asyncio.shield(self._restart)

    async def _until(self, query: str, count: int) -> None:
        database = await self.database()
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Another backend's state has no event to wait for.
            while await database.fetchval(query, APPLICATION_NAME) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def count_advisory_locks(self) -> int:
        """Locks that somebody still holds on a task type."""
        count: int = await (await self.database()).fetchval(COUNT_ADVISORY_LOCKS)
        return count

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows of a query."""
        rows: list[asyncpg.Record] = await (await self.database()).fetch(query, *arguments)
        return rows

    async def _load_candidate(self, candidate_id: UUID) -> str:
        connection = await self.connect()
        try:
            content: str = await connection.fetchval(
                "SELECT content FROM selfheal.candidates WHERE id = $1", candidate_id
            )
            return content
        finally:
            await connection.close()


def count_events(runs: Iterable[Ended], event: str) -> int:
    """How often runs told of an event."""
    return sum(run.events().count(event) for run in runs)
