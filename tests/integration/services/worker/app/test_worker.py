from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from langchain_core.messages import HumanMessage, SystemMessage
from prometheus_client.parser import text_string_to_metric_families
from support.fault_proxy import FaultProxy

from benchmarks.own_ports import take_port
from services.common.config import Settings
from services.common.errors.model import (
    ModelAnswerCutError,
    ModelContentFilteredError,
    ModelInvalidAnswerError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.schemas import MAX_OUTPUT_CHARACTERS
from services.worker.app import main
from services.worker.app.services import prompt_memory

Connection = asyncpg.Connection
Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]

ID = "11111111-2222-4333-8444-555555555555"
CANDIDATE = "99999999-2222-4333-8444-555555555555"
TOKEN = "open sesame"


def task(**changes: Any) -> dict[str, Any]:
    return {
        "request_id": ID,
        "task_type": "code_generation",
        "refined_input": "Write a function to sort a list",
        **changes,
    }


async def perform(worker: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    headers = changes.pop("headers", {})
    return await worker.post("/api/v1/task", json=task(**changes), headers=headers)


async def inject(connection: Connection, content: str, version: int = 99) -> None:
    """What the guide's demo does."""
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', $1, $2)",
        content,
        version,
    )


async def test_an_answer_has_the_guides_fields(worker: httpx.AsyncClient) -> None:
    response = await perform(worker)

    assert response.status_code == 200
    body = response.json()
    assert body.pop("latency_ms") >= 0
    assert body.pop("output").startswith("You are a Python code generator")
    assert body.pop("input_tokens") >= 0
    assert body.pop("output_tokens") >= 0
    assert body == {
        "request_id": ID,
        "prompt_version": 1,
        "model": "listening-1",
        "provider": "simulated",
        "cached_tokens": 0,
    }


async def test_the_next_answer_uses_the_prompt_of_the_moment(
    worker: httpx.AsyncClient, connection: Connection
) -> None:
    answers = []
    for version, content in [(99, "just say hello world to everything"), (100, "Better.")]:
        await inject(connection, content, version)
        body = (await perform(worker)).json()
        answers.append((body["prompt_version"], body["output"]))

    assert answers == [(99, "just say hello world to everything"), (100, "Better.")]


async def test_the_prompt_is_loaded_once_a_request(
    worker: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    async def counting_load(database: Any, task_type: str) -> Any:
        loads.append(task_type)
        return await load(database, task_type)

    load = prompt_memory.load_active_prompt
    monkeypatch.setattr(prompt_memory, "load_active_prompt", counting_load)
    for _ in range(3):
        await perform(worker)

    assert loads == ["code_generation"] * 3


async def test_templates_in_prompt_and_request_reach_the_model_unchanged(
    worker: httpx.AsyncClient, connection: Connection, model: Any
) -> None:
    prompt = "{input} {{ x }} {% y %} ${z} 100 % %s f'{a!r}'"
    await inject(connection, prompt)
    await perform(worker, refined_input=f"request: {prompt}")

    assert model.conversations == [[SystemMessage(prompt), HumanMessage(f"request: {prompt}")]]


async def test_an_empty_prompt_serves_without_a_system_message(
    worker: httpx.AsyncClient, connection: Connection, model: Any
) -> None:
    await inject(connection, " \n")
    response = await perform(worker)

    assert response.status_code == 200
    assert [message.type for message in model.conversations[0]] == ["human"]


async def test_an_output_that_nothing_can_store_is_made_storable(
    worker: httpx.AsyncClient, model: Any
) -> None:
    model.reply = "a\x00b\ud800c"

    assert (await perform(worker)).json()["output"] == "a�b�c"


async def test_an_output_that_is_too_long_is_cut(worker: httpx.AsyncClient, model: Any) -> None:
    model.reply = "x" * (MAX_OUTPUT_CHARACTERS + 1)

    assert len((await perform(worker)).json()["output"]) == MAX_OUTPUT_CHARACTERS


async def test_an_unknown_task_type_is_404_and_names_the_known(
    worker: httpx.AsyncClient, model: Any
) -> None:
    response = await perform(worker, task_type="poetry")

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_task_type"
    assert response.json()["known_task_types"] == ["code_generation"]
    assert model.conversations == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelRateLimitedError("slow down"), 503),
        (ModelTimeoutError("late"), 504),
        (ModelUnavailableError("down"), 502),
        (ModelRejectedError("no"), 502),
        (ModelInvalidAnswerError("what?"), 502),
        (ModelContentFilteredError("withheld"), 502),
        (ModelAnswerCutError("cut"), 502),
        (RuntimeError("sk-secret"), 502),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_a_model_that_fails_is_told_as_json(
    worker: httpx.AsyncClient, model: Any, error: Exception, status: int
) -> None:
    model.error = error
    response = await perform(worker)

    assert response.status_code == status
    assert response.json()["code"] == getattr(error, "code", "model_failed")
    assert "sk-secret" not in response.text


@pytest.fixture
async def candidate(connection: Connection) -> str:
    await connection.execute(
        "INSERT INTO selfheal.candidates (id, task_type, content, strategy, incumbent_prompt_id) "
        "VALUES ($1, 'code_generation', 'the candidate', 'test', 1)",
        UUID(CANDIDATE),
    )
    return CANDIDATE


