import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.open_load import WAYS, Load, Sent, Way, ask

DONE = "data: {}\n\ndata: [DONE]\n\n"


async def ask_for(way: Way, status: int, text: str) -> Sent:
    """Send a request to a server that answers so."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    sent = Sent(way)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        await ask(session, str(server.make_url("")).rstrip("/"), sent)
    return sent


@pytest.mark.parametrize(
    ("way", "status", "text", "outcome", "code"),
    [
        ("guide", 200, "{}", "acknowledged", ""),
        ("door", 200, "{}", "acknowledged", ""),
        ("stream", 200, DONE, "acknowledged", ""),
        ("stream", 200, "data: {}\n\n", "broken", "stream "),
        ("stream", 200, 'data: {}\n\ndata: {"error": {"code": "x"}}\n\n', "refused", "stream x"),
        ("guide", 503, '{"code": "database_unavailable"}', "refused", "503 database_unavailable"),
        ("door", 502, '{"error": {"code": "model_failed"}}', "refused", "502 model_failed"),
        ("door", 502, "<html>", "refused", "502 "),
    ],
)
async def test_what_becomes_of_a_request(
    way: Way, status: int, text: str, outcome: str, code: str
) -> None:
    sent = await ask_for(way, status, text)
    assert (sent.outcome, sent.code) == (outcome, code)


async def test_a_request_without_an_answer_is_broken() -> None:
    sent = Sent("guide")
    async with aiohttp.ClientSession() as session:
        await ask(session, "http://127.0.0.1:1", sent)
    assert (sent.outcome, sent.code) == ("broken", "ClientConnectorError")


async def test_requests_go_out_whatever_becomes_of_those_before() -> None:
    answered, asked = asyncio.Event(), asyncio.Queue[Any]()

    async def answer(request: web.Request) -> web.Response:
        await asked.put(request.headers["X-Request-ID"])
        await answered.wait()
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    stopped = asyncio.Event()
    async with TestServer(app) as server:
        load = Load(str(server.make_url("")).rstrip("/"), rate=1000)
        running = asyncio.create_task(load.run(stopped))
        ids = {await asked.get() for _ in range(12)}
        stopped.set()
        answered.set()
        await running
    assert ids <= {str(sent.request_id) for sent in load.sent}
    assert {sent.way for sent in load.sent} == set(WAYS)
