"""Conversations answered by a Worker in this process, on a real database."""

import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from langchain_core.messages import HumanMessage, SystemMessage
from support.provider.exchanges import EXCHANGES
from support.provider.server import StandInProvider, serving_provider

from services.common.chat.chunks import join_chunks
from services.common.config import Settings
from services.common.errors.model import (
    ModelError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)
from services.common.llm import factory
from services.worker.app import main

Connection = asyncpg.Connection
Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]

ID = "11111111-2222-4333-8444-555555555555"
TOKEN = "open sesame"
PROMPT = "You help {{customer}} on {{today}}, {{not_given}} {brief} 100 %."
MESSAGES = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[StandInProvider]:
    with serving_provider() as provider:
        yield provider


@pytest.fixture
async def prompt(connection: Connection) -> None:
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', $1, 7)",
        PROMPT,
    )


Connect = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def connect(provider: StandInProvider, serve: Serve, make_settings: MakeSettings) -> Connect:
    """Starts a Worker whose provider speaks a shape."""

    async def start(name: str, **settings: Any) -> httpx.AsyncClient:
        provider.bodies.pop(name, None)
        return await serve(
            main.create_worker(
                make_settings(
                    llm_provider="openai",
                    llm_model="gpt-x",
                    llm_base_url=provider.base_url(name),
                    internal_token=TOKEN,
                    **settings,
                )
            )
        )

    return start


async def chat(worker: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    headers = changes.pop("headers", {})
    envelope = {
        name: changes.pop(name)
        for name in ("variables", "candidate_id", "task_type")
        if name in changes
    }
    request = {"model": "code_generation", "messages": MESSAGES, **changes}
    task = {"request_id": ID, "task_type": "code_generation", "request": request, **envelope}
    return await worker.post("/api/v1/chat", json=task, headers=headers)


def read_chunks(response: httpx.Response) -> list[dict[str, Any]]:
    *events, done, end = response.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") and "\n" not in event for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.mark.usefixtures("prompt")
async def test_the_prompt_leads_and_the_request_goes_on_as_it_came(
    connect: Connect, provider: StandInProvider
) -> None:
    worker = await connect("plain")
    response = await chat(
        worker,
        variables={"customer": "{{today}} \\1", "today": "Monday", "unused": "x"},
        temperature=0.5,
        tools=[{"type": "function", "function": {"name": "f"}}],
        unheard_of={"a": [1]},
        max_completion_tokens=5,
        stream=False,
    )

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["choices"][0]["message"]["content"] == "Hello"
    [body] = provider.bodies["plain"]
    assert body == {
        "model": "gpt-x",
        "messages": [
            {
                "role": "system",
                "content": "You help {{today}} \\1 on Monday, {{not_given}} {brief} 100 %.",
            },
            *MESSAGES,
        ],
        "temperature": 0.5,
        "seed": 7,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "unheard_of": {"a": [1]},
        "max_completion_tokens": 5,
    }


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize("stream", [False, True])
async def test_headers_say_which_prompt_and_provider_answered(
    connect: Connect, connection: Connection, stream: bool
) -> None:
    response = await chat(await connect("a stream"), stream=stream)
    prompt_id = await connection.fetchval("SELECT id FROM prompts WHERE is_active")

    told = {name: value for name, value in response.headers.items() if "selfheal" in name}
    assert told == {
        "x-selfheal-prompt-id": str(prompt_id),
        "x-selfheal-prompt-version": "7",
        "x-selfheal-prompt-digest": hashlib.sha256(PROMPT.encode()).hexdigest(),
        "x-selfheal-provider": "openai",
    }


async def test_a_stream_is_asked_for_with_its_usage_and_passed_on(
    connect: Connect, provider: StandInProvider
) -> None:
    worker = await connect("a stream, then its usage")
    response = await chat(worker, stream=True, stream_options={"include_usage": False, "x": 1})
    chunks = read_chunks(response)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert chunks[-1]["usage"] == {"prompt_tokens": 1}
    assert join_chunks(chunks)["choices"][0]["message"]["content"] == "Hello"
    [body] = provider.bodies["a stream, then its usage"]
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True, "x": 1}


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_byte_is_told_as_json(
    connect: Connect, stream: bool
) -> None:
    response = await chat(await connect("a spent quota"), stream=stream)

    assert response.status_code == 502
    assert response.json()["code"] == "model_quota_spent"
    assert response.json()["request_id"]
    assert "x-selfheal-prompt-id" not in response.headers


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    "name", [name for name, exchange in EXCHANGES.items() if exchange.whole == "model_rejected"]
)
async def test_a_client_is_told_what_is_said_of_its_request_and_nothing_of_the_operators(
    connect: Connect, name: str
) -> None:
    worker = await connect(name, llm_api_key="sk-own")
    for stream in (False, True):
        response = await chat(worker, stream=stream)
        answer = response.json()
        if EXCHANGES[name].told:
            assert (response.status_code, answer["code"]) == (400, "model_refused_request")
            assert (answer["param"], answer["message"]) == EXCHANGES[name].told
        else:
            assert (response.status_code, answer["code"]) == (502, "model_rejected")
            assert answer["message"].startswith("The model 'gpt-x' refused the request with HTTP")


