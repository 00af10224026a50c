"""The Manager comes into the database as it does in earnest: what it isn't granted fails."""

import asyncpg
import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres


@pytest.fixture
def database_url(database_server: EmbeddedPostgres, connection: asyncpg.Connection) -> str:
    """Where the database of `connection` is, for the Manager's own user."""
    return database_server.service_urls["manager"]
