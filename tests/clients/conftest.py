"""Started systems and the clients that are tried on them."""

from collections.abc import Iterator

import pytest
from support.running_system import RunningSystem, make_system

from .drivers import Client, LangChainClient, PythonClient, open_node_client
from .faulty_provider import FaultyProvider, serving_faults

NAMES = (PythonClient.name, LangChainClient.name, "openai-node")


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


@pytest.fixture(scope="session")
def hosted(
    tmp_path_factory: pytest.TempPathFactory, provider: FaultyProvider
) -> Iterator[RunningSystem]:
    """A system whose model is a provider with faults."""
    system = make_system(tmp_path_factory.mktemp("hosted"))
    system.environment.update(
        LLM_PROVIDER="openai",
        LLM_API_KEY="sk-secret-9",
        LLM_BASE_URL=f"{provider.url}/v1",
        LLM_MODEL="real-model-7",
        JUDGE_MODEL="rubric",
        OPTIMIZER_MODEL="rules",
    )
    yield from _start(system)
