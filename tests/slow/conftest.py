"""The stage for tests of the Optimizer as a process. Not collected by `make test`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from slow.healing_stage import Stage

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres

SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"
SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SEED = "You are a Python code generator. Answer with one Python code block and nothing else."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here is slow."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's server, which tests may restart."""
    with temporary_postgres(SCHEMA, settings=SPEED) as server:
        yield server


@pytest.fixture
async def stage(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A database with nothing but a seed prompt that served well, and stand-ins that answer."""
    stage = Stage(postgres, tmp_path)
    try:
        await stage.reset(SEED)
        async with stage.siblings.serving():
            yield stage
    finally:
        await stage.close()
