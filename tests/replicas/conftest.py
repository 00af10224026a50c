"""Several of each service behind HAProxy, Optimizers in continuous mode among them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.replicas import lacks_haproxy, several_of_each
from support.running_system import RunningSystem
from support.services import Service


@dataclass(frozen=True)
class Replicated:
    """A system with several of each, and what was added to the first of each."""

    system: RunningSystem
    added: dict[str, list[Service]]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    if lack := lacks_haproxy():
        pytest.skip(lack)
    directory = tmp_path_factory.mktemp("replicas")
    with several_of_each(directory, autopilot=True) as (system, added):
        yield Replicated(system, added)


@pytest.fixture
def replicated(started: Replicated) -> Replicated:
    """The replicated system, with nothing but the seed prompt in it."""
    started.system.restore_seed_prompt()
    return started
