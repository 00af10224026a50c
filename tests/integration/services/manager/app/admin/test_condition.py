"""How the system is, in one answer: what is away is told, and keeps nothing else from it."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestServer

StartConsole = Callable[..., Awaitable[Any]]

EVALUATOR = {
    "status": "ready",
    "service": "evaluator",
    "degraded": True,
    "fingerprint": "f" * 16,
    "sandbox": {"backend": "none", "problem": "no seccomp", "layers": []},
    "canary": {"state": "degraded"},
    "canary_history": [{"state": "steady"}],
}
KEY = "sk-very-secret"


async def test_the_parts_are_looked_at_and_no_key_is_shown(
    start_console: StartConsole, connection: asyncpg.Connection
) -> None:
    async def tell(_: web.Request) -> web.Response:
        return web.json_response(EVALUATOR)

    app = web.Application()
    app.router.add_get("/health/ready", tell)
    await connection.execute(
        """INSERT INTO selfheal.leases (name, holder, held_until)
           VALUES ('traffic', 'x', now() - interval '3 hours'),
                  ('heal letters', 'y', now() - interval '3 hours')"""
    )
    await connection.execute(
        """INSERT INTO selfheal.jobs (kind, requested_by, created_at)
           VALUES ('message', 'alice', now() - interval '1 hour')"""
    )
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app))
        console = await start_console(
            evaluator_url=str(server.make_url("/")),
            worker_url="http://127.0.0.1:9",
            llm_provider="openai",
            llm_model="gpt-x",
            llm_api_key=KEY,
        )
        answer = await console.call("GET", "/condition")
    assert answer.status_code == 200, answer.text
    assert KEY not in answer.text
    checks = {check["name"]: check for check in answer.json()["checks"]}
    assert {name: check["result"] for name, check in checks.items()} == {
        "worker": "fail",
        "evaluator": "ok",
        "canaries": "warn",
        "sandbox": "warn",
        "database": "ok",
        "database access": "ok",
        "connections": "ok",
        "spool": "ok",
        "optimizer": "warn",
        "traffic": "warn",
        "Python": "ok",
        "model": "ok",
        "network": "ok",
    }
    assert "3 hours" in checks["traffic"]["found"]
    assert checks["database access"]["found"] == "straight to the server"
    assert checks["model"]["found"] == "openai, gpt-x, LLM_API_KEY is set"
    assert answer.json()["evaluator"]["canary_history"] == [{"state": "steady"}]
    assert set(answer.json()["versions"]) == {"package", "python", "postgresql", "schema"}
