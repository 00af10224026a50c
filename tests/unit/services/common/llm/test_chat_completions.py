import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda
from pydantic import SecretStr

from benchmarks.own_ports import take_port
from services.common.errors.model import (
    ModelError,
    ModelInvalidAnswerError,
    ModelOutOfTimeError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.chat_completions import ChatCompletionsModel
from services.common.llm.endpoint import ATTEMPTS, ChatEndpoint
from services.common.llm.event_parser import MAX_ANSWER_BYTES
from services.common.resilience.deadline import within

REAL_SLEEP = asyncio.sleep
KEY = "sk-" + "secret"
CONVERSATION: list[BaseMessage] = [SystemMessage("Be {brief}. 100 %"), HumanMessage("Hi")]


def completion(content: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}}], **more}


Reply = web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]


def fine(content: str = "Hello", **more: Any) -> web.Response:
    return web.json_response(completion(content, **more))


def failing(status: int, error: Any = None, **headers: str) -> web.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": error or {}}, status=status, headers=names)


def refusing(parameter: str) -> web.Response:
    error = {"message": f"no {parameter}", "param": parameter, "code": "unsupported_parameter"}
    return failing(400, error)


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def answer_without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(MAX_ANSWER_BYTES // 65_536 + 2):
        await response.write(b" " * 65_536)
    return response


class FakeEndpoint:
    """Replies to a chat completion what it was told to, the last reply again and again."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.replies: list[Reply] = [fine()]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(json.loads(await request.read()))
        self.headers.append(dict(request.headers))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, web.Response):
            return web.Response(body=reply.body, status=reply.status, headers=reply.headers)
        return await reply(request)


@pytest.fixture
def endpoint() -> FakeEndpoint:
    return FakeEndpoint()


Connect = Callable[..., Awaitable[ChatCompletionsModel]]


@pytest.fixture
async def connect(endpoint: FakeEndpoint) -> AsyncIterator[Connect]:
    """Starts the endpoint with replies, and gives a model that calls it."""
    async with AsyncExitStack() as stack:

        async def start(*replies: Reply, **options: Any) -> ChatCompletionsModel:
            endpoint.replies = list(replies) or [fine()]
            app = web.Application()
            app.router.add_post("/v1/chat/completions", endpoint.handle)
            server = await stack.enter_async_context(TestServer(app))
            model = ChatCompletionsModel(
                **{"base_url": str(server.make_url("/v1")), "model": "gpt-test", **options}
            )
            stack.push_async_callback(model.aclose)
            return model

        yield start


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, in seconds: noted instead of spent, and without jitter."""
    spent: list[float] = []

    async def note(seconds: float) -> None:
        spent.append(seconds)
        await REAL_SLEEP(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    monkeypatch.setattr(ChatEndpoint.jitter, "random", lambda: 0.0)
    return spent


async def ask(model: ChatCompletionsModel) -> str:
    return str((await model.ainvoke(CONVERSATION)).content)


async def failure_of(model: ChatCompletionsModel) -> ModelError:
    with pytest.raises(ModelError) as failure:
        await ask(model)
    return failure.value


async def test_messages_go_out_in_openais_shape_and_unchanged(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    model = await connect(temperature=0.5, seed=7, max_tokens=99)
    conversation = [*CONVERSATION, AIMessage("Hello"), HumanMessage("{{x}} %s ${y}\n안녕")]
    await model.ainvoke(conversation)

    assert endpoint.bodies == [
        {
            "model": "gpt-test",
            "messages": [
                {"role": "system", "content": "Be {brief}. 100 %"},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "{{x}} %s ${y}\n안녕"},
            ],
            "temperature": 0.5,
            "max_tokens": 99,
            "seed": 7,
        }
    ]


async def test_a_seed_or_a_stop_goes_out_only_where_there_is_one(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    model = await connect()
    await model.ainvoke(CONVERSATION)
    await model.ainvoke(CONVERSATION, stop=["END"])

    assert "seed" not in endpoint.bodies[0]
    assert [body.get("stop") for body in endpoint.bodies] == [None, ["END"]]


async def test_a_parameter_that_is_none_is_not_sent(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    await ask(await connect(temperature=None, seed=None, max_tokens=None))

    assert endpoint.bodies[0].keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("key", "header"), [(SecretStr(KEY), f"Bearer {KEY}"), (None, None)], ids=["a key", "no key"]
)
async def test_a_key_is_sent_as_a_bearer_token(
    endpoint: FakeEndpoint, connect: Connect, key: SecretStr | None, header: str | None
) -> None:
    await ask(await connect(api_key=key))

    assert endpoint.headers[0].get("Authorization") == header


async def test_the_answer_comes_with_the_models_name_and_its_tokens(connect: Connect) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    model = await connect(fine("  안녕 😀\n", model="gpt-test-2026", usage=usage))
    answer = await model.ainvoke(CONVERSATION)

    assert answer.content == "  안녕 😀\n"
    assert answer.response_metadata["model_name"] == "gpt-test-2026"
    assert answer.usage_metadata == {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}


@pytest.mark.parametrize("more", [{}, {"usage": None}, {"model": "", "usage": {}}], ids=json.dumps)
async def test_an_endpoint_may_keep_name_and_tokens_to_itself(
    connect: Connect, more: dict[str, Any]
) -> None:
    answer = await (await connect(fine(**more))).ainvoke(CONVERSATION)

    assert answer.response_metadata["model_name"] == "gpt-test"
    assert answer.usage_metadata == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("replies", "spent"),
    [
        pytest.param([failing(429, Retry_After="3")], [3.0], id="429 that says when"),
        pytest.param([failing(429, Retry_After="0.5")], [0.5], id="429 with a fraction"),
        pytest.param([failing(429, Retry_After="0")], [0.0], id="429 that says now"),
        pytest.param([failing(429, Retry_After="-5")], [0.0], id="429 that says before"),
        pytest.param([failing(429)], [0.25], id="429 that doesn't say"),
        pytest.param(
            [failing(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")], [0.25], id="429 and a date"
        ),
        pytest.param([failing(429, retry_after_ms="1500")], [1.5], id="429 in milliseconds"),
        pytest.param(
            [failing(429, retry_after_ms="1500", Retry_After="9")], [1.5], id="429 in both"
        ),
        pytest.param([failing(503, Retry_After="3")], [3.0], id="503 that says when"),
        pytest.param([failing(529, Retry_After="3")], [3.0], id="529 that says when"),
        pytest.param([failing(408)], [0.25], id="408"),
        pytest.param([failing(500)], [0.25], id="500"),
        pytest.param([failing(503), failing(502)], [0.25, 0.5], id="503, then 502"),
        pytest.param([reset], [0.25], id="a reset"),
        pytest.param([reset, failing(429, Retry_After="2")], [0.25, 2.0], id="a reset, then 429"),
    ],
)
async def test_what_may_pass_is_tried_again(
    endpoint: FakeEndpoint,
    connect: Connect,
    pauses: list[float],
    replies: list[Reply],
    spent: list[float],
) -> None:
    model = await connect(*replies, fine("at last"))

    assert await ask(model) == "at last"
    assert pauses == spent
    assert len(endpoint.bodies) == len(replies) + 1
    assert all(body == endpoint.bodies[0] for body in endpoint.bodies)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(failing(429), ModelRateLimitedError, id="429"),
        pytest.param(failing(429, Retry_After="1"), ModelRateLimitedError, id="429 with a time"),
        pytest.param(failing(500), ModelUnavailableError, id="500"),
        pytest.param(failing(503), ModelUnavailableError, id="503"),
        pytest.param(failing(529), ModelUnavailableError, id="529"),
        pytest.param(reset, ModelUnavailableError, id="a reset"),
    ],
)
async def test_what_does_not_pass_fails_after_the_last_attempt(
    endpoint: FakeEndpoint, connect: Connect, reply: Reply, error: type[ModelError]
) -> None:
    failure = await failure_of(await connect(reply))

    assert type(failure) is error
    assert len(endpoint.bodies) == ATTEMPTS


@pytest.mark.parametrize("seconds", ["10.5", "3600", "inf"])
async def test_a_long_wait_is_the_callers_to_decide(
    endpoint: FakeEndpoint, connect: Connect, pauses: list[float], seconds: str
) -> None:
    failure = await failure_of(await connect(failing(429, Retry_After=seconds)))

    assert type(failure) is ModelRateLimitedError
    assert (len(endpoint.bodies), pauses) == (1, [])


async def test_pauses_are_spread_by_up_to_a_quarter(
    connect: Connect, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChatEndpoint.jitter, "random", lambda: 1.0)
    await ask(await connect(failing(429, Retry_After="4"), fine()))

    assert pauses == [5.0]


ALL_THREE = "Check LLM_MODEL, LLM_BASE_URL and LLM_API_KEY."


@pytest.mark.parametrize(
    ("reply", "words", "advice"),
    [
        pytest.param(
            failing(401, {"code": "invalid_api_key", "message": f"Wrong key {KEY}"}),
            "HTTP 401 (invalid_api_key)",
            "Check LLM_API_KEY.",
            id="a wrong key",
        ),
        pytest.param(failing(403), "HTTP 403.", "Check LLM_API_KEY.", id="403"),
        pytest.param(
            failing(404, {"code": "model_not_found"}),
            "(model_not_found)",
            "Check LLM_MODEL, and LLM_BASE_URL",
            id="404",
        ),
        pytest.param(failing(405), "HTTP 405.", "LLM_BASE_URL", id="405"),
        pytest.param(failing(400, {"param": "messages"}), "HTTP 400.", ALL_THREE, id="400"),
        pytest.param(
            failing(400, {"param": "model"}), "HTTP 400.", "Check LLM_MODEL.", id="a parameter"
        ),
        pytest.param(
            failing(400, {"param": "seed"}), "HTTP 400.", "Check LLM_SEED.", id="not one we sent"
        ),
        pytest.param(
            failing(400, {"code": "context_length_exceeded", "param": "messages"}),
            "(context_length_exceeded)",
            "lower LLM_MAX_TOKENS",
            id="a full context",
        ),
        pytest.param(
            failing(400, "The maximum context length is 4096 tokens; max_tokens is too large"),
            "HTTP 400.",
            "lower LLM_MAX_TOKENS",
            id="a full context in words",
        ),
        pytest.param(failing(400, "just text"), "HTTP 400.", ALL_THREE, id="another shape"),
        pytest.param(web.Response(status=400, text="["), "HTTP 400.", ALL_THREE, id="no JSON"),
        pytest.param(
            web.Response(status=422, text="[" * 99_999), "HTTP 422.", ALL_THREE, id="a nesting bomb"
        ),
        pytest.param(web.Response(status=400, body=b"\xff"), "HTTP 400.", ALL_THREE, id="no text"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_check(
    endpoint: FakeEndpoint, connect: Connect, reply: Reply, words: str, advice: str
) -> None:
    failure = await failure_of(await connect(reply))

    assert type(failure) is ModelRejectedError
    assert words in failure.message
    assert advice in failure.message
    assert len(endpoint.bodies) == 1


async def test_an_answer_that_does_not_come_is_a_timeout(connect: Connect) -> None:
    failure = await failure_of(await connect(hang, timeout_seconds=0.05))

    assert type(failure) is ModelTimeoutError
    assert "0.05 s" in failure.message


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(web.Response(text=""), id="nothing"),
        pytest.param(web.Response(text='{"choices": [{"mess'), id="half of it"),
        pytest.param(web.Response(text="<html>"), id="a page"),
        pytest.param(web.Response(body=b"\xff\xfe"), id="no text"),
        pytest.param(web.Response(text="[" * 100_000), id="a nesting bomb"),
        pytest.param(web.json_response([]), id="an array"),
        pytest.param(web.json_response({}), id="no choices"),
        pytest.param(web.json_response({"choices": []}), id="empty choices"),
        pytest.param(web.Response(status=204), id="no content"),
        pytest.param(web.json_response({"choices": None}), id="null choices"),
        pytest.param(web.json_response({"choices": ["Hello"]}), id="a choice that is a text"),
        pytest.param(web.json_response({"choices": [{"message": ["Hello"]}]}), id="a list"),
        pytest.param(
            web.Response(text='data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'),
            id="a stream that breaks off",
        ),
        pytest.param(answer_without_end, id="an answer over the limit"),
    ],
)
async def test_an_answer_that_is_no_completion_is_not_asked_for_again(
    endpoint: FakeEndpoint, connect: Connect, reply: Reply
) -> None:
    failure = await failure_of(await connect(reply))

    assert type(failure) is ModelInvalidAnswerError
    assert len(endpoint.bodies) == 1


async def test_an_empty_answer_is_an_answer(connect: Connect) -> None:
    assert await ask(await connect(fine(""))) == ""


async def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    model = ChatCompletionsModel(base_url=f"http://127.0.0.1:{take_port()}/v1", model="gpt-test")
    failure = await failure_of(model)
    await model.aclose()

    assert type(failure) is ModelUnavailableError


@pytest.mark.parametrize(
    ("parameter", "replacement"),
    [("max_tokens", {"max_completion_tokens": 1024}), ("temperature", {}), ("seed", {})],
)
async def test_a_parameter_that_a_model_refuses_is_replaced_and_remembered(
    endpoint: FakeEndpoint,
    connect: Connect,
    pauses: list[float],
    parameter: str,
    replacement: dict[str, Any],
) -> None:
    model = await connect(refusing(parameter), fine(), seed=7)
    await ask(model)
    await ask(model)

    first, second, third = endpoint.bodies
    assert parameter in first
    assert second == third
    assert second == {name: first[name] for name in first if name != parameter} | replacement
    assert not any(pauses)


async def test_all_parameters_may_be_refused_one_after_another(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    replies = [refusing(name) for name in ("max_tokens", "temperature", "seed")]
    model = await connect(*replies, fine("at last"), seed=7)

    assert await ask(model) == "at last"
    assert endpoint.bodies[-1].keys() == {"model", "messages", "max_completion_tokens"}


async def test_calls_at_once_each_learn_of_the_same_refusal(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    both_arrived = asyncio.Barrier(2)

    async def refuse_together(request: web.Request) -> web.StreamResponse:
        await both_arrived.wait()
        reply = refusing("max_tokens")
        return web.Response(body=reply.body, status=reply.status, headers=reply.headers)

    model = await connect(refuse_together, refuse_together, fine())

    assert await asyncio.gather(ask(model), ask(model)) == ["Hello", "Hello"]


async def test_a_refusal_of_a_parameter_that_was_not_sent_is_final(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    failure = await failure_of(await connect(refusing("seed")))

    assert type(failure) is ModelRejectedError
    assert len(endpoint.bodies) == 1


async def test_a_pause_that_outlasts_the_deadline_is_not_begun(
    endpoint: FakeEndpoint, connect: Connect, pauses: list[float]
) -> None:
    model = await connect(failing(429, Retry_After="10"), timeout_seconds=9)
    failure = await failure_of(model)

    assert type(failure) is ModelRateLimitedError
    assert failure.headers == {"retry-after": "10"}
    assert (len(endpoint.bodies), pauses) == (1, [])


async def test_a_request_that_has_less_time_left_ends_the_call_and_blames_nobody(
    endpoint: FakeEndpoint, connect: Connect, pauses: list[float]
) -> None:
    model = await connect(hang, timeout_seconds=30)
    with within(0.05):
        failure = await failure_of(model)

    assert type(failure) is ModelOutOfTimeError
    with within(5):
        failure = await failure_of(await connect(failing(429, Retry_After="6")))
    assert type(failure) is ModelRateLimitedError
    assert pauses == []


@pytest.mark.parametrize(
    "reply",
    [
        failing(401, {"code": "invalid_api_key", "message": f"Incorrect API key: {KEY}"}),
        failing(500, {"message": f"{KEY} broke it"}),
        failing(429, {"message": f"{KEY} is too fast"}),
        web.json_response({"choices": KEY}),
        refusing("max_tokens"),
        reset,
    ],
    ids=["401", "500", "429", "no completion", "refused parameter", "reset"],
)
async def test_the_key_is_in_no_error_and_no_log(
    connect: Connect, reply: Reply, log_entries: list[dict[str, Any]]
) -> None:
    model = await connect(reply, api_key=SecretStr(KEY))
    failure = await failure_of(model)

    for text in (failure.message, repr(failure.context), repr(log_entries), repr(model)):
        assert KEY not in text


async def test_connections_are_kept_and_closed_in_the_end(
    endpoint: FakeEndpoint, connect: Connect
) -> None:
    peers = []

    async def note_peer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.json_response(completion())

    model = await connect(note_peer)
    await ask(model)
    await ask(model)
    await model.aclose()

    assert peers[0] == peers[1]
    assert model.endpoint._session is not None
    assert model.endpoint._session.closed


async def test_a_model_that_was_never_asked_has_nothing_to_close() -> None:
    await ChatCompletionsModel(base_url="http://127.0.0.1/v1", model="gpt-test").aclose()


@pytest.mark.parametrize(
    ("base_url", "asks_proxy"),
    [
        ("http://127.0.0.1:8010/v1", False),
        ("http://localhost:8010/v1", False),
        ("http://[::1]:8010/v1", False),
        ("https://api.openai.com/v1", True),
    ],
)
async def test_a_proxy_stands_only_before_hosts_that_are_elsewhere(
    base_url: str, asks_proxy: bool
) -> None:
    session = ChatCompletionsModel(base_url=base_url, model="gpt-test").endpoint._create_session()
    await session.close()

    assert session.trust_env is asks_proxy


def test_it_cannot_be_called_without_an_event_loop() -> None:
    with pytest.raises(NotImplementedError, match="ainvoke"):
        ChatCompletionsModel(base_url="http://127.0.0.1/v1", model="gpt-test").invoke("Hi")


CODE = "Here:\n```python\nx = 1"


@pytest.mark.parametrize(
    ("content", "finish_reason", "read"),
    [
        pytest.param(CODE, "stop", f"{CODE}\n```", id="the stop sequence ate the fence"),
        pytest.param(f"{CODE}\n", "stop", f"{CODE}\n```", id="a line break before it"),
        pytest.param(f"{CODE}\n```", "stop", f"{CODE}\n```", id="a fence of its own"),
        pytest.param(CODE, "length", CODE, id="cut off in the middle"),
        pytest.param("No code.", "stop", "No code.", id="no code at all"),
    ],
)
async def test_an_answer_that_stops_after_its_code_block_is_whole(
    endpoint: FakeEndpoint, connect: Connect, content: str, finish_reason: str, read: str
) -> None:
    choice = {"message": {"content": content}, "finish_reason": finish_reason}
    model = await connect(web.json_response({"choices": [choice]}), stop_after_code_block=True)

    assert await ask(model) == read
    (sequence,) = endpoint.bodies[0]["stop"]
    assert sequence in "Here:\n```python\nx = 1\n```\n\nIt sets x."
    assert sequence not in "Here:\n```\nx = 1\n```"


async def test_an_answer_is_left_alone_where_it_does_not_stop_after_code(connect: Connect) -> None:
    choice = {"message": {"content": CODE}, "finish_reason": "stop"}

    assert await ask(await connect(web.json_response({"choices": [choice]}))) == CODE


class Listener(AsyncCallbackHandler):
    """Notes what it is told of a call."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def on_chat_model_start(self, *_arguments: Any, **_more: Any) -> None:
        self.heard.append("start")

    async def on_llm_end(self, *_arguments: Any, **_more: Any) -> None:
        self.heard.append("end")


async def test_a_callback_hears_of_a_call(connect: Connect) -> None:
    of_the_call, of_the_model = Listener(), Listener()
    model = await connect(callbacks=[of_the_model])

    heard = await model.ainvoke(CONVERSATION, {"callbacks": [of_the_call]})

    assert of_the_call.heard == of_the_model.heard == ["start", "end"]
    assert heard.text == "Hello"


async def test_a_callback_of_a_chain_hears_of_the_models_call(connect: Connect) -> None:
    listener = Listener()
    chain = RunnableLambda(lambda text: [HumanMessage(text)]) | await connect()

    await chain.ainvoke("Hi", {"callbacks": [listener]})

    assert listener.heard == ["start", "end"]
