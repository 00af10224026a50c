"""The benchmark graded, in brief: tests/slow grades every system of the catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_mutants.catalogue import IN_EVERY_RUN, RIGHT, WRONG
from support.grading import SCHEMA, grade, lost, proven

from benchmarks.temporary_postgres import temporary_postgres


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with temporary_postgres(SCHEMA) as postgres:
        yield postgres.database_url


def test_a_minimal_right_system_gets_all_points(server_url: str, tmp_path: Path) -> None:
    report = grade(RIGHT["minimal"], "minimal", server_url, tmp_path)
    assert lost(report) == {}
    assert (report["score"], report["grade"], report["cheating"]) == (100, "A", [])


@pytest.mark.parametrize("name", IN_EVERY_RUN)
def test_a_wrong_system_loses_what_it_must_and_nothing_else(
    name: str, server_url: str, tmp_path: Path
) -> None:
    case = WRONG[name]
    report = grade(case, name, server_url, tmp_path)
    assert lost(report) == case.loses
    assert proven(report) == case.cheats
