"""The benchmark graded: right systems get 100, wrong ones lose what they must and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_mutants.catalogue import RIGHT, WRONG
from support.grading import SCHEMA, grade, lost, proven

from benchmarks.temporary_postgres import temporary_postgres


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with temporary_postgres(SCHEMA) as postgres:
        yield postgres.database_url


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_system_gets_all_points(name: str, server_url: str, tmp_path: Path) -> None:
    report = grade(RIGHT[name], name, server_url, tmp_path)
    assert lost(report) == {}
    assert (report["score"], report["grade"], report["cheating"]) == (100, "A", [])


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_right_system_gets_all_points_whatever_the_seed(
    seed: int, server_url: str, tmp_path: Path
) -> None:
    report = grade(RIGHT["minimal"], f"seed_{seed}", server_url, tmp_path, f"--seed={seed}")
    assert lost(report) == {}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_system_loses_what_it_must_and_nothing_else(
    name: str, server_url: str, tmp_path: Path
) -> None:
    case = WRONG[name]
    report = grade(case, name, server_url, tmp_path)
    assert lost(report) == case.loses
    assert proven(report) == case.cheats
