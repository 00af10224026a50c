"""The command line's side of the Manager's API."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.schemas import AgentRequest, AgentResponse, ErrorResponse

TIMEOUT_SECONDS = 180
# How often it is looked whether a score is there.
LOOK_SECONDS = 0.1
# The Manager is asked itself, whatever proxy the environment names for the internet.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What to do where no answer comes, by the first kind of error that fits.
_REMEDIES: dict[type[BaseException], str] = {
    ConnectionRefusedError: "Start the system with: selfheal up",
    TimeoutError: "See what it is at with: selfheal status; selfheal logs manager",
    ConnectionError: "See why it ended with: selfheal status; selfheal logs manager",
    Exception: "Check MANAGER_URL and MANAGER_PORT.",
}
_REMEDIES_BY_CODE: Final = {"unauthenticated": "Put it into SELFHEAL_API_KEY for this command."}


class RequestFailedError(EmbeddedRuntimeError):
    """The Manager refused or failed a request, or isn't there."""


def make_key_header(settings: Settings) -> dict[str, str]:
    """Return the header that carries SELFHEAL_API_KEY, where there is one."""
    key = settings.selfheal_api_key
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def send_request(settings: Settings, user_input: str, *, task_type: str) -> AgentResponse:
    """Have a request answered and scored.

    Raises:
        RequestFailedError: If there is no answer; the message is the Manager's own.
    """
    # Checked by the Manager, not here: its error is the one that a user should see.
    body = AgentRequest.model_construct(user_input=user_input, task_type=task_type)
    with _asking(settings, "/api/v1/request", body.model_dump_json()) as response:
        return AgentResponse.model_validate_json(response.read())


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A streamed answer: its pieces as they come, and the headers that came before them."""

    headers: Mapping[str, str]
    pieces: Iterator[str]


@contextmanager
def stream_chat(
    settings: Settings,
    messages: Sequence[Mapping[str, str]],
    *,
    task_type: str,
    fields: Mapping[str, Any] | None = None,
) -> Iterator[ChatAnswer]:
    """Have a conversation answered, and read the answer as it comes.

    Args:
        fields: What else stands in the request's body.

    Raises:
        RequestFailedError: If there is no answer, or it breaks off in the middle.
    """
    body = {**(fields or {}), "model": task_type, "messages": list(messages), "stream": True}
    with _asking(settings, "/v1/chat/completions", json.dumps(body)) as response:
        yield ChatAnswer(response.headers, _read_pieces(response))


def _read_pieces(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        field, _, content = line.decode().partition(": ")
        if field != "data" or content.strip() == "[DONE]":
            continue
        chunk = json.loads(content)
        if error := chunk.get("error"):
            raise RequestFailedError(f"{error['message']} [{error['code']}]")
        for choice in chunk["choices"]:
            yield choice["delta"].get("content") or ""


class RequestRow(BaseModel):
    """A request's row, and what became of its score.

    Attributes:
        evaluation: `pending`, `scored`, `unscored`, `not_chosen` or `client_closed`.
        evaluation_score: In [0, 1]; None where there is none.
    """

    request_id: UUID
    refined_input: str
    worker_output: str | None
    prompt_version: int | None
    evaluation: str
    evaluation_score: float | None
    evaluation_passed: bool | None
    evaluation_detail: dict[str, Any] | None


def wait_for_score(settings: Settings, path: str, *, seconds: float) -> RequestRow:
    """Read a request's row once its score isn't pending any more, or when the time is over.

    Raises:
        RequestFailedError: If the Manager doesn't say.
    """
    until = time.monotonic() + seconds
    while True:
        with _asking(settings, path) as response:
            row = RequestRow.model_validate_json(response.read())
        if row.evaluation != "pending" or time.monotonic() > until:
            return row
        time.sleep(LOOK_SECONDS)


@contextmanager
def _asking(settings: Settings, path: str, body: str | None = None) -> Iterator[Any]:
    """Send a request and read the response within; whatever fails is told in one way."""
    manager_url = settings.manager_url
    try:
        request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own setting
            manager_url.rstrip("/") + path,
            data=None if body is None else body.encode(),
            headers={"Content-Type": "application/json"} | make_key_header(settings),
        )
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
            yield response
    except urllib.error.HTTPError as error:
        raise _explain(error, manager_url) from error
    except (ValidationError, KeyError) as error:
        raise RequestFailedError(
            f"What answers at {manager_url} is no Manager of this version.",
            remedy="Check MANAGER_URL, and restart with: selfheal down && selfheal up",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        kind = next((kind for kind in _REMEDIES if isinstance(reason, kind)), Exception)
        raise RequestFailedError(
            f"The Manager at {manager_url} gives no answer ({reason}).", remedy=_REMEDIES[kind]
        ) from error


def _explain(error: urllib.error.HTTPError, manager_url: str) -> RequestFailedError:
    content = error.read()
    try:
        answer = _read_error(content, str(error.headers.get("x-request-id", "")))
    except ValueError:
        return RequestFailedError(
            f"What answers at {manager_url} answered HTTP {error.code} without a reason.",
            remedy="Is it the Manager? See selfheal status, and MANAGER_PORT or MANAGER_URL.",
        )
    # What the caller did wrong was refused before it was logged.
    is_logged = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return RequestFailedError(
        f"{answer.message} [{answer.code}]",
        remedy=f"See: selfheal logs --failed (request {answer.request_id})"
        if is_logged
        else _REMEDIES_BY_CODE.get(answer.code, ""),
    )


def _read_error(content: bytes, request_id: str) -> ErrorResponse:
    """Read an error of ours, or one in OpenAI's shape."""
    told = json.loads(content)
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        told = {**told["error"], "request_id": request_id}
    return ErrorResponse.model_validate(told)
