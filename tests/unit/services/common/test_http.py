import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel
from support.clock import Clock
from support.proxy import recording_proxy
from support.rows import for_each

from benchmarks.own_ports import take_port
from services.common.errors import (
    ServiceError,
    UnknownTaskTypeError,
    UpstreamError,
    UpstreamTimeoutError,
)
from services.common.http import ServiceClient, create_session, is_own_address
from services.common.resilience.breaker import Breaker
from services.common.resilience.deadline import within


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    text: str


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Connect = Callable[..., Awaitable[ServiceClient]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with create_session() as session:
        yield session


@pytest.fixture
async def connect(session: aiohttp.ClientSession) -> AsyncIterator[Connect]:
    """Starts a server that answers with `handler`, and gives the client of it."""
    async with AsyncExitStack() as stack:

        async def start(
            handler: Handler, *, timeout_seconds: float = 30, breaker: Breaker | None = None
        ) -> ServiceClient:
            app = web.Application()
            app.router.add_post("/ask", handler)
            server = await stack.enter_async_context(TestServer(app))
            return ServiceClient(
                session,
                upstream="worker",
                base_url=str(server.make_url("/")),
                timeout_seconds=timeout_seconds,
                breaker=breaker,
            )

        yield start


def answering(content: bytes | str, *, status: int = 200) -> Handler:
    body = content.encode() if isinstance(content, str) else content

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="application/json")

    return handle


async def ask(client: ServiceClient, **options: Any) -> Answer:
    return await client.post("/ask", Question(text="질문 {x} %"), Answer, **options)


async def failure_of(client: ServiceClient) -> ServiceError:
    with pytest.raises(ServiceError) as failure:
        await ask(client)
    return failure.value


async def test_a_question_is_posted_as_json_and_the_answer_read(connect: Connect) -> None:
    seen: list[tuple[str, str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(
            (
                request.content_type,
                request.headers["X-Request-ID"],
                json.loads(await request.read()),
            )
        )
        return web.json_response({"text": "답", "more": 1})

    answer = await ask(await connect(handle), headers={"X-Request-ID": "7"})

    assert answer == Answer(text="답")
    assert seen == [("application/json", "7", {"text": "질문 {x} %"})]


def error_json(code: str, message: str = "So it is.", **extra: Any) -> str:
    return json.dumps({"code": code, "message": message, "request_id": "7", **extra})


@pytest.mark.parametrize(
    ("status", "content", "upstream_code", "words"),
    [
        pytest.param(
            504,
            error_json("model_timeout", "Too slow."),
            "model_timeout",
            "Too slow.",
            id="an error",
        ),
        pytest.param(503, error_json("judge_unavailable"), "judge_unavailable", "So it", id="503"),
        pytest.param(422, error_json("invalid_request"), "invalid_request", "So it", id="422"),
        pytest.param(404, error_json("not_found"), "not_found", "So it", id="an unknown path"),
        pytest.param(500, "", "http_500", "HTTP 500", id="an empty error"),
        pytest.param(502, "<html>Bad Gateway</html>", "http_502", "HTTP 502", id="a proxy's page"),
        pytest.param(500, b"\xff\xfe", "http_500", "HTTP 500", id="bytes that are no text"),
        pytest.param(500, '{"detail": "x"}', "http_500", "HTTP 500", id="JSON of another shape"),
        pytest.param(500, "[" * 100_000, "http_500", "HTTP 500", id="a nesting bomb as error"),
        pytest.param(204, "", "http_204", "HTTP 204", id="a success that says nothing"),
        pytest.param(200, "", "invalid_answer", "no valid answer", id="an empty answer"),
        pytest.param(200, "OK", "invalid_answer", "no valid answer", id="an answer in prose"),
        pytest.param(200, "[]", "invalid_answer", "no valid answer", id="an array"),
        pytest.param(200, '{"text": 1}', "invalid_answer", "no valid answer", id="a wrong type"),
        pytest.param(200, "{}", "invalid_answer", "no valid answer", id="a missing field"),
        pytest.param(200, "[" * 100_000, "invalid_answer", "no valid answer", id="a nesting bomb"),
        pytest.param(200, b'{"text": "\xff"}', "invalid_answer", "no valid", id="invalid UTF-8"),
    ],
)
async def test_a_failure_of_the_other_side_is_an_upstream_error(
    connect: Connect, status: int, content: bytes | str, upstream_code: str, words: str
) -> None:
    failure = await failure_of(await connect(answering(content, status=status)))

    assert isinstance(failure, UpstreamError)
    assert (failure.status_code, failure.code) == (502, "worker_failed")
    assert failure.upstream_code == upstream_code
    assert words in failure.message


async def test_an_unknown_task_type_is_passed_on_as_it_is(connect: Connect) -> None:
    content = error_json("unknown_task_type", task_type="poetry", known_task_types=["a", "b"])
    failure = await failure_of(await connect(answering(content, status=404)))

    assert isinstance(failure, UnknownTaskTypeError)
    assert failure.context == {"task_type": "poetry", "known_task_types": ["a", "b"]}


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"task_type": "poetry"},
        {"task_type": "poetry", "known_task_types": None},
        {"task_type": "poetry", "known_task_types": 5},
        {"task_type": "poetry", "known_task_types": [1, {}]},
        {"task_type": ["poetry"], "known_task_types": ["a"]},
    ],
    ids=json.dumps,
)
async def test_an_unknown_task_type_in_another_shape_is_an_upstream_error(
    connect: Connect, extra: dict[str, Any]
) -> None:
    content = error_json("unknown_task_type", **extra)
    failure = await failure_of(await connect(answering(content, status=404)))

    assert isinstance(failure, UpstreamError)
    assert failure.upstream_code == "unknown_task_type"