@pytest.mark.usefixtures("connection")
async def test_the_guides_route_repeats_nothing_of_what_a_provider_says(connect: Connect) -> None:
    worker = await connect("door: OpenAI refuses a tool's schema")
    task = {"request_id": ID, "task_type": "code_generation", "refined_input": "Hi"}
    response = await worker.post("/api/v1/task", json=task)

    assert response.status_code == 502
    assert response.json().keys() == {"code", "message", "request_id"}
    assert response.json()["code"] == "model_rejected"
    assert "schema" not in response.json()["message"]


async def test_a_provider_that_names_a_wait_names_it_to_the_client(
    model: Any, worker: httpx.AsyncClient
) -> None:
    model.error = ModelRateLimitedError("slow down")
    model.error.headers["retry-after"] = "17"
    response = await chat(worker)

    assert response.status_code == 503
    assert response.json()["code"] == "model_rate_limited"
    assert response.headers["retry-after"] == "17"


@pytest.mark.parametrize("stream", [False, True])
async def test_any_other_model_is_asked_through_langchain(
    model: Any, worker: httpx.AsyncClient, stream: bool
) -> None:
    model.reply = "Hello"
    response = await chat(worker, stream=stream)
    answer = join_chunks(read_chunks(response)) if stream else response.json()

    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
        }
    ]
    assert answer["model"] == "listening-1"
    system, developer, user = model.conversations[0]
    assert isinstance(system, SystemMessage)
    assert isinstance(developer, SystemMessage)
    assert user == HumanMessage("Hi")


async def test_a_candidate_answers_for_whoever_shows_the_token(
    worker: httpx.AsyncClient, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO selfheal.candidates (id, task_type, content, strategy, incumbent_prompt_id) "
        "VALUES ($1, 'code_generation', 'the candidate', 'test', 1)",
        UUID(ID),
    )
    refused = await chat(worker, candidate_id=ID)
    response = await chat(
        worker, candidate_id=ID, headers={"X-Internal-Token": TOKEN}, messages=MESSAGES[1:]
    )

    assert refused.status_code == 403
    assert response.json()["choices"][0]["message"]["content"] == "the candidate"
    assert (
        response.headers["x-selfheal-prompt-digest"] == hashlib.sha256(b"the candidate").hexdigest()
    )


async def test_an_unknown_task_type_is_404_and_names_the_known(worker: httpx.AsyncClient) -> None:
    response = await chat(worker, task_type="poetry")

    assert response.status_code == 404
    assert response.json()["known_task_types"] == ["code_generation"]


async def test_the_body_has_a_limit_of_its_own(connect: Connect, connection: Connection) -> None:
    worker = await connect("plain", chat_max_body_bytes=1 << 20)
    large = [{"role": "user", "content": "x" * (1 << 20)}]
    too_large = [{"role": "user", "content": "x" * (4 << 20)}]

    assert (await chat(worker, messages=large)).status_code == 200
    assert (await chat(worker, messages=too_large)).status_code == 413


@pytest.mark.parametrize("messages", [None, "Hi", {}])
async def test_a_request_without_messages_is_refused(
    worker: httpx.AsyncClient, messages: Any
) -> None:
    response = await chat(worker, messages=messages)

    assert response.status_code == 422
    assert response.json()["code"] == "invalid_request"


class BreakingRelay:
    """Gives one event, and then fails."""

    error: ModelError = ModelUnavailableError("The model broke off.")

    async def complete(self, request: Any) -> bytes:
        raise AssertionError

    async def stream(self, request: Any) -> AsyncGenerator[bytes, None]:
        yield b'data: {"choices": []}\n\n'
        raise self.error


async def test_a_failure_after_the_first_byte_is_the_last_event(
    monkeypatch: pytest.MonkeyPatch,
    serve: Serve,
    make_settings: MakeSettings,
    log_entries: list[dict[str, Any]],
) -> None:
    monkeypatch.setattr(factory, "create_chat_relay", lambda *model: BreakingRelay())
    response = await chat(await serve(main.create_worker(make_settings())), stream=True)
    first, last, end = response.text.split("\n\n")

    assert response.status_code == 200
    assert first == 'data: {"choices": []}'
    assert json.loads(last.removeprefix("data: ")) == {
        "error": {
            "message": "The model broke off.",
            "type": "server_error",
            "param": None,
            "code": "model_unavailable",
        }
    }
    assert end == ""
    assert "stream_broken_off" in {entry["event"] for entry in log_entries}


async def test_a_refusal_after_the_first_byte_is_told_in_the_providers_words(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, make_settings: MakeSettings
) -> None:
    relay = BreakingRelay()
    relay.error = ModelRejectedError("Ours.", reason="Theirs.", param="tools")
    monkeypatch.setattr(factory, "create_chat_relay", lambda *model: relay)
    response = await chat(await serve(main.create_worker(make_settings())), stream=True)

    assert json.loads(response.text.split("\n\n")[1].removeprefix("data: "))["error"] == {
        "message": "Theirs.",
        "type": "invalid_request_error",
        "param": "tools",
        "code": "model_refused_request",
    }


async def test_the_log_says_which_prompt_answered_and_nothing_of_what_was_said(
    worker: httpx.AsyncClient, log_entries: list[dict[str, Any]]
) -> None:
    await chat(worker, messages=[{"role": "user", "content": "My secret"}], stream=True)

    [entry] = [entry for entry in log_entries if entry["event"] == "conversation_answered"]
    assert entry["prompt_version"] == 1
    assert entry["streamed"] is True
    assert "My secret" not in str(log_entries)
