"""Who reaches the console at all: by its own names, from its own pages."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.routing import Mount, Route
from support.http_server import JsonHandler, serving

from services.common.access.keys import KeyScope
from services.common.access.networks import UnprotectedError
from services.common.admin.schemas import SessionView
from services.common.config import ConsoleSettings
from services.console.app.main import create_console
from services.console.app.web.gate import read_console_settings, require_sign_in

BROWSER = {"accept": "text/html"}
# Whoever has not signed in yet, and programs that ask whether it lives.
FOR_ALL = {
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/metrics/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
    ("POST", "/language"),
}
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def flatten(found: Iterable[Any]) -> Iterator[Any]:
    """The routes themselves, also those of routers that were included."""
    for route in found:
        router = getattr(route, "original_router", None)
        yield from flatten(router.routes) if router else [route]


def scopes_of(route: Any) -> set[KeyScope]:
    return {
        dependency.call.scope
        for dependency in route.dependant.dependencies
        if hasattr(dependency.call, "scope")
    }


def test_every_page_says_for_whom_it_is() -> None:
    app = create_console(ConsoleSettings(workshop=True))
    found = list(flatten(app.routes))
    pages = {
        (method, route.path): route
        for route in found
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    assert set(pages) >= FOR_ALL
    assert len(pages) > len(FOR_ALL) + 8
    for place, route in pages.items():
        assert (place in FOR_ALL) != bool(scopes_of(route)), place
        if place[0] in CHANGES and place not in FOR_ALL:
            assert scopes_of(route) != {KeyScope.READ}, place
    assert {route.path for route in found if isinstance(route, Mount)} == {"/static"}


async def test_another_name_is_refused_as_rebinding_would_use_it(open_console: Any) -> None:
    console = await open_console()
    for host in ("evil.example", "service.test.evil.example", "localhost.evil.example", "", "a@b"):
        answer = await console.get("/", headers={"host": host})
        assert answer.status_code == 403, host
    for host in ("localhost:8003", "127.0.0.1:8003", "[::1]:8003", "service.test"):
        assert (await console.get("/", headers={"host": host})).status_code == 200, host


async def test_health_is_told_under_any_name(open_console: Any) -> None:
    console = await open_console()
    assert (await console.get("/health", headers={"host": "10.1.2.3:8003"})).status_code == 200


async def test_another_sites_page_changes_nothing(open_console: Any) -> None:
    console = await open_console()
    for head in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://service.test:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = await console.post("/language", data={"language": "ko"}, headers=head)
        assert answer.status_code == 403, head
        assert "set-cookie" not in answer.headers
    own = {"origin": "http://service.test", "sec-fetch-site": "same-origin"}
    answer = await console.post("/language", data={"language": "ko"}, headers=own)
    assert answer.status_code == 303


async def test_nothing_describes_the_routes(open_console: Any) -> None:
    console = await open_console()
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert (await console.get(path)).status_code == 404, path


async def test_metrics_are_open_on_this_machine_and_for_readers_beyond(open_console: Any) -> None:
    console = await open_console("read")
    assert (await console.get("/metrics")).status_code == 200
    console = await open_console("read", console_bind_host="0.0.0.0")
    assert (await console.get("/metrics")).status_code == 403
    key = {"authorization": "Bearer sh_any"}
    assert (await console.get("/metrics", headers=key)).status_code == 200
    console = await open_console("serve", console_bind_host="0.0.0.0")
    assert (await console.get("/metrics", headers=key)).status_code == 403


async def test_beyond_this_machine_nobody_sits_at_it(open_console: Any) -> None:
    console = await open_console(console_bind_host="0.0.0.0", public_url="https://service.test")
    admin: Any = console.admin
    person = admin.view.person.model_copy(update={"kind": "local"})
    admin.view = admin.view.model_copy(update={"person": person})
    answer = await console.get("/", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"
    assert (await console.get("/sign-in", headers=BROWSER)).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"console_bind_host": "0.0.0.0"},
        {"console_bind_host": "0.0.0.0", "public_url": "http://console.example"},
        {"console_published_host": "192.0.2.1", "public_url": "http://console.example"},
        {"public_url": "http://console.example"},
    ],
)
async def test_beyond_this_machine_it_starts_over_https_alone(settings: Any) -> None:
    with pytest.raises(UnprotectedError, match="PUBLIC_URL"):
        await require_sign_in(ConsoleSettings(**settings))


async def test_a_manager_that_is_away_is_no_obstacle(unused_tcp_port: int) -> None:
    await require_sign_in(
        ConsoleSettings(
            console_bind_host="0.0.0.0",
            public_url="https://console.example",
            manager_url=f"http://127.0.0.1:{unused_tcp_port}",
        )
    )


@pytest.mark.parametrize(
    ("password", "oidc", "starts"),
    [(False, False, False), (True, False, True), (False, True, True)],
)
async def test_beyond_this_machine_somebody_must_be_able_to_sign_in(
    password: bool, oidc: bool, starts: bool
) -> None:
    view = SessionView(
        person=None, csrf_token="t", password=password, oidc=oidc, second_person=False
    )

    class Manager(JsonHandler):
        def do_GET(self) -> None:
            self.answer(200, view.model_dump_json().encode())

    with serving(Manager) as url:
        own = ConsoleSettings(public_url="https://console.example", manager_url=url)
        with nullcontext() if starts else pytest.raises(UnprotectedError, match="users create"):
            await require_sign_in(own)


async def test_the_console_listens_where_its_own_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BIND_HOST", "0.0.0.0")
    monkeypatch.setenv("ALLOW_OPEN", "yes-i-know")
    own = read_console_settings()
    assert (own.bind_host, own.published_host, own.allow_open) == ("127.0.0.1", None, None)


async def test_on_this_machine_it_starts_without_an_account() -> None:
    await require_sign_in(ConsoleSettings())
