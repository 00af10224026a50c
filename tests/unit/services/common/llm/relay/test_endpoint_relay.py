import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from support.provider.exchanges import EXCHANGES, KEY, Exchange
from support.provider.server import StandInProvider, serving_provider

from services.common.chat.chunks import join_chunks
from services.common.errors.model import ModelError
from services.common.llm.endpoint import ChatEndpoint
from services.common.llm.event_parser import MAX_ANSWER_BYTES
from services.common.llm.relay.endpoint_relay import EndpointRelay

PARAMETERS = {"temperature": 0, "seed": 7, "max_tokens": 64}
REQUEST = {"model": "a task type", "messages": [{"role": "user", "content": "Hi"}]}
EVENT = re.compile(rb"data: (\{[^\n]*\})\n\n")


@pytest.fixture(scope="module")
def provider() -> Iterator[StandInProvider]:
    with serving_provider() as provider:
        yield provider


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds: sleep(0))


def make_endpoint(base_url: str, timeout_seconds: float = 60) -> ChatEndpoint:
    return ChatEndpoint(
        base_url=base_url, model="m", api_key=SecretStr(KEY), timeout_seconds=timeout_seconds
    )


def read_stream(content: bytes) -> list[dict[str, Any]]:
    """Read events, of which each must be exactly one line of JSON."""
    end = content.rfind(b"data: [DONE]\n\n")
    content = content if end < 0 else content[:end]
    assert EVENT.sub(b"", content) == b""
    return [json.loads(line) for line in EVENT.findall(content)]


def summary(answer: dict[str, Any]) -> list[Any]:
    return [
        ({"role": "assistant", **choice["message"]}, choice["finish_reason"])
        for choice in answer["choices"]
    ]


async def ask_whole(endpoint: ChatEndpoint, **request: Any) -> tuple[Any, Any, str]:
    """Ask, and give choices or code, the usage, and the error's message."""
    try:
        content = await EndpointRelay(endpoint, PARAMETERS).complete({**REQUEST, **request})
    except ModelError as error:
        return error.code, None, error.message
    answer = json.loads(content)
    return summary(answer), answer.get("usage"), ""


async def ask_for_stream(endpoint: ChatEndpoint, **request: Any) -> tuple[Any, Any, str, str]:
    """Ask, and give choices or code, the usage, the code of what broke it, and the message."""
    content = b""
    code = message = ""
    try:
        async for block in EndpointRelay(endpoint, PARAMETERS).stream(
            {**REQUEST, "stream": True, **request}
        ):
            content += block
    except ModelError as error:
        code, message = error.code, error.message
    if not content:
        return code, None, "", message
    assert content.endswith(b"data: [DONE]\n\n") == (not code)
    answer = join_chunks(read_stream(content))
    return summary(answer), answer.get("usage"), code, message


