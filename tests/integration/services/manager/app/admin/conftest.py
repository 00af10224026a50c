"""The admin API as the console calls it, on a real database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.common.access.accounts import Account, create_account
from services.common.access.passwords import hash_password
from services.common.config import Settings
from services.manager.app.main import create_manager

PREFIX = "/api/v1/admin"
PASSWORD = "correct horse battery"


class Console:
    """Calls the admin API as the console does: takes a token first, and brings it along."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.headers = {"Host": "localhost:8000"}
        self.session = ""

    async def call(
        self, method: str, path: str, body: Any = None, *, csrf: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.session and "authorization" not in sent:
            sent["authorization"] = f"Bearer {self.session}"
        if method != "GET" and csrf != "":
            sent["X-CSRF-Token"] = csrf or (await self.view())["csrf_token"]
        return await self.client.request(method, PREFIX + path, json=body, headers=sent)

    async def view(self) -> dict[str, Any]:
        answer = await self.call("GET", "/session")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
        body = {"name": name, "password": password}
        answer = await self.call("POST", "/session", body, **headers)
        if answer.status_code == 200:
            self.session = answer.json()["session"]
        return answer


StartConsole = Callable[..., Awaitable[Console]]


@pytest.fixture
def start_console(
    serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]],
    make_settings: Callable[..., Settings],
) -> StartConsole:
    """Starts a Manager; keyword arguments are its settings."""

    async def start(**settings: Any) -> Console:
        return Console(await serve(create_manager(make_settings(**settings))))

    return start


@pytest.fixture
async def trusted(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """The audit believes the Manager, which is the database's user here."""
    await connection.execute("INSERT INTO selfheal.trusted_roles VALUES (session_user)")
    yield
    await connection.execute("DELETE FROM selfheal.trusted_roles WHERE role = session_user")


@pytest.fixture
def make_account(connection: asyncpg.Connection) -> Callable[..., Awaitable[Account]]:
    """Makes a local account, whose password is PASSWORD."""

    async def make(name: str, role: str = "viewer", task_types: list[str] | None = None) -> Account:
        return await create_account(
            connection,
            name=name,
            password_hash=hash_password(PASSWORD),
            role=role,
            task_types=task_types,
        )

    return make