async def test_a_candidate_answers_for_whoever_shows_the_token(
    worker: httpx.AsyncClient, candidate: str
) -> None:
    response = await perform(worker, candidate_id=candidate, headers={"X-Internal-Token": TOKEN})

    assert response.status_code == 200
    assert response.json()["output"] == "the candidate"
    assert response.json()["prompt_version"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Internal-Token": ""},
        {"X-Internal-Token": "open"},
        {"X-Internal-Token": f"{TOKEN} "[:-1] + "!"},
        {"X-Internal-Token": TOKEN.upper()},
        {"X-Internal-Token": b"\xe9\xff"},
        {"Authorization": f"Bearer {TOKEN}"},
    ],
    ids=["none", "empty", "shorter", "longer", "other case", "no ASCII", "another header"],
)
@pytest.mark.parametrize("exists", [True, False], ids=["a real candidate", "an unknown candidate"])
async def test_without_the_token_no_candidate_answers_nor_tells_that_it_is_there(
    worker: httpx.AsyncClient, model: Any, candidate: str, headers: dict[str, Any], exists: bool
) -> None:
    response = await perform(worker, candidate_id=candidate if exists else ID, headers=headers)

    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"
    assert TOKEN not in response.text
    assert model.conversations == []


@pytest.mark.parametrize("token", [None, ""])
async def test_where_no_token_is_set_no_candidate_ever_answers(
    model: Any, serve: Serve, make_settings: MakeSettings, candidate: str, token: str | None
) -> None:
    worker = await serve(main.create_worker(make_settings(internal_token=token)))
    for headers in ({}, {"X-Internal-Token": ""}, {"X-Internal-Token": "None"}):
        response = await perform(worker, candidate_id=candidate, headers=headers)
        assert response.status_code == 403


async def test_an_unknown_candidate_is_404(worker: httpx.AsyncClient, candidate: str) -> None:
    response = await perform(worker, candidate_id=ID, headers={"X-Internal-Token": TOKEN})

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_candidate"


async def test_a_candidate_of_another_task_type_is_404(
    worker: httpx.AsyncClient, connection: Connection, candidate: str
) -> None:
    await connection.execute("INSERT INTO prompts (task_type, content) VALUES ('poetry', 'p')")
    response = await perform(
        worker, task_type="poetry", candidate_id=candidate, headers={"X-Internal-Token": TOKEN}
    )

    assert response.status_code == 404


async def test_the_token_alone_changes_nothing(worker: httpx.AsyncClient) -> None:
    response = await perform(worker, headers={"X-Internal-Token": "wrong"})

    assert response.status_code == 200


async def scrape(worker: httpx.AsyncClient, name: str) -> dict[str, float]:
    families = text_string_to_metric_families((await worker.get("/metrics/")).text)
    return {
        ",".join(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


async def test_the_prompt_version_is_read_again_at_each_scrape(
    worker: httpx.AsyncClient, connection: Connection
) -> None:
    assert await scrape(worker, "agent_prompt_version") == {"code_generation": 1}
    await inject(connection, "bad", 99)
    assert await scrape(worker, "agent_prompt_version") == {"code_generation": 99}
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    assert await scrape(worker, "agent_prompt_version") == {}


async def test_requests_are_counted_and_an_unknown_task_type_gets_no_label(
    worker: httpx.AsyncClient,
) -> None:
    await perform(worker)
    await perform(worker, task_type="poetry")

    assert await scrape(worker, "agent_requests_total") == {"worker,success": 1, "worker,error": 1}
    assert "poetry" not in (await worker.get("/metrics")).text


async def test_readiness_is_the_databases_and_liveness_is_not(
    model: Any, serve: Serve, make_settings: MakeSettings, worker: httpx.AsyncClient
) -> None:
    nowhere = f"postgresql://agent:agent@127.0.0.1:{take_port()}/agent_system"
    cut_off = await serve(main.create_worker(make_settings(database_url=nowhere)))

    assert (await worker.get("/health/ready")).status_code == 200
    assert (await cut_off.get("/health/ready")).status_code == 503
    assert (await cut_off.get("/health")).json()["status"] == "ok"
    assert (await perform(cut_off)).status_code == 503
    assert await scrape(cut_off, "agent_prompt_version") == {}
    assert await scrape(cut_off, "agent_requests_total") == {
        "worker,success": 0,
        "worker,error": 1,
    }


async def test_while_the_database_is_away_the_prompt_that_was_read_last_serves(
    model: Any,
    serve: Serve,
    make_settings: MakeSettings,
    connection: Connection,
    database_url: str,
) -> None:
    parts = urlsplit(database_url)
    proxy = FaultProxy(parts.port or 0)
    await proxy.open()
    url = database_url.replace(f":{parts.port}", f":{proxy.port}")
    worker = await serve(main.create_worker(make_settings(database_url=url)))
    await inject(connection, "Say hello.")
    await perform(worker)
    async with proxy.down():
        task_answer = (await perform(worker)).json()
        chat = {"request_id": ID, "task_type": "code_generation", "request": {"messages": []}}
        answer = await worker.post("/api/v1/chat", json=chat)
        assert (await worker.get("/health/ready")).status_code == 200
        assert await scrape(worker, "agent_prompt_version") == {"code_generation": 99}
    await proxy.close()
    assert (task_answer["output"], task_answer["prompt_version"]) == ("Say hello.", 99)
    assert task_answer["prompt_age_seconds"] >= 0
    assert int(answer.headers["x-selfheal-prompt-age"]) >= 0


async def test_the_log_says_which_prompt_and_model_answered(
    worker: httpx.AsyncClient, log_entries: list[dict[str, Any]]
) -> None:
    await perform(worker)

    [entry] = [entry for entry in log_entries if entry["event"] == "task_performed"]
    assert entry["prompt_version"] == 1
    assert entry["model"] == "listening-1"
    assert "Write a function" not in str(entry)


async def test_the_simulated_model_serves_where_nothing_is_set(
    serve: Serve, make_settings: MakeSettings
) -> None:
    worker = await serve(main.create_worker(make_settings()))
    body = (await perform(worker)).json()

    assert body["model"] == "simulated"
    assert "def " in body["output"]
