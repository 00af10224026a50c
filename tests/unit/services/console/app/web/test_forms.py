"""Forms: only what came from a page of ours, as the browser's lines are meant."""

import asyncio
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message
from support.rows import for_each

from services.common.access.browsers import CsrfTokenError, make_csrf_token
from services.common.admin.schemas import Person, SessionView
from services.common.errors import ClientGoneError
from services.console.app.web.forms import check_csrf, read_form, send
from services.console.app.web.viewer import Viewer

PERSON = Person(name="ada", kind="user", scopes=["admin"])


def viewer_with(token: str) -> Viewer:
    view = SessionView(
        person=PERSON, csrf_token=token, password=True, oidc=False, second_person=False
    )
    return Viewer(PERSON, view, "ses_x")


def request_with(*fields: tuple[str, str]) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": urlencode(fields).encode(), "more_body": False}

    head = [(b"content-type", b"application/x-www-form-urlencoded")]
    return Request({"type": "http", "method": "POST", "headers": head}, receive)


@for_each(["", "Token", "token ", "token\x00", "토큰", "\ud800", None, 7])
def test_another_token_is_refused(token: object) -> None:
    with pytest.raises(CsrfTokenError):
        check_csrf(viewer_with("token"), token)


def test_an_earlier_token_of_the_session_will_do() -> None:
    check_csrf(viewer_with("token"), make_csrf_token("ses_x"))


def test_a_token_of_another_session_will_not() -> None:
    with pytest.raises(CsrfTokenError):
        check_csrf(viewer_with("token"), make_csrf_token("ses_y"))


def test_no_token_is_no_token_of_nobody() -> None:
    with pytest.raises(CsrfTokenError):
        check_csrf(viewer_with(""), "")


async def test_a_form_is_read_with_plain_line_ends_and_several_values() -> None:
    request = request_with(
        ("csrf_token", "token"), ("text", "a\r\nb"), ("scope", "read"), ("scope", "serve")
    )
    form = await read_form(request, viewer_with("token"))
    assert form["text"] == "a\nb"
    assert form.getlist("scope") == ["read", "serve"]


async def test_a_form_of_another_page_is_refused() -> None:
    with pytest.raises(CsrfTokenError):
        await read_form(request_with(("csrf_token", "other")), viewer_with("token"))


class Admin:
    """A Manager that answers when it is let to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.was_cancelled = False

    async def call(self, method: str, path: str, body: Any, **given: str) -> Any:
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return [method, path, given["session"]]


async def send_to(admin: Admin, message: Message) -> Any:
    messages = [message]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    app = SimpleNamespace(state=SimpleNamespace(admin=admin))
    request = Request({"type": "http", "method": "POST", "headers": [], "app": app}, receive)
    return await send(request, viewer_with("token"), "POST", "/evaluations")


async def test_who_waits_gets_the_managers_answer() -> None:
    admin = Admin()
    admin.answers.set()
    sent: Message = {"type": "http.request", "body": b"", "more_body": False}
    assert await send_to(admin, sent) == ["POST", "/evaluations", "ses_x"]


async def test_who_leaves_the_page_ends_the_call() -> None:
    admin = Admin()
    with pytest.raises(ClientGoneError):
        await send_to(admin, {"type": "http.disconnect"})
    assert admin.was_cancelled
