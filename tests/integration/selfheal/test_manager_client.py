"""The command line's request, to what answers where the Manager should."""

import json
import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected
from unittest.mock import Mock
from urllib.error import URLError

import pytest
from pydantic import SecretStr
from support.http_server import JsonHandler, serving
from support.proxy import recording_proxy
from support.rows import for_each

from benchmarks.own_ports import take_port
from selfheal import manager_client
from selfheal.manager_client import (
    RequestFailedError,
    send_request,
    stream_chat,
    wait_for_score,
)
from services.common.config import Settings

REQUEST_ID = "7d0ab4ee-6f6e-4c0c-9f6c-0a5b5c1f2e3d"


def failing(status: int, body: bytes) -> type[JsonHandler]:
    class Handler(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            self.answer(status, body)

    return Handler


def error_of(status: int, body: bytes) -> tuple[str, RequestFailedError]:
    with serving(failing(status, body)) as url, pytest.raises(RequestFailedError) as raised:
        send_request(Settings(manager_url=url), "hi", task_type="code_generation")
    return url, raised.value


def refusal(code: str) -> bytes:
    answer = {"code": code, "message": "No.", "request_id": REQUEST_ID}
    return json.dumps(answer).encode()


def test_another_program_is_told_with_its_address() -> None:
    url, error = error_of(501, b"<html>Unsupported method</html>")
    assert url in error.message
    assert "MANAGER_PORT" in error.remedy


def test_a_failure_leads_to_its_log_row() -> None:
    _, error = error_of(502, refusal("worker_unavailable"))
    assert error.message == "No. [worker_unavailable]"
    assert REQUEST_ID in error.remedy


def test_what_was_refused_leads_to_no_log_row_as_there_is_none() -> None:
    _, error = error_of(422, refusal("invalid_request"))
    assert (error.message, error.remedy) == ("No. [invalid_request]", "")


def test_a_proxy_for_the_internet_never_sees_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_proxy(monkeypatch) as asked:
        _, error = error_of(502, refusal("worker_unavailable"))
    assert error.message == "No. [worker_unavailable]"
    assert asked == []


def failing_at(url: str) -> RequestFailedError:
    with pytest.raises(RequestFailedError) as raised:
        send_request(Settings(manager_url=url), "hi", task_type="code_generation")
    return raised.value


def test_where_nothing_listens_the_system_is_to_be_started() -> None:
    error = failing_at(f"http://127.0.0.1:{take_port()}")
    assert error.remedy == "Start the system with: selfheal up"


@for_each(
    [
        ("no-scheme:8000", None, "MANAGER_URL"),
        ("http://", None, "MANAGER_URL"),
        ("http://manager", URLError(socket.gaierror(-2, "Name not known")), "MANAGER_URL"),
        ("http://10.0.0.1", URLError(OSError(113, "No route to host")), "MANAGER_URL"),
        ("https://manager", URLError(ssl.SSLError(1, "wrong version")), "MANAGER_URL"),
        ("http://manager", BadStatusLine("SSH-2.0"), "MANAGER_URL"),
        ("http://manager", TimeoutError("timed out"), "selfheal logs manager"),
        ("http://manager", URLError(TimeoutError("timed out")), "selfheal logs manager"),
        ("http://manager", RemoteDisconnected("closed"), "why it ended"),
        ("http://manager", ConnectionResetError(104, "reset"), "why it ended"),
    ]
)
def test_any_other_trouble_has_a_remedy_of_its_own(
    row: tuple[str, Exception | None, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, trouble, remedy = row
    with monkeypatch.context() as patch:
        if trouble:
            patch.setattr(manager_client, "_OPENER", Mock(open=Mock(side_effect=trouble)))
        error = failing_at(url)
    assert remedy in error.remedy
    assert "Start the system" not in error.remedy
    assert url in error.message


def streaming(*events: object) -> type[JsonHandler]:
    body = "".join(f": waiting\n\ndata: {json.dumps(event)}\n\n" for event in events)

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            self.answer(200, f"{body}data: [DONE]\n\n".encode(), "text/event-stream")

    return Handler


def piece(text: str | None) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


MESSAGES = [{"role": "user", "content": "hi"}]


def test_an_answer_is_read_piece_by_piece() -> None:
    events = streaming(piece("Hel"), piece(None), piece("lo"), {"choices": []})
    with (
        serving(events) as url,
        stream_chat(Settings(manager_url=url), MESSAGES, task_type="any") as answer,
    ):
        assert list(answer.pieces) == ["Hel", "", "lo"]


def test_an_answer_that_breaks_off_says_why() -> None:
    events = streaming(piece("Hel"), {"error": {"message": "It broke.", "code": "model_failed"}})
    with serving(events) as url, pytest.raises(RequestFailedError, match="It broke"):  # noqa: SIM117
        with stream_chat(Settings(manager_url=url), MESSAGES, task_type="any") as answer:
            list(answer.pieces)


def test_a_refusal_in_openais_shape_is_told_as_any_other() -> None:
    told = json.dumps({"error": {"message": "No such model.", "code": "model_not_found"}})
    with serving(failing(404, told.encode())) as url, pytest.raises(RequestFailedError) as raised:  # noqa: SIM117
        with stream_chat(Settings(manager_url=url), MESSAGES, task_type="any"):
            pass
    assert raised.value.message == "No such model. [model_not_found]"


def test_a_score_is_waited_for() -> None:
    row = {
        "request_id": REQUEST_ID,
        "refined_input": "hi",
        "worker_output": "hello",
        "prompt_version": 1,
        "evaluation_score": None,
        "evaluation_passed": None,
        "evaluation_detail": None,
    }
    scored = {"evaluation": "scored", "evaluation_score": 0.5, "evaluation_passed": False}
    answers = [{"evaluation": "pending"}, {"evaluation": "pending"}, scored]

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self.answer(200, json.dumps(row | answers.pop(0)).encode())

    with serving(Handler) as url:
        found = wait_for_score(Settings(manager_url=url), "/api/v1/requests/1", seconds=60)
    assert (found.evaluation, found.evaluation_score, found.evaluation_passed) == (
        "scored",
        0.5,
        False,
    )
    answers = [{"evaluation": "pending"}]
    with serving(Handler) as url:
        assert wait_for_score(Settings(manager_url=url), "/", seconds=0).evaluation == "pending"


def test_every_request_carries_the_key_where_there_is_one() -> None:
    sent: list[str | None] = []

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            sent.append(self.headers["Authorization"])
            self.answer(401, refusal("unauthenticated"))

    with serving(Handler) as url:
        for key in (None, SecretStr("sh_1")):
            settings = Settings(manager_url=url, selfheal_api_key=key)
            with pytest.raises(RequestFailedError) as raised:
                send_request(settings, "hi", task_type="code_generation")
            with (
                pytest.raises(RequestFailedError),
                stream_chat(settings, MESSAGES, task_type="any"),
            ):
                pass
    assert sent == [None, None, "Bearer sh_1", "Bearer sh_1"]
    assert "SELFHEAL_API_KEY" in raised.value.remedy