async def test_an_answer_that_does_not_come_is_a_timeout(connect: Connect) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    failure = await failure_of(await connect(never, timeout_seconds=0.05))

    assert isinstance(failure, UpstreamTimeoutError)
    assert (failure.status_code, failure.code) == (504, "worker_failed")
    assert failure.upstream_code == "timeout"
    assert "0.05 s" in failure.message


async def test_a_call_gets_no_more_time_than_its_request_has_left(connect: Connect) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    client = await connect(never, timeout_seconds=30)
    with within(0.05):
        failure = await failure_of(client)

    assert isinstance(failure, UpstreamTimeoutError)
    assert (failure.status_code, failure.upstream_code) == (504, "deadline_passed")


async def test_where_no_time_is_left_nobody_is_asked(connect: Connect) -> None:
    async def answer(request: web.Request) -> web.Response:
        raise AssertionError("it was asked")

    client = await connect(answer)
    with within(0):
        failure = await failure_of(client)
        with pytest.raises(UpstreamTimeoutError):
            async with client.open_stream("/ask", b"{}", {}):
                pass

    assert isinstance(failure, UpstreamTimeoutError)
    assert failure.upstream_code == "deadline_passed"


async def test_whoever_is_asked_is_told_how_long_the_caller_waits(connect: Connect) -> None:
    told: list[float] = []

    async def handle(request: web.Request) -> web.Response:
        told.append(int(request.headers["x-selfheal-remaining-ms"]) / 1000)
        told.append(int(request.headers["x-selfheal-deadline"]) / 1000 - time.time())
        return web.Response(text='{"text": "hi"}', content_type="application/json")

    client = await connect(handle, timeout_seconds=30)
    await ask(client)
    with within(8):
        await ask(client)

    assert told[0] == 30
    assert all(4 < seconds < 8.01 for seconds in told[2:])
    assert told[1] == pytest.approx(told[0], abs=4)


@pytest.mark.parametrize("code", ["deadline_passed", "out_of_time", "model_out_of_time"])
async def test_a_service_that_had_too_little_time_is_late_and_no_more(
    connect: Connect, code: str
) -> None:
    client = await connect(answering(error_json(code), status=504))
    with within(9):
        failure = await failure_of(client)
    assert isinstance(failure, UpstreamTimeoutError)
    assert failure.upstream_code == "deadline_passed"
    assert (await failure_of(client)).context["upstream_code"] == "timeout"


async def test_a_stream_that_has_begun_is_not_ended_by_the_deadline_of_its_beginning(
    connect: Connect,
) -> None:
    goes_on = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await goes_on.wait()
        await response.write(b" two")
        return response

    client = await connect(stream)
    with within(5):
        async with client.open_stream("/ask", b"{}", {}) as response:
            assert await response.content.readexactly(3) == b"one"
            with within(0):
                goes_on.set()
                with client.translating_errors():
                    assert await response.read() == b" two"


async def test_an_answer_that_does_not_end_is_a_timeout(connect: Connect) -> None:
    async def begin(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"text": "')
        await asyncio.Event().wait()
        return response

    failure = await failure_of(await connect(begin, timeout_seconds=0.05))

    assert isinstance(failure, UpstreamTimeoutError)


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:{port}", "http://127.0.0.1:http", "nonsense", "http://", ""]
)
async def test_a_service_that_is_not_there_is_unreachable(
    session: aiohttp.ClientSession, base_url: str
) -> None:
    client = ServiceClient(
        session,
        upstream="worker",
        base_url=base_url.format(port=take_port()),
        timeout_seconds=5,
    )
    failure = await failure_of(client)

    assert isinstance(failure, UpstreamError)
    assert (failure.code, failure.upstream_code) == ("worker_failed", "unreachable")


