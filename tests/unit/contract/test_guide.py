"""What the workshop guide prescribes to the letter, save the database (tests/integration/db)."""

import ast
import inspect
import re
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.own_ports import take_port
from services.common.config import Settings
from services.evaluator.app.main import create_evaluator
from services.manager.app.main import create_manager
from services.worker.app.main import create_worker
from simulated_model.model import SimulatedChatModel

ROOT = Path(__file__).parents[3]
SERVICES = {"manager": create_manager, "worker": create_worker, "evaluator": create_evaluator}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The defaults, but for a database that nobody listens for."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return Settings(database_url=f"postgresql://agent:agent@127.0.0.1:{take_port()}/agent_system")


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(service: str, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    create: Callable[[Settings], FastAPI] = SERVICES[service]
    app = create(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service.test"
        ) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("services/common/config.py", "Settings"),
        ("services/common/models.py", "Prompt"),
        ("services/common/models.py", "ExecutionLog"),
        ("services/common/models.py", "OptimizationReport"),
        ("services/common/schemas.py", "AgentRequest"),
        ("services/worker/app/services/prompt_loader.py", "load_active_prompt"),
        ("services/worker/app/agents/worker_agent.py", "WorkerAgent"),
        ("services/evaluator/app/services/scorer.py", None),
        ("services/evaluator/app/services/validators.py", None),
        ("services/optimizer/app/services/log_analyzer.py", None),
        ("services/optimizer/app/services/prompt_patcher.py", None),
    ],
)
def test_the_files_that_the_guide_reads_are_where_it_says(path: str, name: str | None) -> None:
    assert (ROOT / path).is_file()
    module = import_module(path.removesuffix(".py").replace("/", "."))

    assert name is None or hasattr(module, name)


def test_every_package_of_the_services_has_its_init_file() -> None:
    directories = {path.parent for path in (ROOT / "services").rglob("*.py")}

    assert [path for path in directories if not (path / "__init__.py").is_file()] == []


def test_the_prompt_is_selected_by_the_guides_words() -> None:
    source = (ROOT / "services/worker/app/services/prompt_loader.py").read_text(encoding="utf-8")

    assert re.search(r"SELECT[^;]*?WHERE[^;]*?\bis_active = TRUE\b", source, re.DOTALL)


def test_the_agent_is_a_langchain_chain_that_takes_its_prompt_with_the_call() -> None:
    from langchain_core.runnables import Runnable

    from services.worker.app.agents.worker_agent import WorkerAgent

    assert "prompt" in inspect.signature(WorkerAgent.generate).parameters
    assert isinstance(WorkerAgent(SimulatedChatModel())._chain, Runnable)


@pytest.mark.parametrize(
    "event",
    [
        "optimization_cycle_started",
        "task_types_needing_optimization",
        "prompt_patched",
        "optimization_completed",
        "no task types need optimization",
    ],
)
def test_the_optimizer_logs_the_guides_words(event: str) -> None:
    sources = (ROOT / "services/optimizer").rglob("*.py")
    strings = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }

    assert event in strings


@pytest.mark.parametrize("name", ["manager", "worker", "evaluator", "optimizer"])
def test_every_service_is_a_module_to_run(name: str) -> None:
    assert callable(import_module(f"services.{name}.app.main").main)


@pytest.mark.parametrize(
    ("setting", "port"), [("manager_port", 8000), ("worker_port", 8001), ("evaluator_port", 8002)]
)
def test_the_ports_are_the_guides(settings: Settings, setting: str, port: int) -> None:
    assert getattr(settings, setting) == port


async def test_health_is_the_guides(client: httpx.AsyncClient, service: str) -> None:
    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "service": service,
        "version": version("self-healing-agent-system"),
    }


METRICS = {
    "manager": set(),
    "worker": {"agent_prompt_version"},
    "evaluator": {"agent_evaluation_score"},
}


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
async def test_the_guides_metrics_are_there_before_the_first_request(
    client: httpx.AsyncClient, service: str, path: str
) -> None:
    response = await client.get(path)
    families = list(text_string_to_metric_families(response.text))

    assert response.status_code == 200
    names = {family.name for family in families}
    common = {"agent_requests", "agent_request_duration_seconds"}
    assert common | METRICS[service] <= names
    requests = {
        (sample.labels["service"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "agent_requests_total"
    }
    assert requests == {(service, "success"): 0, (service, "error"): 0}


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
IDENTIFIER = {"type": "string", "format": "uuid"}
# Path, and the guide's fields of what is sent and of what comes back.
API: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "manager": (
        "/api/v1/request",
        {"user_input": TEXT, "task_type": TEXT},
        {
            "request_id": IDENTIFIER,
            "refined_input": TEXT,
            "worker_output": TEXT,
            "evaluation_score": NUMBER,
            "evaluation_passed": BOOLEAN,
            "prompt_version": INTEGER,
        },
    ),
    "worker": (
        "/api/v1/task",
        {"request_id": IDENTIFIER, "task_type": TEXT, "refined_input": TEXT},
        {
            "request_id": IDENTIFIER,
            "output": TEXT,
            "prompt_version": INTEGER,
            "latency_ms": INTEGER,
        },
    ),
    "evaluator": (
        "/api/v1/evaluate",
        {
            "request_id": IDENTIFIER,
            "task_type": TEXT,
            "user_input": TEXT,
            "refined_input": TEXT,
            "worker_output": TEXT,
        },
        {
            "request_id": IDENTIFIER,
            "score": NUMBER,
            "passed": BOOLEAN,
            "detail": {"type": "object"},
        },
    ),
}


async def test_the_api_has_the_guides_paths_and_fields(
    client: httpx.AsyncClient, service: str
) -> None:
    path, sent, received = API[service]
    interface = (await client.get("/openapi.json")).json()
    operation = interface["paths"][path]["post"]

    def fields_of(message: dict[str, Any]) -> dict[str, Any]:
        reference = message["content"]["application/json"]["schema"]["$ref"]
        schema: dict[str, Any] = interface["components"]["schemas"][reference.rpartition("/")[2]]
        return schema

    question = fields_of(operation["requestBody"])
    answer = fields_of(operation["responses"]["200"])
    assert set(question["required"]) == set(sent)
    assert set(received) <= set(answer["required"])
    for schema, fields in ((question, sent), (answer, received)):
        for name, kind in fields.items():
            assert schema["properties"][name].items() >= kind.items(), name