@pytest.mark.parametrize("name", EXCHANGES)
async def test_an_exchange_comes_to_what_it_must(provider: StandInProvider, name: str) -> None:
    expected: Exchange = EXCHANGES[name]
    endpoint = make_endpoint(provider.base_url(name))
    streamed, usage, broken, message = await ask_for_stream(endpoint)
    await endpoint.aclose()

    assert streamed == (expected.whole if expected.streamed is None else expected.streamed)
    assert usage == expected.usage
    assert not broken
    assert len(provider.bodies[name]) == expected.calls
    assert KEY not in message
    assert "ghp_" not in message

    provider.bodies[name].clear()
    endpoint = make_endpoint(provider.base_url(name))
    whole, usage, message = await ask_whole(endpoint)
    await endpoint.aclose()

    assert whole == expected.whole
    assert usage == expected.usage
    assert KEY not in message
    assert "ghp_" not in message


Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
Connect = Callable[..., Awaitable[ChatEndpoint]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Serves a reply, and gives the endpoint."""
    async with AsyncExitStack() as stack:

        async def start(reply: Reply, **options: Any) -> ChatEndpoint:
            async def handle(request: web.Request) -> web.StreamResponse:
                return await reply(request)

            app = web.Application()
            app.router.add_post("/v1/chat/completions", handle)
            server = await stack.enter_async_context(TestServer(app))
            endpoint = make_endpoint(str(server.make_url("/v1")), **options)
            stack.push_async_callback(endpoint.aclose)
            return endpoint

        yield start


CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n'


class SlowReply:
    """Sends a chunk, and then nothing until the client is gone."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = blocks
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for block in self.blocks:
            await response.write(block)
        self.begun.set()
        try:
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.wait((asyncio.ensure_future(asyncio.Event().wait()),), timeout=0.01)
        finally:
            self.gone.set()
        return response


async def test_chunks_are_passed_on_as_they_come_and_byte_for_byte(connect: Connect) -> None:
    endpoint = await connect(SlowReply(CHUNK))
    async with aclosing(EndpointRelay(endpoint, {}).stream(REQUEST)) as events:
        assert await anext(events) == CHUNK


async def test_who_stops_reading_ends_the_providers_call(connect: Connect) -> None:
    reply = SlowReply(CHUNK)
    endpoint = await connect(reply)
    async with aclosing(EndpointRelay(endpoint, {}).stream(REQUEST)) as events:
        await anext(events)
    async with asyncio.timeout(5):
        await reply.gone.wait()


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_is_cancelled_ends_the_providers_call(connect: Connect, streamed: bool) -> None:
    reply = SlowReply(b": wait\n\n")
    relay = EndpointRelay(await connect(reply), {})
    work = anext(relay.stream(REQUEST)) if streamed else relay.complete(REQUEST)
    working = asyncio.ensure_future(work)
    async with asyncio.timeout(5):
        await reply.begun.wait()
        working.cancel()
        await reply.gone.wait()
    await asyncio.wait([working])
    assert working.cancelled()


async def test_a_pause_over_the_deadline_ends_a_stream(connect: Connect) -> None:
    endpoint = await connect(SlowReply(CHUNK), timeout_seconds=0.5)
    streamed, _, broken, _ = await ask_for_stream(endpoint)

    assert streamed[0][0]["content"] == "a"
    assert broken == "model_timeout"


async def test_no_answer_before_the_deadline_is_a_timeout(connect: Connect) -> None:
    endpoint = await connect(SlowReply(b": wait\n\n"), timeout_seconds=0.1)

    assert (await ask_for_stream(endpoint))[0] == "model_timeout"


@pytest.mark.parametrize(
    "begin", [b"data: ", b'data: {"choices": "', b"{", b": ", b"data: {\ndata: ", b"x"]
)
async def test_an_event_over_the_limit_ends_a_stream(connect: Connect, begin: bytes) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(CHUNK if begin.startswith(b"data") else b"")
        for piece in [begin, *[b"x" * 65_536] * (MAX_ANSWER_BYTES // 65_536 + 2)]:
            await response.write(piece)
        return response

    streamed, _, broken, _ = await ask_for_stream(await connect(reply))

    assert (broken or streamed) == "model_invalid_answer"


async def test_a_stream_that_is_longer_than_an_event_may_be_passes(connect: Connect) -> None:
    chunk = CHUNK.replace(b'"a"', b'"' + b"a" * 100_000 + b'"')
    count = MAX_ANSWER_BYTES // 100_000 + 2

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in [*[chunk] * count, b"data: [DONE]\n\n"]:
            await response.write(piece)
        return response

    streamed, _, broken, _ = await ask_for_stream(await connect(reply))

    assert not broken
    assert len(streamed[0][0]["content"]) == count * 100_000


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_wait_that_is_a_date_is_told(connect: Connect, streamed: bool) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        moment = datetime.now(UTC) + timedelta(minutes=1)
        headers = {"Retry-After": format_datetime(moment, usegmt=True)}
        return web.json_response({}, status=429, headers=headers)

    relay = EndpointRelay(await connect(reply), {})
    with pytest.raises(ModelError) as caught:
        await (anext(relay.stream(REQUEST)) if streamed else relay.complete(REQUEST))

    assert caught.value.code == "model_rate_limited"
    assert 50 < int(caught.value.headers["retry-after"]) <= 60


def event(**chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
OTHER = event(choices=[{"index": 1, "delta": {"content": "b"}}])
END = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
# What follows the first chunk, of which what is passed on, and the code of the error at its end.
ENDS: dict[str, tuple[bytes, bytes, str]] = {
    "an error event": (event(error={"code": 502, "message": KEY}), b"", "model_unavailable"),
    "an error event of a rate limit": (
        CHUNK + event(error={"code": "rate_limit_exceeded"}) + CHUNK,
        CHUNK,
        "model_rate_limited",
    ),
    "an error of a quota": (
        event(error={"code": "insufficient_quota"}) + DONE,
        b"",
        "model_quota_spent",
    ),
    "an error line": (b'error: {"code": 503, "message": "busy"}\n\n', b"", "model_unavailable"),
    "an error without framing": (b'{"error": {"code": 503}}\n', b"", "model_unavailable"),
    "an error without a line end": (b'{"error": {"code": 503}}', b"", "model_unavailable"),
    "a finish reason of error": (END.replace(b"stop", b"error"), b"", "model_unavailable"),
    "no JSON": (CHUNK + b"data: Oops\n\n" + DONE, CHUNK, "model_invalid_answer"),
    "no JSON object": (b"data: 5\n\n" + DONE, b"", "model_invalid_answer"),
    "no UTF-8": (b'data: {"a": "\xff"}\n\n' + DONE, b"", "model_invalid_answer"),
    "an end in the middle": (CHUNK, CHUNK, "model_unavailable"),
    "an end in the middle of a chunk": (CHUNK + CHUNK[:20], CHUNK, "model_unavailable"),
    "an end before one of several choices ends": (OTHER + END, OTHER + END, "model_unavailable"),
    "a whole end": (CHUNK + END, CHUNK + END + DONE, ""),
    "a whole end without a line end": (CHUNK + END.rstrip(), CHUNK + END + DONE, ""),
    "[DONE] without a finish reason": (CHUNK + DONE, CHUNK + DONE, ""),
    "[DONE] without a line end": (CHUNK + b"data:[DONE]", CHUNK + DONE, ""),
}


async def stream_gated(
    connect: Connect, go_on: Callable[[web.StreamResponse], Awaitable[None]]
) -> tuple[bytes, str, str]:
    """Have a provider go on when its first chunk has been passed on.

    Gives what came after that, and the code and the message of the error.
    """
    has_begun = asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(CHUNK)
        await has_begun.wait()
        await go_on(response)
        return response

    content = b""
    try:
        async for block in EndpointRelay(await connect(reply), {}).stream(REQUEST):
            content += block
            has_begun.set()
    except ModelError as error:
        return content.removeprefix(CHUNK), error.code, error.message
    return content.removeprefix(CHUNK), "", ""


@pytest.mark.parametrize("name", ENDS)
async def test_a_stream_that_has_begun_ends_as_it_must(connect: Connect, name: str) -> None:
    rest, passed_on, code = ENDS[name]

    async def go_on(response: web.StreamResponse) -> None:
        await response.write(rest)

    *came, message = await stream_gated(connect, go_on)

    assert came == [passed_on, code]
    assert KEY not in message


@pytest.mark.parametrize("rest", [b"", CHUNK[:20], b"\n"])
async def test_a_provider_that_dies_in_the_middle_breaks_off_the_stream(
    connect: Connect, rest: bytes
) -> None:
    async def go_on(response: web.StreamResponse) -> None:
        if rest:
            await response.write(rest)
        assert response._req is not None
        assert response._req.transport is not None
        response._req.transport.abort()

    assert (await stream_gated(connect, go_on))[:2] == (b"", "model_unavailable")


class Refusing:
    """Refuses parameters of these names, and keeps what it was sent."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.bodies: list[dict[str, Any]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        for name in self.names:
            if name in body:
                return web.json_response({"error": {"param": name}}, status=400)
        choice = {"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})


async def test_defaults_go_along_where_the_client_sent_none(connect: Connect) -> None:
    reply = Refusing()
    endpoint = await connect(reply)
    await ask_whole(endpoint)
    await ask_whole(endpoint, temperature=1, seed=None, max_completion_tokens=9, x={"y": 1})

    assert reply.bodies[0] == {**REQUEST, **PARAMETERS, "model": "m"}
    assert reply.bodies[1] == {
        **REQUEST,
        "model": "m",
        "temperature": 1,
        "seed": None,
        "max_completion_tokens": 9,
        "x": {"y": 1},
    }


async def test_a_refused_default_is_dropped_and_that_is_remembered(connect: Connect) -> None:
    reply = Refusing("seed", "max_tokens")
    endpoint = await connect(reply)
    await ask_whole(endpoint)
    count = len(reply.bodies)
    await ask_whole(endpoint)

    assert count == 3
    assert len(reply.bodies) == 4
    assert reply.bodies[-1].keys() == {"model", "messages", "temperature", "max_completion_tokens"}


@pytest.mark.parametrize(
    "sent", [{"temperature": 9}, {"max_tokens": 10**9}, {"max_completion_tokens": 10**9}]
)
async def test_what_a_client_sends_in_vain_is_refused_and_takes_nothing_from_others(
    connect: Connect, sent: dict[str, Any]
) -> None:
    reply = Refusing(*sent)
    endpoint = await connect(reply)
    assert (await ask_whole(endpoint, **sent))[0] == "model_rejected"
    assert len(reply.bodies) == 1

    reply.names = ()
    await ask_whole(endpoint)
    assert reply.bodies[-1] == {**REQUEST, **PARAMETERS, "model": "m"}


async def test_a_default_by_its_other_name_gives_way_to_what_the_client_sent(
    connect: Connect,
) -> None:
    reply = Refusing("max_tokens")
    endpoint = await connect(reply)
    await ask_whole(endpoint)
    reply.names = ()
    await ask_whole(endpoint, max_tokens=9)

    assert reply.bodies[1]["max_completion_tokens"] == PARAMETERS["max_tokens"]
    assert reply.bodies[2] == {**REQUEST, **PARAMETERS, "model": "m", "max_tokens": 9}
