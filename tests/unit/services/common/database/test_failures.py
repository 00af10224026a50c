"""What outlives a database that is away, or that refuses something."""

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.database.failures import surviving
from services.common.errors import DatabaseUnavailableError


def test_what_a_database_refuses_is_outlived_and_told() -> None:
    with capture_logs() as logs, surviving("round_failed"):
        raise asyncpg.DeadlockDetectedError("deadlock")
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("round_failed", "DeadlockDetectedError")
    ]


def test_a_database_that_is_away_is_outlived_and_told_by_others() -> None:
    with capture_logs() as logs, surviving("round_failed"):
        raise DatabaseUnavailableError("away")
    assert logs == []


def test_a_bug_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), surviving("round_failed"):
        raise ZeroDivisionError
