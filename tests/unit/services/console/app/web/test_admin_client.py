"""Who a session is of: asked of the Manager, and remembered for as long as it may be."""

from typing import Any

import aiohttp
import pytest

from services.common.admin.schemas import UNATTENDED_HEADER, Person, SessionView
from services.common.errors import DatabaseUnavailableError
from services.console.app.web import admin_client
from services.console.app.web.admin_client import AdminClient, ManagerAwayError, RefusedError

ADA = Person(name="ada", kind="user", scopes=["read"])


class Client(AdminClient):
    """An admin client whose Manager is a list of answers."""

    def __init__(self, *answers: Any) -> None:
        self._known = {}
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []

    async def call(self, method: str, path: str, *_: Any, **options: Any) -> Any:
        self.headers.append(options["headers"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which tests move."""
    now = [1000.0]
    monkeypatch.setattr(admin_client.time, "monotonic", lambda: now[0])
    return now


def view(person: Person | None = ADA, token: str = "token") -> dict[str, Any]:
    return SessionView(
        person=person, csrf_token=token, password=True, oidc=False, second_person=False
    ).model_dump()


def refusal(status: int, code: str = "x") -> RefusedError:
    error = RefusedError("no")
    error.status_code, error.code = status, code
    return error


async def test_an_answer_holds_for_a_moment(clock: list[float]) -> None:
    client = Client(view(), view(None))
    assert (await client.find_session("ses_a")).view.person == ADA
    assert (await client.find_session("ses_a")).view.person == ADA
    clock[0] += 3
    assert (await client.find_session("ses_a")).view.person is None


async def test_made_up_sessions_push_nobody_out(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_client, "MAX_KNOWN_SESSIONS", 2)
    client = Client(view(), view(None), view(None), ManagerAwayError("away"))
    for session in ("ses_a", "ses_x", "ses_y"):
        await client.find_session(session)
    clock[0] += 3
    assert (await client.find_session("ses_a")).view.person == ADA


async def test_the_manager_is_told_that_nobody_sits_there(clock: list[float]) -> None:
    client = Client(view(), view())
    await client.find_session("ses_a", is_attended=False)
    clock[0] += 3
    await client.find_session("ses_a")
    assert client.headers == [{UNATTENDED_HEADER: "1"}, {}]


async def test_forms_keep_their_token(clock: list[float]) -> None:
    client = Client(view(token="a"), view(token="b"), view(None, token="c"))
    for expected in ("a", "a", "c"):
        assert (await client.find_session("ses_a")).view.csrf_token == expected
        clock[0] += 3


@pytest.mark.parametrize(
    "error",
    [ManagerAwayError("away"), refusal(503), refusal(500), refusal(503, "database_unavailable")],
)
async def test_who_was_known_is_known_for_a_quarter_of_an_hour(
    clock: list[float], error: Exception
) -> None:
    client = Client(view(), error, error)
    assert (await client.find_session("ses_a")).is_checked
    clock[0] += 899
    known = await client.find_session("ses_a")
    assert known.view.person == ADA
    assert not known.is_checked
    clock[0] += 2
    with pytest.raises((ManagerAwayError, DatabaseUnavailableError)):
        await client.find_session("ses_a")


async def test_a_manager_without_its_database_says_so(clock: list[float]) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await Client(refusal(503, "database_unavailable")).find_session("ses_a")


async def test_nobody_else_is_known_while_the_manager_is_away(clock: list[float]) -> None:
    client = Client(view(), ManagerAwayError("away"), view(None), ManagerAwayError("away"))
    await client.find_session("ses_a")
    with pytest.raises(ManagerAwayError):
        await client.find_session("ses_b")
    await client.find_session("ses_c")
    clock[0] += 3
    with pytest.raises(ManagerAwayError):
        await client.find_session("ses_c")


async def test_a_refusal_is_no_absence(clock: list[float]) -> None:
    client = Client(view(), refusal(403))
    await client.find_session("ses_a")
    clock[0] += 3
    with pytest.raises(RefusedError):
        await client.find_session("ses_a")


async def test_memory_is_bounded(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_client, "MAX_KNOWN_SESSIONS", 3)
    client = Client(*[view()] * 6)
    for number in range(5):
        await client.find_session(f"ses_{number}")
    assert list(client._known) == ["ses_2", "ses_3", "ses_4"]


async def test_a_manager_that_is_not_there_is_away(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as http:
        client = AdminClient(http, f"http://127.0.0.1:{unused_tcp_port}")
        with pytest.raises(ManagerAwayError, match="selfheal status"):
            await client.find_session("")
