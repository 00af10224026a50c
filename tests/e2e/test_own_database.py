"""On a server of the operator's own: behind a pooler of transactions, and after a failover."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.pooler import pooling
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system
from support.standby import standing_by

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres

SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"
PATIENCE_SECONDS = 60
COMMANDS = (("prompts", "list"), ("logs",), ("reports", "list"), ("migrate",))
REQUESTS = (
    "Write a function that adds two numbers",
    "Write a function that reverses a list",
    "Write a function that counts words",
    "Write a function that finds the largest",
)


def run(server: EmbeddedPostgres, statement: str) -> None:
    async def connect_and_run() -> None:
        connection = await server.address.connect()
        await connection.execute(statement)
        await connection.close()

    asyncio.run(connect_and_run())


@contextmanager
def started(directory: Path, database_url: str) -> Iterator[RunningSystem]:
    """A system that uses a database of its operator's."""
    system = make_system(directory)
    system.environment["DATABASE_URL"] = database_url
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("down", check=False)


def heal(system: RunningSystem, server: EmbeddedPostgres) -> None:
    """Deploy the guide's bad prompt, let it fail, and heal it."""
    run(server, GUIDE_INJECTION)
    for text in REQUESTS:
        assert system.request(text).status == 200
    healed = system.selfheal("optimize")
    assert "prompt_patched" in healed.stdout + healed.stderr, healed.stdout + healed.stderr


def wait_until_served(system: RunningSystem) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := system.request("Write a function that adds two numbers")).status != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    ready = system.get("manager", "/health/ready")
    assert ready.status == 200, ready.text


@pytest.mark.slow
def test_behind_a_pooler_all_commands_work_and_every_heal_is_followed_by_another(
    tmp_path: Path,
) -> None:
    with (
        temporary_postgres(SCHEMA) as server,
        pooling(server.database_url) as pooler,
        started(tmp_path, pooler.through(server.database_url)) as system,
    ):
        for _ in range(2):
            heal(system, server)
        for command in COMMANDS:
            system.selfheal(*command)
        told = json.loads(system.selfheal("doctor", "--json").stdout)
        [access] = [check for check in told["checks"] if check["name"] == "database access"]
        assert "through a pooler" in access["found"]
        pooler.restart()
        wait_until_served(system)


@pytest.mark.slow
def test_after_a_failover_the_system_serves_from_the_server_that_was_promoted(
    tmp_path: Path,
) -> None:
    with temporary_postgres(SCHEMA) as primary, standing_by(primary) as standby:
        parts = urlsplit(primary.database_url)
        places = f"127.0.0.1:{primary.port},127.0.0.1:{standby.server.port}"
        url = primary.database_url.replace(f"{parts.hostname}:{parts.port}", places)
        url = url.replace("&target_session_attrs=any", "")
        with started(tmp_path, url) as system:
            assert system.request(REQUESTS[0]).status == 200
            primary.stop()
            standby.promote()
            wait_until_served(system)
            heal(system, standby.server)
