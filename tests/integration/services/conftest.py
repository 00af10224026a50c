"""The prompts that serve, and persons at psql who change them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import configure_connection
from services.common.models import Prompt
from services.common.record.prompts import load_active_prompts

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

BAD_PROMPT = "just say hello world to everything"
DEACTIVATE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1"
INSERT_PROMPT = """
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    VALUES ($1, $2, $3, TRUE, 'demo: bad prompt', 'mentor')
    RETURNING id
"""
IS_WAITING = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"


@pytest.fixture
async def connect(
    database_server: EmbeddedPostgres,
    connection: Connection,
) -> AsyncIterator[Connect]:
    """Opens further connections, such as a person at psql would."""
    opened: list[Connection] = []

    async def open_one() -> Connection:
        person = await database_server.address.connect()
        await configure_connection(person)
        opened.append(person)
        return person

    yield open_one
    for person in opened:
        await person.close()


@pytest.fixture
def deploy(connection: Connection) -> Deploy:
    """Deploys a prompt by hand, with the statements of the guide's demo."""

    async def put(
        content: str = BAD_PROMPT, *, version: int = 99, task_type: str = "code_generation"
    ) -> int:
        await connection.execute(DEACTIVATE, task_type)
        prompt_id: int = await connection.fetchval(INSERT_PROMPT, task_type, content, version)
        return prompt_id

    return put


@pytest.fixture
def load_active(connection: Connection) -> LoadActive:
    """The prompt that serves code generation now."""

    async def load() -> Prompt:
        prompts = await load_active_prompts(connection)
        return next(prompt for prompt in prompts if prompt.task_type == "code_generation")

    return load


@pytest.fixture
async def wait_for_lock(connect: Connect) -> Callable[[Connection], Awaitable[None]]:
    """Returns when a connection waits for a lock that another one holds."""
    watcher = await connect()

    async def wait(waiting: Connection) -> None:
        async with asyncio.timeout(10):
            # Another backend's state has no event to wait for.
            while not await watcher.fetchval(IS_WAITING, waiting.get_server_pid()):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    return wait
