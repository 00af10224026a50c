"""Signing in and out, in a console whose Manager is played by a table of sessions."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from support.rows import for_each

from services.common.access.browsers import make_csrf_token
from services.common.admin.schemas import Person, SessionView
from services.console.app.pages.sign_in import choose_goal
from services.console.app.web.admin_client import KnownSession, ManagerAwayError, RefusedError

BROWSER = {"accept": "text/html"}
SESSION = f"ses_{'n' * 43}"
OLD = f"ses_{'o' * 43}"
PLANTED = f"ses_{'p' * 43}"
ADA = Person(name="ada", kind="user", scopes=["read"])
Open = Callable[..., Awaitable[httpx.AsyncClient]]


class Manager:
    """Knows the sessions of `people`, and answers calls as it is told to."""

    def __init__(self, *, password: bool = True, oidc: bool = False) -> None:
        self.people = {OLD: ADA, SESSION: ADA}
        self.ways = {"password": password, "oidc": oidc, "second_person": False}
        self.answer: Any = None
        self.calls: list[tuple[str, str, Any, dict[str, Any]]] = []
        self.forgotten: list[str] = []

    def view(self, session: str) -> SessionView:
        return SessionView(person=self.people.get(session), csrf_token="token", **self.ways)

    async def find_session(self, session: str, **_: Any) -> KnownSession:
        return KnownSession(self.view(session), 0.0)

    def forget_session(self, session: str) -> None:
        self.forgotten.append(session)

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        self.calls.append((method, path, body, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def open_door(open_console: Open) -> Open:
    """Open the console with a Manager that asks who comes."""

    async def open_it(manager: Manager, **settings: Any) -> httpx.AsyncClient:
        client = await open_console(**settings)
        client._transport.app.state.admin = manager  # type: ignore[attr-defined]
        return client

    return open_it


def begun() -> dict[str, Any]:
    return {**Manager().view(SESSION).model_dump(), "session": SESSION}


def refused(sentence: str, status: int, code: str = "x", wait: str = "") -> RefusedError:
    error = RefusedError(sentence)
    error.status_code, error.code = status, code
    if wait:
        error.headers["retry-after"] = wait
    return error


def form(**fields: str) -> dict[str, str]:
    return {"name": "ada", "password": "correct horse", "csrf_token": "token", **fields}


def cookie(session: str) -> dict[str, str]:
    return {"cookie": f"selfheal_session={session}"}


async def test_who_must_sign_in_is_sent_there_and_back(open_door: Open) -> None:
    manager = Manager()
    console = await open_door(manager)
    answer = await console.get("/heals?a=1&b=%20", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fheals%3Fa%3D1%26b%3D%2520"
    page = await console.get(answer.headers["location"], headers=BROWSER)
    assert 'name="next" value="/heals?a=1&amp;b=%20"' in page.text
    manager.answer = begun()
    answer = await console.post("/sign-in", data=form(next="/heals?a=1&b=%20"))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/heals?a=1&b=%20"


async def test_programs_and_forms_are_told_to_sign_in(open_door: Open) -> None:
    console = await open_door(Manager())
    assert (await console.get("/")).json()["code"] == "unauthenticated"
    assert (
        await console.get("/events", headers={"accept": "text/event-stream"})
    ).status_code == 401


async def test_a_session_is_a_cookie_that_no_script_and_no_other_site_uses(open_door: Open) -> None:
    manager = Manager()
    manager.answer = begun()
    console = await open_door(manager)
    cookies = (await console.post("/sign-in", data=form())).headers["set-cookie"].lower()
    assert cookies.startswith(f"selfheal_session={SESSION}")
    for part in ("httponly", "samesite=lax", "path=/"):
        assert part in cookies
    console = await open_door(manager, public_url="https://service.test")
    cookies = (await console.post("/sign-in", data=form())).headers["set-cookie"].lower()
    assert cookies.startswith(f"__host-selfheal_session={SESSION}")
    assert "; secure" in cookies
    assert "domain" not in cookies


async def test_a_session_that_was_planted_or_is_old_is_replaced(open_door: Open) -> None:
    manager = Manager()
    manager.answer = begun()
    console = await open_door(manager)
    for held in (PLANTED, OLD):
        answer = await console.post("/sign-in", data=form(), headers=cookie(held))
        assert SESSION in answer.headers["set-cookie"]
        assert held not in answer.headers["set-cookie"]
        assert manager.calls[-1][3]["session"] == held
        assert held in manager.forgotten


async def test_the_manager_learns_who_tries(open_door: Open) -> None:
    manager = Manager()
    manager.answer = begun()
    head = {"x-forwarded-for": "203.0.113.9"}
    console = await open_door(manager)
    await console.post("/sign-in", data=form(), headers=head)
    console = await open_door(manager, trusted_proxies="127.0.0.1, console")
    await console.post("/sign-in", data=form(), headers=head)
    (*_, direct), (*_, behind_a_proxy) = manager.calls
    assert direct["headers"] == {"X-Forwarded-For": "127.0.0.1"}
    assert behind_a_proxy["headers"] == {"X-Forwarded-For": "203.0.113.9"}
    assert direct["csrf_token"] == "token"


async def test_a_refusal_is_told_and_the_name_stays(open_door: Open) -> None:
    manager = Manager()
    console = await open_door(manager)
    manager.answer = refused("Name or password is wrong.", 401)
    answer = await console.post("/sign-in", data=form(name='a"><b>'), headers=BROWSER)
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert "<b>" not in answer.text
    assert "correct horse" not in answer.text
    assert "set-cookie" not in answer.headers
    manager.answer = refused("Too many attempts. Try again in 90 seconds.", 429, wait="90")
    answer = await console.post("/sign-in", data=form(), headers=BROWSER)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "90"
    assert "Try again in 90 seconds." in answer.text
    manager.answer = refused("Too many attempts. Try again in 610 seconds.", 429, wait="610")
    korean = BROWSER | {"accept-language": "ko"}
    answer = await console.post("/sign-in", data=form(), headers=korean)
    assert "11분 뒤에" in answer.text


async def test_what_can_be_no_account_is_refused_here(open_door: Open) -> None:
    manager = Manager()
    console = await open_door(manager)
    for fields in ({"name": ""}, {"password": ""}, {"name": "a" * 201}, {"password": "a" * 1001}):
        answer = await console.post("/sign-in", data=form(**fields), headers=BROWSER)
        assert answer.status_code == 401
    assert not manager.calls


async def test_the_page_offers_what_there_is(open_door: Open) -> None:
    for manager, shown, hidden in (
        (Manager(), 'name="password"', "/sign-in/oidc"),
        (Manager(password=False, oidc=True), "/sign-in/oidc", 'name="password"'),
        (Manager(password=False), "selfheal users create", 'name="password"'),
    ):
        console = await open_door(manager)
        text = (await console.get("/sign-in", headers=BROWSER)).text
        assert shown in text
        assert hidden not in text
        assert 'class="menu"' not in text


@for_each(
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "heals",
        "/a\r\nset-cookie: a=b",
        "",
        None,
    ]
)
def test_nobody_is_sent_to_another_site(goal: object) -> None:
    assert choose_goal(goal) == "/"


async def test_signing_out_ends_the_session(open_door: Open) -> None:
    manager = Manager()
    console = await open_door(manager)
    token = make_csrf_token(OLD)
    answer = await console.post("/sign-out", data={"csrf_token": token}, headers=cookie(OLD))
    assert answer.headers["location"] == "/sign-in"
    assert 'selfheal_session=""' in answer.headers["set-cookie"]
    assert manager.calls[0][:2] == ("DELETE", "/session")
    assert manager.forgotten == [OLD]


async def test_no_other_page_signs_anybody_out(open_door: Open) -> None:
    manager = Manager()
    console = await open_door(manager)
    for token in ("", "token", make_csrf_token(SESSION)):
        answer = await console.post("/sign-out", data={"csrf_token": token}, headers=cookie(OLD))
        assert answer.status_code == 403
    assert not manager.calls


async def test_signing_out_works_with_the_manager_away(open_door: Open) -> None:
    manager = Manager()
    manager.answer = ManagerAwayError("away")
    console = await open_door(manager)
    data = {"csrf_token": make_csrf_token(OLD)}
    answer = await console.post("/sign-out", data=data, headers=cookie(OLD))
    assert answer.status_code == 303
    assert 'selfheal_session=""' in answer.headers["set-cookie"]


class TestAtAProvider:
    """The browser goes there, and comes back with what it was given."""

    async def begin(self, console: httpx.AsyncClient, manager: Manager, goal: str) -> str:
        manager.answer = {"url": "https://issuer.example/authorize?a=b", "binding": "bound"}
        answer = await console.get("/sign-in/oidc", params={"next": goal}, headers=BROWSER)
        assert answer.status_code == 303
        assert answer.headers["location"] == "https://issuer.example/authorize?a=b"
        return answer.headers["set-cookie"].partition(";")[0]

    async def test_who_comes_back_is_in(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        console = await open_door(manager)
        held = await self.begin(console, manager, "/heals?a=1")
        manager.answer = begun()
        answer = await console.get(
            "/sign-in/oidc/callback?state=s&code=c&iss=https%3A%2F%2Fissuer.example",
            headers=BROWSER | {"cookie": held},
        )
        assert answer.status_code == 303
        assert answer.headers["location"] == "/heals?a=1"
        method, path, body, _ = manager.calls[-1]
        assert (method, path) == ("POST", "/oidc/finish")
        assert (body.binding, body.state, body.code) == ("bound", "s", "c")
        assert body.iss == "https://issuer.example"
        cookies = answer.headers.get_list("set-cookie")
        assert any(one.startswith(f"selfheal_session={SESSION}") for one in cookies)
        assert any(one.startswith('selfheal_oidc=""') for one in cookies)

    async def test_whose_browser_did_not_begin_is_not(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        console = await open_door(manager)
        answer = await console.get("/sign-in/oidc/callback?state=s&code=c", headers=BROWSER)
        assert answer.status_code == 400
        assert "Begin again." in answer.text
        assert not manager.calls

    async def test_what_the_provider_says_is_shown_safely(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        console = await open_door(manager)
        answer = await console.get(
            "/sign-in/oidc/callback",
            params={
                "state": "s",
                "error": "access_denied",
                "error_description": "<script>\x1b[31mno",
            },
            headers=BROWSER | {"cookie": "selfheal_oidc=bound:%2F"},
        )
        assert answer.status_code == 400
        assert "&lt;script&gt;no" in answer.text

    async def test_a_link_of_anyones_says_nothing_in_the_providers_name(
        self, open_door: Open
    ) -> None:
        console = await open_door(Manager(oidc=True))
        answer = await console.get(
            "/sign-in/oidc/callback?state=s&error=x&error_description=Call+0900-EVIL",
            headers=BROWSER,
        )
        assert answer.status_code == 400
        assert "The provider refused" not in answer.text

    async def test_a_refusal_of_the_manager_is_told(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        console = await open_door(manager)
        held = await self.begin(console, manager, "/")
        manager.answer = refused("No role is mapped to you.", 403)
        answer = await console.get(
            "/sign-in/oidc/callback?state=s&code=c", headers=BROWSER | {"cookie": held}
        )
        assert answer.status_code == 403
        assert "No role is mapped to you." in answer.text
        assert SESSION not in str(answer.headers)

    async def test_the_goal_in_the_cookie_is_a_path_of_ours(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        manager.answer = begun()
        console = await open_door(manager)
        held = {"cookie": "selfheal_oidc=bound:%2F%2Fevil.example"}
        answer = await console.get("/sign-in/oidc/callback?state=s&code=c", headers=BROWSER | held)
        assert answer.headers["location"] == "/"

    async def test_another_sites_page_begins_nothing(self, open_door: Open) -> None:
        manager = Manager(oidc=True)
        console = await open_door(manager)
        head = BROWSER | {"sec-fetch-site": "cross-site"}
        assert (await console.get("/sign-in/oidc", headers=head)).status_code == 403
        assert not manager.calls


async def test_the_language_is_switched_and_the_page_stays(open_door: Open) -> None:
    console = await open_door(Manager())
    data = {"language": "ko", "next": "/sign-in?next=%2Fheals"}
    answer = await console.post("/language", data=data)
    assert answer.headers["location"] == "/sign-in?next=%2Fheals"
    assert '<html lang="ko">' in (await console.get("/sign-in", headers=BROWSER)).text
    answer = await console.post("/language", data={"language": "xx", "next": "//evil.example"})
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers
