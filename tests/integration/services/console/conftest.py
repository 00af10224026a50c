"""The console on the real PostgreSQL, with a stand-in for the Manager's word on who looks."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.admin.schemas import Person, SessionView
from services.common.config import ConsoleSettings
from services.console.app.main import create_console
from services.console.app.web.admin_client import KnownSession

Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
OpenConsole = Callable[..., Awaitable[httpx.AsyncClient]]


class StubAdmin:
    """Says who looks, and answers calls from a table; keeps what was asked for."""

    def __init__(self, scopes: list[str], task_types: list[str] | None) -> None:
        person = Person(name="ada", kind="user", scopes=scopes, task_types=task_types)
        self.view = SessionView(
            person=person, csrf_token="token", password=True, oidc=False, second_person=False
        )
        self.answers: dict[tuple[str, str], Any] = {}
        self.calls: list[tuple[str, str, Any]] = []

    async def find_session(self, session: str, **_: Any) -> KnownSession:
        return KnownSession(self.view, 0.0)

    def forget_session(self, session: str) -> None:
        """Nothing is kept."""

    async def call(
        self, method: str, path: str, body: BaseModel | None = None, **options: Any
    ) -> Any:
        self.calls.append((method, path, body))
        answer = self.answers[method, path]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def database_url(database_server: EmbeddedPostgres, connection: asyncpg.Connection) -> str:
    """Where the database of `connection` is, for the console's own user."""
    return database_server.service_urls["console"]


@pytest.fixture
def open_console(serve: Serve, database_url: str) -> OpenConsole:
    """Open the console for somebody who has these scopes."""

    async def open_it(
        *scopes: str, task_types: list[str] | None = None, **settings: Any
    ) -> httpx.AsyncClient:
        given = {"console_database_url": database_url, "allowed_hosts": "service.test", **settings}
        app = create_console(ConsoleSettings(**given))
        client = await serve(app)
        client.admin = app.state.admin = StubAdmin(list(scopes) or ["admin"], task_types)
        return client

    return open_it
