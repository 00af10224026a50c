import asyncio
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.open_load import WAYS, Landed, Load, Outcome, Sent, Way, ask, count_landed

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
        load = Load(str(server.make_url("")).rstrip("/"), rate=1000, texts=("a", "b"))
        running = asyncio.create_task(load.run(stopped))
        ids = {await asked.get() for _ in range(12)}
        stopped.set()
        answered.set()
        await running
    assert ids <= {str(sent.request_id) for sent in load.sent}
    assert {sent.way for sent in load.sent} == set(WAYS)
    assert {(sent.way, sent.text) for sent in load.sent} == {(w, t) for w in WAYS for t in "ab"}


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        ("guide", '{{"request_id": "{0}"}}'),
        ("door", '{{"id": "chatcmpl-{0.hex}"}}'),
        ("stream", 'data: {{"id": "chatcmpl-{0.hex}"}}\n\ndata: [DONE]\n\n'),
    ],
)
async def test_an_answer_says_the_id_of_its_request(way: Way, answer: str) -> None:
    sent = await ask_for(way, 200, answer.format(uuid4()))
    assert not sent.is_named
    sent.request_id = UUID(sent.told_id.removeprefix("chatcmpl-"))
    assert sent.is_named


def test_what_landed_is_counted() -> None:
    def send(way: Way, outcome: Outcome = "acknowledged") -> Sent:
        return Sent(way, outcome=outcome)

    sent = [
        send("guide"), send("door"), send("stream"), send("door"), send("guide"),
        send("guide", "refused"), send("door", "broken"),
    ]  # fmt: skip
    rows = [
        (0, 1, 0, True), (1, 1, 1, False), (2, 1, 0, True), (4, 2, 0, True), (5, 2, 0, False),
    ]  # fmt: skip
    found = [
        {"request_id": sent[i].request_id, "rows": n, "conversations": c, "scored": scored}
        for i, n, c, scored in rows
    ]
    # The third has no conversation, and the fourth no row.
    assert count_landed(sent, found) == Landed(5, landed=3, lost=2, doubled=2, unscored=1)
