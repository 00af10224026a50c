"""The containers are built once, and each module begins with none of them running."""

from collections.abc import Iterator

import pytest
from support.containers import Containers, taken_ports, why_docker_is_missing


@pytest.fixture(scope="session")
def built() -> Containers:
    """The images, built from the working tree."""
    missing = why_docker_is_missing()
    if missing:
        pytest.skip(f"{missing}: the containers are not tested here")
    containers = Containers()
    containers.remove()
    busy = taken_ports()
    assert not busy, f"ports {busy} are taken: stop what listens there (docker compose down)"
    profiles = ("--profile=local", "--profile=autopilot", "--profile=console")
    containers.compose(*profiles, "build", "--quiet")
    return containers


@pytest.fixture(scope="module")
def containers(built: Containers) -> Iterator[Containers]:
    """Nothing runs yet; whatever the tests leave is removed, volumes included."""
    yield built
    built.remove()
    assert built.leftovers() == {"containers": [], "volumes": [], "networks": []}
