"""One contract for every client that users have: unmodified, only base URL and model are ours."""

import json
import time
from typing import Any

import pytest
from support.running_system import RunningSystem

from .drivers import Client, LangChainClient, Outcome, PythonClient
from .faulty_provider import WORDS, FaultyProvider
from .losing_proxy import losing_answers

SORT = "Write a function to sort a list"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather forecast for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "place",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
SENTENCE = "".join(WORDS)
# What the log says of a request, once it is written.
ROW = (
    "SELECT finish_reason FROM selfheal.conversations WHERE messages::text LIKE '%{}%'"
    " ORDER BY execution_id DESC LIMIT 1"
)
ROWS = "SELECT count(*) FROM selfheal.conversations WHERE messages::text LIKE '%{}%'"


def url_of(system: RunningSystem) -> str:
    return f"http://127.0.0.1:{system.port('manager')}/v1"


def ask(
    client: Client, system: RunningSystem, text: str, *, stream: bool = False, **options: Any
) -> Outcome:
    more = options.pop("more", {})
    request = {
        "model": "code_generation",
        "messages": [{"role": "user", "content": text}],
        **more,
    }
    return client.ask(url_of(system), request, stream=stream, **options)


def tells_of(system: RunningSystem, text: str, finish_reason: str) -> None:
    """Wait until the row of a request says how it ended."""
    until = time.monotonic() + 10
    while system.psql(ROW.format(text)) != finish_reason:
        assert time.monotonic() < until, system.psql(ROW.format(text))


def test_an_answer_streamed_is_the_answer_whole(client: Client, simulated: RunningSystem) -> None:
    whole = ask(client, simulated, SORT)
    streamed = ask(client, simulated, SORT, stream=True)
    assert whole.failure is None
    assert "def " in whole.text
    assert streamed.text == whole.text
    assert streamed.pieces > 5
    assert streamed.finish_reason == whole.finish_reason == "stop"
    assert whole.usage is not None
    assert streamed.usage is not None
    assert streamed.usage["completion_tokens"] == whole.usage["completion_tokens"] > 0


def test_a_stream_is_in_the_shape_that_the_api_has(
    client: Client, simulated: RunningSystem
) -> None:
    if isinstance(client, LangChainClient):
        pytest.skip("LangChain shows no chunks")
    outcome = ask(client, simulated, SORT, stream=True)
    *chunks, last = outcome.chunks
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in outcome.chunks}) == 1
    assert {chunk["object"] for chunk in outcome.chunks} == {"chat.completion.chunk"}
    assert chunks[0]["model"] == "code_generation"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    reasons = [chunk["choices"][0].get("finish_reason") for chunk in chunks]
    assert [reason for reason in reasons if reason] == reasons[-1:] == ["stop"]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0
    assert outcome.headers["x-selfheal-prompt-version"] == "1"
    assert outcome.headers["x-selfheal-evaluation"].startswith("/api/v1/requests/")


def test_a_tool_is_called_and_its_answer_taken(client: Client, simulated: RunningSystem) -> None:
    for stream in (False, True):
        called = ask(
            client,
            simulated,
            "What will the weather be in Oslo?",
            stream=stream,
            more={"tools": [TOOL]},
        )
        assert called.calls == (("get_weather", {"city": "Oslo"}),)
        assert called.finish_reason == "tool_calls"
    request = {
        "model": "code_generation",
        "tools": [TOOL],
        "messages": [
            {"role": "user", "content": "What will the weather be in Oslo?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "Sleet, 1 degree"},
        ],
    }
    told = client.ask(url_of(simulated), request)
    assert "Sleet, 1 degree" in told.text
    assert told.calls == ()


def test_an_answer_keeps_to_a_schema(client: Client, simulated: RunningSystem) -> None:
    for stream in (False, True):
        told = ask(
            client, simulated, "I live in Oslo.", stream=stream, more={"response_format": SCHEMA}
        )
        assert json.loads(told.text) == {"city": "Oslo"}


def test_what_serves_is_listed(clients: dict[str, Any], simulated: RunningSystem) -> None:
    for name in (PythonClient.name, "openai-node"):
        listed, found = clients[name].models(url_of(simulated), "code_generation")
        assert "code_generation" in listed
        assert found == "code_generation"


@pytest.mark.parametrize(
    ("more", "name", "code"),
    [
        ({"model": "gpt-4"}, "NotFoundError", "model_not_found"),
        ({"temperature": 9}, "BadRequestError", None),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "BadRequestError", None),
        ({"messages": []}, "BadRequestError", None),
    ],
    ids=["model", "temperature", "role", "nothing"],
)
def test_what_is_wrong_is_an_error_of_its_class(
    clients: dict[str, Client],
    simulated: RunningSystem,
    more: dict[str, Any],
    name: str,
    code: str | None,
) -> None:
    for client in (clients[PythonClient.name], clients["openai-node"]):
        for stream in (False, True):
            failure = ask(client, simulated, SORT, stream=stream, more=more).failure
            assert failure is not None
            assert (failure.name, failure.type) == (name, "invalid_request_error")
            assert code in (None, failure.code)


def test_a_provider_speaks_through(client: Client, hosted: RunningSystem) -> None:
    for stream in (False, True):
        told = ask(client, hosted, "Is all well?", stream=stream)
        assert (told.text, told.finish_reason) == (SENTENCE, "stop")
        assert told.usage is not None
        assert told.usage["prompt_tokens"] == 9


