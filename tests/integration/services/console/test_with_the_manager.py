"""The console and a real Manager: who comes in, what they bring along, and when it ends."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.access.accounts import create_account
from services.common.access.passwords import hash_password
from services.common.config import ConsoleSettings, Settings
from services.console.app.main import create_console
from services.console.app.web.admin_client import AdminClient, RefusedError
from services.manager.app.main import create_manager

PASSWORD = "correct horse battery"
BROWSER = {"accept": "text/html"}
HOME = "http://localhost:8003"
Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]


class DirectClient(AdminClient):
    """The admin client, calling a Manager in this process."""

    def __init__(self, manager: httpx.AsyncClient) -> None:
        self._manager = manager
        self._known = {}

    async def call(
        self,
        method: str,
        path: str,
        body: BaseModel | None = None,
        *,
        session: str = "",
        csrf_token: str = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        sent = {"host": "localhost:8000", "content-type": "application/json", **(headers or {})}
        if session:
            sent["authorization"] = f"Bearer {session}"
        if csrf_token:
            sent["x-csrf-token"] = csrf_token
        answer = await self._manager.request(
            method,
            f"/api/v1/admin{path}",
            content=body.model_dump_json(exclude_none=True) if body else b"",
            headers=sent,
        )
        if answer.is_error:
            error = RefusedError(answer.json()["message"])
            error.status_code, error.code = answer.status_code, answer.json()["code"]
            raise error
        return answer.json() if answer.content else None


@pytest.fixture
def open_both(
    serve: Serve,
    make_settings: Callable[..., Settings],
    database_server: EmbeddedPostgres,
    database_url: str,
) -> Any:
    """Opens a Manager, and the console that calls it."""

    of_the_manager = {"database_url": database_server.service_urls["manager"]}

    async def open_them(**settings: Any) -> httpx.AsyncClient:
        manager = await serve(create_manager(make_settings(**of_the_manager, **settings)))
        app = create_console(ConsoleSettings(console_database_url=database_url))
        console = await serve(app)
        app.state.admin = DirectClient(manager)
        console.base_url = httpx.URL(HOME)
        return console

    return open_them


@pytest.fixture
async def ada(connection: asyncpg.Connection) -> None:
    await create_account(
        connection,
        name="ada",
        password_hash=hash_password(PASSWORD),
        role="viewer",
        task_types=None,
    )


def token_in(page: httpx.Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    return found[1]


async def sign_in(console: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    page = await console.get("/sign-in", headers=BROWSER)
    data = {"name": "ada", "password": password, "next": "/heals", "csrf_token": token_in(page)}
    return await console.post("/sign-in", data=data, headers=BROWSER | {"origin": HOME})


async def test_without_accounts_it_is_open_to_this_machine(open_both: Any) -> None:
    console = await open_both()
    assert (await console.get("/", headers=BROWSER)).status_code == 200
    assert (await console.get("/sign-in", headers=BROWSER)).status_code == 303


async def test_the_way_of_a_session(open_both: Any, ada: None) -> None:
    console = await open_both()
    assert (await console.get("/", headers=BROWSER)).headers["location"] == "/sign-in"
    assert (await sign_in(console, "wrong")).status_code == 401
    answer = await sign_in(console)
    assert (answer.status_code, answer.headers["location"]) == (303, "/heals")
    first = console.cookies["selfheal_session"]
    page = await console.get("/heals", headers=BROWSER)
    assert page.status_code == 200
    assert "ada" in page.text
    answer = await console.post("/sign-out", data={"csrf_token": token_in(page)}, headers=BROWSER)
    assert answer.status_code == 303
    for head in (BROWSER, BROWSER | {"cookie": f"selfheal_session={first}"}):
        assert (await console.get("/heals", headers=head)).status_code == 303


async def test_each_sign_in_is_a_session_of_its_own(
    open_both: Any, ada: None, connection: asyncpg.Connection
) -> None:
    console = await open_both()
    await sign_in(console)
    first = console.cookies["selfheal_session"]
    console.cookies.clear()
    await sign_in(console)
    assert console.cookies["selfheal_session"] != first
    assert await connection.fetchval("SELECT count(*) FROM selfheal.sessions") == 2


async def test_a_token_of_another_page_signs_nobody_in(open_both: Any, ada: None) -> None:
    console = await open_both()
    data = {"name": "ada", "password": PASSWORD, "csrf_token": "nonce.forged"}
    answer = await console.post("/sign-in", data=data, headers=BROWSER)
    assert answer.status_code == 403
    assert "selfheal_session" not in console.cookies
    assert token_in(answer)


async def test_sign_in_at_a_provider(open_both: Any) -> None:
    with run_provider() as provider:
        provider.claims = {"groups": ["readers"], "preferred_username": "grace"}
        console = await open_both(
            public_url=HOME,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            oidc_roles="readers=viewer",
        )
        assert (
            "/sign-in/oidc?next=%2Fheals"
            in (await console.get("/sign-in?next=/heals", headers=BROWSER)).text
        )
        started = await console.get("/sign-in/oidc?next=%2Fheals", headers=BROWSER)
        came_back = provider.sign_in(started.headers["location"])
        answer = await console.get("/sign-in/oidc/callback", params=came_back, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/heals")
        assert "grace" in (await console.get("/heals", headers=BROWSER)).text
        again = await console.get("/sign-in/oidc/callback", params=came_back, headers=BROWSER)
        assert again.status_code == 400
