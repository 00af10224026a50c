"""What a real server answers to what is no proper HTTP, over a plain socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import pytest
import uvicorn
from fastapi import FastAPI, Request

from services.common.http_protocol import MAX_HEAD_BYTES, BoundedHttpProtocol
from services.common.metrics import ServiceMetrics
from services.common.middleware import RequestContextMiddleware


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server that echoes how long the body was."""
    app = FastAPI()
    metrics = ServiceMetrics("probe")
    app.add_middleware(
        RequestContextMiddleware,
        metrics=metrics,
        authorise=lambda _scope: None,
        max_body_bytes=1 << 20,
    )

    @app.get("/health")
    async def report_health() -> str:
        return "ok"

    @app.post("/")
    async def measure(request: Request) -> int:
        return len(await request.body())

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, loop="none", http=BoundedHttpProtocol, ws="none", log_config=None, lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def exchange(port: int, *pieces: bytes) -> tuple[str, str]:
    """Head and body of the answer to what is sent piece by piece."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


def post(headers: bytes = b"", body: bytes = b"abc") -> bytes:
    size = str(len(body)).encode()
    return b"POST / HTTP/1.1\r\nConnection: close\r\n%sContent-Length: %s\r\n\r\n%s" % (
        headers,
        size,
        body,
    )


async def test_a_request_is_served(port: int) -> None:
    head, body = await exchange(port, post())
    assert head.startswith("HTTP/1.1 200")
    assert body == "3"


async def test_head_is_answered_without_a_body(port: int) -> None:
    head, body = await exchange(port, b"HEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert body == ""


async def test_a_body_is_no_part_of_the_head(port: int) -> None:
    _, body = await exchange(port, post(body=b"x" * (4 * MAX_HEAD_BYTES)))
    assert body == str(4 * MAX_HEAD_BYTES)


async def test_each_request_of_a_connection_has_a_head_of_its_own(port: int) -> None:
    padded = post(b"X-Padding: %s\r\n" % (b"a" * (MAX_HEAD_BYTES // 2)))
    kept_alive = padded.replace(b"Connection: close\r\n", b"")
    head, body = await exchange(port, kept_alive, kept_alive, kept_alive, padded)
    assert head.startswith("HTTP/1.1 200")
    assert body.count("HTTP/1.1 200") == 3


@pytest.mark.parametrize("padding", [b"X-Padding: a\r\n", b"a"], ids=["many-headers", "one-header"])
async def test_a_head_without_an_end_is_refused(port: int, padding: bytes) -> None:
    endless = b"POST / HTTP/1.1\r\nX-Start: " + padding * MAX_HEAD_BYTES
    # Not a byte more than it takes: what a server leaves unread cuts its answer off.
    head, body = await exchange(port, endless[: MAX_HEAD_BYTES + 1])
    assert head.startswith("HTTP/1.1 431")
    assert json.loads(body)["code"] == "head_too_large"


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n"]
)
async def test_what_is_no_http_is_answered_as_json_like_every_error(
    port: int, nonsense: bytes
) -> None:
    head, body = await exchange(port, nonsense)
    assert head.startswith("HTTP/1.1 400")
    assert "content-type: application/json" in head
    answer = json.loads(body)
    assert answer["code"] == "invalid_request"
    assert answer["message"]
    assert UUID(answer["request_id"])