@pytest.mark.parametrize(
    ("fault", "text", "finish_reason"),
    [("withholds", "", "content_filter"), ("is cut", "All", "length"), ("refuses", "", "stop")],
)
def test_whatever_ended_an_answer_is_said_as_it_is(
    clients: dict[str, Client], hosted: RunningSystem, fault: str, text: str, finish_reason: str
) -> None:
    for client in (clients[PythonClient.name], clients["openai-node"]):
        told = ask(client, hosted, f"fault: {fault}")
        assert (told.text, told.finish_reason) == (text, finish_reason)
        assert told.failure is None
        if fault == "refuses":
            assert told.chunks[0]["choices"][0]["message"]["refusal"] == "I won't."


def test_several_choices_and_reasoning_pass(
    clients: dict[str, Client], hosted: RunningSystem
) -> None:
    for client in (clients[PythonClient.name], clients["openai-node"]):
        both = ask(client, hosted, "fault: two choices", more={"n": 2})
        assert [one["message"]["content"] for one in both.chunks[0]["choices"]] == [
            SENTENCE,
            "Other.",
        ]
        told = ask(client, hosted, "fault: reasons")
        assert told.chunks[0]["choices"][0]["message"]["reasoning_content"] == "Hm."


@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        ("dies before", False),
        ("dies before", True),
        ("is broken", False),
        ("is broken", True),
        ("an error in a 200", False),
    ],
)
def test_a_provider_that_fails_is_an_error_of_the_server(
    client: Client, hosted: RunningSystem, provider: FaultyProvider, fault: str, stream: bool
) -> None:
    before = len(provider.bodies)
    failure = ask(client, hosted, f"fault: {fault}", stream=stream).failure
    assert failure is not None
    assert failure.status in (500, 502, 503, 504)
    # LangChain's errors have names of their own.
    assert isinstance(client, LangChainClient) or failure.name == "InternalServerError"
    assert failure.type == "server_error"
    # An open breaker would have said so too.
    assert len(provider.bodies) > before


def test_a_provider_that_dies_in_the_middle_is_told(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    before = len(provider.bodies)
    told = ask(client, hosted, "fault: dies in the middle", stream=True)
    # Pieces that came together with the end may be told of as a call that failed.
    assert told.text in ("", SENTENCE)
    assert told.failure is not None
    assert "provider" in told.failure.message or "model" in told.failure.message
    assert len(provider.bodies) > before


def test_a_limit_is_passed_on_with_its_time(
    clients: dict[str, Client], limited: RunningSystem, provider: FaultyProvider
) -> None:
    before = len(provider.bodies)
    first, second = (
        ask(clients[name], limited, "fault: limits the rate").failure
        for name in (PythonClient.name, "openai-node")
    )
    assert first is not None
    assert first.name == "RateLimitError"
    assert first.headers["retry-after"] == "30"
    # Until the time is up, whoever else comes is told what is left of it.
    assert second is not None
    assert second.name == "RateLimitError"
    assert 0 < int(second.headers["retry-after"]) <= 30
    assert len(provider.bodies) == before + 1


def test_no_client_tries_again_what_can_not_help(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    before = len(provider.bodies)
    failure = ask(client, hosted, "fault: knows no such key", retries=3).failure
    assert failure is not None
    assert len(provider.bodies) == before + 1
    assert "sk-secret-9" not in failure.message


def test_a_bad_schema_is_the_clients_own_in_the_providers_words(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    before = len(provider.bodies)
    for stream in (False, True):
        failure = ask(
            client,
            hosted,
            "fault: takes no such schema",
            stream=stream,
            retries=3,
            more={"tools": [TOOL]},
        ).failure
        assert failure is not None
        assert failure.status == 400
        # LangChain's is a BadRequestError with a name of its own.
        assert isinstance(client, LangChainClient) or failure.name == "BadRequestError"
        assert (failure.type, failure.code) == ("invalid_request_error", "model_refused_request")
        assert "Invalid schema for function 'find': ***" in failure.message
    assert len(provider.bodies) == before + 2


def test_who_hangs_up_ends_the_call(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    provider.hung_up.clear()
    text = f"fault: never ends, said {client.name}"
    # The fault's name is all that follows: the client's is in a message before.
    told = client.ask(
        url_of(hosted),
        {
            "model": "code_generation",
            "messages": [
                {"role": "user", "content": text},
                {"role": "assistant", "content": "?"},
                {"role": "user", "content": "fault: never ends"},
            ],
        },
        stream=True,
        abort_after=3,
    )
    assert told.pieces >= 1
    assert provider.hung_up.wait(10)
    tells_of(hosted, text, "client_closed")


def test_a_retry_under_a_key_is_the_same_call(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    for stream in (False, True):
        text = f"Is all well with {client.name}, {stream}?"
        key = f"key-of-{client.name}-{stream}"
        before = len(provider.bodies)
        with losing_answers(url_of(hosted).removesuffix("/v1")) as proxy:
            request = {"model": "code_generation", "messages": [{"role": "user", "content": text}]}
            told = client.ask(
                f"{proxy.url}/v1",
                request,
                stream=stream,
                retries=2,
                headers={"Idempotency-Key": key},
            )
        assert told.failure is None
        assert (told.text, told.finish_reason) == (SENTENCE, "stop")
        assert proxy.keys == [key, key]
        assert len(provider.bodies) == before + 1
        assert hosted.psql(ROWS.format(text)) == "1"


def test_a_client_that_is_given_no_key_sends_none(
    client: Client, hosted: RunningSystem, provider: FaultyProvider
) -> None:
    text = f"Does {client.name} send a key?"
    with losing_answers(url_of(hosted).removesuffix("/v1")) as proxy:
        request = {"model": "code_generation", "messages": [{"role": "user", "content": text}]}
        told = client.ask(f"{proxy.url}/v1", request, retries=2)
    assert told.text == SENTENCE
    # So its retry is another request, as docs/door.md says.
    assert proxy.keys == ["", ""]
    assert hosted.psql(ROWS.format(text)) == "2"
