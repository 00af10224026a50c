"""What stands in place of a page that can't be shown."""

from typing import Any

import pytest

from services.common.errors import DatabaseUnavailableError
from services.console.app.pages import now
from services.console.app.web.admin_client import KnownSession, ManagerAwayError, RefusedError

BROWSER = {"accept": "text/html,application/xhtml+xml"}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e</p>"


@pytest.fixture
def fail_now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the first page fail."""

    def fail(error: Exception | None) -> None:
        def render(request: Any, template: str, **context: Any) -> Any:
            if error is not None:
                raise error
            return earlier(request, template, **context)

        monkeypatch.setattr(now, "render", render)

    earlier = now.render
    return fail


async def test_each_error_has_its_page_with_what_to_do_and_its_id(
    open_console: Any, fail_now: Any
) -> None:
    console = await open_console("read")
    refused = RefusedError("It serves already.")
    refused.status_code = 409
    for error, status, sentence in (
        (DatabaseUnavailableError("gone"), 503, "The database is away"),
        (ManagerAwayError("gone"), 503, "The Manager is away"),
        (refused, 409, "It serves already."),
        (RuntimeError("secret stack"), 500, "Something went wrong here"),
    ):
        fail_now(error)
        answer = await console.get("/", headers=BROWSER)
        assert answer.status_code == status
        assert sentence in answer.text
        assert answer.headers["x-request-id"] in answer.text
        assert 'href="/heals"' in answer.text
        assert "secret stack" not in answer.text
        assert "Traceback" not in answer.text


async def test_others_texts_in_an_error_act_on_nothing(open_console: Any, fail_now: Any) -> None:
    console = await open_console("read")
    fail_now(RefusedError(HOSTILE))
    text = (await console.get("/", headers=BROWSER)).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    odd = (await console.get("/%3Cscript%3Ealert(1)%3C/script%3E", headers=BROWSER)).text
    assert "<script>alert" not in odd


async def test_a_page_that_is_for_others_says_so(open_console: Any) -> None:
    console = await open_console("serve")
    answer = await console.get("/", headers=BROWSER)
    assert answer.status_code == 403
    assert "This isn&#39;t for you" in answer.text


async def test_a_page_says_when_nothing_can_be_changed_and_an_error_says_one_thing(
    open_console: Any, fail_now: Any
) -> None:
    console = await open_console("read")
    admin: Any = console.admin
    known = KnownSession(admin.view, 0.0, is_checked=False)

    async def find_session(session: str, **_: Any) -> KnownSession:
        return known

    admin.find_session = find_session
    notice = "nothing can be changed."
    assert notice in (await console.get("/", headers=BROWSER)).text
    fail_now(RuntimeError())
    assert notice not in (await console.get("/", headers=BROWSER)).text


async def test_programs_get_json(open_console: Any, fail_now: Any) -> None:
    console = await open_console("read")
    fail_now(DatabaseUnavailableError("gone"))
    for path, head in (("/", {}), ("/?format=json", BROWSER), ("/?format=csv", BROWSER)):
        answer = await console.get(path, headers=head)
        assert answer.json()["code"] == "database_unavailable"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_errors_speak_korean(open_console: Any) -> None:
    console = await open_console("read")
    answer = await console.get("/nothing", headers=BROWSER | {"accept-language": "ko"})
    assert "페이지를 찾을 수 없습니다" in answer.text


class TestWithTheDatabaseAway:
    """What was last shown is shown again, to whom it was shown."""

    async def test_the_last_page_is_shown_with_its_age(
        self, open_console: Any, fail_now: Any
    ) -> None:
        console = await open_console("read")
        await console.get("/?a=1", headers=BROWSER)
        fail_now(DatabaseUnavailableError("gone"))
        answer = await console.get("/?a=1", headers=BROWSER)
        assert answer.status_code == 200
        assert "This page is as it was" in answer.text
        assert "seconds ago" in answer.text
        assert "<h1>Now</h1>" in answer.text
        other = await console.get("/?a=2", headers=BROWSER)
        assert other.status_code == 503

    async def test_it_is_shown_to_nobody_else(self, open_console: Any, fail_now: Any) -> None:
        console = await open_console("read")
        mine = {"cookie": f"selfheal_session=ses_{'a' * 43}"}
        await console.get("/", headers=BROWSER | mine)
        fail_now(DatabaseUnavailableError("gone"))
        others = {"cookie": f"selfheal_session=ses_{'b' * 43}"}
        assert (await console.get("/", headers=BROWSER | others)).status_code == 503
        assert (await console.get("/", headers=BROWSER)).status_code == 503
        assert (await console.get("/", headers=BROWSER | mine)).status_code == 200

    async def test_it_isnt_shown_to_whom_may_see_less_by_now(
        self, open_console: Any, fail_now: Any
    ) -> None:
        console = await open_console("read")
        await console.get("/", headers=BROWSER)
        fail_now(DatabaseUnavailableError("gone"))
        admin: Any = console.admin
        person = admin.view.person.model_copy(update={"task_types": ["summaries"]})
        admin.view = admin.view.model_copy(update={"person": person})
        assert (await console.get("/", headers=BROWSER)).status_code == 503

    async def test_an_error_is_never_the_last_page(self, open_console: Any, fail_now: Any) -> None:
        console = await open_console("read")
        await console.get("/", headers=BROWSER)
        fail_now(RuntimeError())
        await console.get("/", headers=BROWSER)
        fail_now(DatabaseUnavailableError("gone"))
        assert "<h1>Now</h1>" in (await console.get("/", headers=BROWSER)).text
