import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from selfheal.runtime.ports import find_free_port
from selfheal.runtime.postgres import EmbeddedPostgres
from selfheal.runtime.temporary import temporary_postgres

SCHEMA = """
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
    server = EmbeddedPostgres(home, port=find_free_port(), schema=schema)
    yield server
    server.destroy()
