"""The real system, started by the real command, in a directory and on ports of its own."""

from collections.abc import Iterator

import pytest
from support.running_system import RunningSystem, make_system


@pytest.fixture(scope="session")
def running_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """One system for all tests of a session, in a path with a space."""
    system = make_system(tmp_path_factory.mktemp("a system"))
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
