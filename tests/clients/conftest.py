"""Started systems and the clients that are tried on them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.running_system import RunningSystem, make_system

from .drivers import Client, LangChainClient, PythonClient, open_node_client
from .faulty_provider import FaultyProvider, serving_faults

NAMES = (PythonClient.name, LangChainClient.name, "openai-node")
CLOSED_SECONDS = 20


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, Client]]:
    with open_node_client() as node:
        found: list[Client] = [PythonClient(), LangChainClient(), node]
        yield {client.name: client for client in found}


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    return clients[request.param]


def _start(system: RunningSystem) -> Iterator[RunningSystem]:
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system whose model is the simulated one."""
    yield from _start(make_system(tmp_path_factory.mktemp("simulated")))


@pytest.fixture(scope="session")
def provider() -> Iterator[FaultyProvider]:
    with serving_faults() as served:
        yield served


def _make_hosted(directory: Path, provider: FaultyProvider) -> RunningSystem:
    system = make_system(directory)
    system.environment.update(
        LLM_PROVIDER="openai",
        LLM_API_KEY="sk-secret-9",
        LLM_BASE_URL=f"{provider.url}/v1",
        LLM_MODEL="real-model-7",
        JUDGE_MODEL="rubric",
        OPTIMIZER_MODEL="rules",
    )
    return system


@pytest.fixture(scope="session")
def shared_hosted(
    tmp_path_factory: pytest.TempPathFactory, provider: FaultyProvider
) -> Iterator[RunningSystem]:
    """A system whose model is a provider with faults; its breaker is as the last test left it."""
    yield from _start(_make_hosted(tmp_path_factory.mktemp("hosted"), provider))


@pytest.fixture
def hosted(shared_hosted: RunningSystem) -> RunningSystem:
    """A system whose model is a provider with faults, and whose breaker is closed.

    Faults of the test before may have opened it; the next probe that is answered closes it.
    """
    question = {
        "model": "code_generation",
        "messages": [{"role": "user", "content": "Is all well?"}],
    }
    until = time.monotonic() + CLOSED_SECONDS
    while (answer := shared_hosted.post("manager", "/v1/chat/completions", question)).status != 200:
        assert time.monotonic() < until, answer.text
    return shared_hosted


@pytest.fixture
def limited(
    tmp_path_factory: pytest.TempPathFactory, provider: FaultyProvider
) -> Iterator[RunningSystem]:
    """A system of its own, for a test after which the provider is left alone for half a minute."""
    yield from _start(_make_hosted(tmp_path_factory.mktemp("limited"), provider))