async def test_a_service_that_was_not_there_three_times_is_asked_once_a_second(
    session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    clock = Clock()
    breaker = Breaker("worker", clock=clock)
    client = ServiceClient(
        session,
        upstream="worker",
        base_url=f"http://127.0.0.1:{unused_tcp_port}",
        timeout_seconds=30,
        breaker=breaker,
    )
    for _ in range(3):
        assert not breaker.is_open
        await failure_of(client)
    assert breaker.is_open
    app = web.Application()
    app.router.add_post("/ask", answering('{"text": "there"}'))
    async with TestServer(app, port=unused_tcp_port):
        failure = await failure_of(client)
        assert isinstance(failure, UpstreamError)
        assert (failure.status_code, failure.upstream_code) == (502, "unreachable")
        clock.now += 1
        with within(5):  # whoever has no time for an answer says nothing of it
            await failure_of(client)
        assert breaker.is_open
        assert (await ask(client)).text == "there"
        assert not breaker.is_open


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_a_service_that_says_what_is_wrong_is_there(connect: Connect, status: int) -> None:
    breaker = Breaker("worker", failures=1)
    client = await connect(answering("{}", status=status), breaker=breaker)
    await failure_of(client)
    assert not breaker.is_open


async def test_one_that_gives_no_answer_in_its_time_is_away_and_not_in_that_of_a_request(
    connect: Connect,
) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    breaker = Breaker("worker", failures=1)
    client = await connect(never, timeout_seconds=0.2, breaker=breaker)
    with within(0.05):
        await failure_of(client)
    assert not breaker.is_open
    asking = asyncio.create_task(ask(client))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not breaker.is_open
    await failure_of(client)
    assert breaker.is_open


async def test_a_truncated_answer_is_an_upstream_error(connect: Connect) -> None:
    async def truncate(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"text": "beginn')
        assert request.transport is not None
        request.transport.close()
        return response

    failure = await failure_of(await connect(truncate))

    assert isinstance(failure, UpstreamError)
    assert failure.status_code == 502


class HalfDeafServer:
    """Answers the first request of each connection, and ends it at the second.

    That is what a client sees whose request crosses the server's closing of an idle connection.
    """

    def __init__(self, *, answers: int, farewell: bool) -> None:
        self.connections = 0
        self.requests = 0
        self._answers = answers
        self._farewell = farewell

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for number in range(self._answers + 1):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            self.requests += 1
            if number < self._answers:
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b'Content-Length: 14\r\n\r\n{"text": "hi"}'
                )
                await writer.drain()
        if not self._farewell:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()


@pytest.fixture(params=[True, False], ids=["with a farewell", "by a reset"])
async def half_deaf(
    session: aiohttp.ClientSession, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[int], Awaitable[tuple[HalfDeafServer, ServiceClient]]]]:
    async with AsyncExitStack() as stack:

        async def start(answers: int) -> tuple[HalfDeafServer, ServiceClient]:
            server = HalfDeafServer(answers=answers, farewell=request.param)
            listener = await asyncio.start_server(server.converse, "127.0.0.1", 0)
            await stack.enter_async_context(listener)
            port = listener.sockets[0].getsockname()[1]
            client = ServiceClient(
                session, upstream="worker", base_url=f"http://127.0.0.1:{port}", timeout_seconds=5
            )
            return server, client

        yield start


async def test_a_kept_alive_connection_that_was_closed_is_replaced(half_deaf: Any) -> None:
    server, client = await half_deaf(1)

    assert [await ask(client), await ask(client)] == [Answer(text="hi")] * 2
    assert server.connections == 2
    assert server.requests == 3


async def test_a_server_that_always_hangs_up_is_asked_twice(half_deaf: Any) -> None:
    server, client = await half_deaf(0)
    failure = await failure_of(client)

    assert (failure.code, failure.status_code) == ("worker_failed", 502)
    assert isinstance(failure, UpstreamError)
    assert failure.upstream_code == "disconnected"
    assert server.requests == 2


async def test_a_session_keeps_no_cookies_between_services(
    connect: Connect, session: aiohttp.ClientSession
) -> None:
    seen: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.json_response({"text": "hi"}, headers={"Set-Cookie": "a=b"})

    client = await connect(handle)
    await ask(client)
    await ask(client)

    assert seen == [None, None]


@for_each(
    [
        ("http://127.0.0.1:8010/v1", True),
        ("http://127.3.2.1", True),
        ("http://localhost:8010", True),
        ("http://LOCALHOST.:8010", True),
        ("http://model.localhost", True),
        ("http://[::1]:8010", True),
        ("http://[::ffff:127.0.0.1]:8010", True),
        ("http://0.0.0.0:8010", True),
        ("http://[::]:8010", True),
        ("http://worker:8001", True),
        ("http://local-model:8010/v1", True),
        ("", True),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.7:8000", False),
        ("http://[2001:db8::1]", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
    ]
)
def test_own_addresses_are_this_machine_s_and_those_beside_it(row: tuple[str, bool]) -> None:
    url, is_own = row
    assert is_own_address(url) is is_own


async def test_a_proxy_is_asked_for_what_is_outside_alone(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"text": "mine"})

    with recording_proxy(monkeypatch) as asked:
        assert (
            await (await connect(answer)).post("/ask", Question(text=""), Answer)
        ).text == "mine"
        assert asked == []
        outside = "http://hooks.example.com/x"
        async with create_session(outside) as session, session.post(outside, data=b"{}") as reply:
            assert reply.status == 200
        assert asked == [outside]
