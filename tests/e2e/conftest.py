"""The real system, started by the real command, in a directory and on ports of its own."""

from collections.abc import Iterator

import pytest
from support.replicas import lacks_haproxy, several_of_each
from support.running_system import RunningSystem, make_system


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--replicas", action="store_true", help="several of each behind HAProxy")


@pytest.fixture(scope="session")
def running_system(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[RunningSystem]:
    """One system for all tests of a session, in a path with a space."""
    directory = tmp_path_factory.mktemp("a system")
    if pytestconfig.getoption("--replicas", default=False):
        if lack := lacks_haproxy():
            pytest.skip(lack)
        with several_of_each(directory) as (replicated, _):
            yield replicated
        return
    system = make_system(directory)
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


@pytest.fixture
def system(running_system: RunningSystem) -> RunningSystem:
    """The running system, with nothing but the seed prompt in it."""
    running_system.restore_seed_prompt()
    return running_system
