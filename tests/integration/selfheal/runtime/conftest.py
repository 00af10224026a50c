import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from benchmarks.own_ports import take_port
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable

STUB = Path(__file__).with_name("stub_service.py")

SCHEMA = """
CREATE SCHEMA selfheal;
CREATE TABLE selfheal.migrations (number INTEGER PRIMARY KEY);
INSERT INTO selfheal.migrations (number) VALUES (1);
CREATE TABLE notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO notes (text) VALUES ('seed');
"""


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "schema.sql"
    path.write_text(SCHEMA)
    return path


@pytest.fixture
def home() -> Iterator[Path]:
    """A runtime directory, in a path with a space, that every account can pass through."""
    directory = Path(tempfile.mkdtemp(prefix="selfheal test "))
    directory.chmod(0o711)
    yield directory / ".selfheal"
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def shared(schema: Path) -> Iterator[EmbeddedPostgres]:
    """A server for the tests of this module; whatever they do to it, the next one repairs."""
    with temporary_postgres(schema) as postgres:
        yield postgres


@pytest.fixture
def postgres(home: Path, schema: Path) -> Iterator[EmbeddedPostgres]:
    """A server that nothing was made for yet."""
    server = EmbeddedPostgres(home, port=take_port(), schema=schema)
    yield server
    server.destroy()


class MakeSpec(Protocol):
    def __call__(
        self, name: str, behaviour: str = "ok", *, port: int | None = None, **environment: str
    ) -> ProcessSpec: ...


@pytest.fixture
def make_spec() -> MakeSpec:
    def make(
        name: str, behaviour: str = "ok", *, port: int | None = None, **environment: str
    ) -> ProcessSpec:
        port = port or take_port()
        return ProcessSpec(
            name=name,
            command=(sys.executable, str(STUB), str(port), behaviour),
            environment=environment,
            ready_url=f"http://127.0.0.1:{port}/health/ready",
            port=port,
            port_setting=f"{name.upper()}_PORT",
            withheld=frozenset({"WITHHELD"}),
        )

    return make


@pytest.fixture
def processes(home: Path) -> Iterator[ProcessTable]:
    inherited = {"PATH": os.defpath, "INHERITED": "yes", "WITHHELD": "secret"}
    table = ProcessTable(home, working_directory=home.parent, inherited=inherited)
    yield table
    for name in table.names():
        table.process(name).stop(grace_seconds=1)
