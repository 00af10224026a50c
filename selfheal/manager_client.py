"""The command line's side of the Manager's API."""

import urllib.error
import urllib.request
from http import HTTPStatus

from pydantic import ValidationError

from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.schemas import AgentRequest, AgentResponse, ErrorResponse

TIMEOUT_SECONDS = 180
# The Manager is asked itself, whatever proxy the environment names for the internet.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RequestFailedError(EmbeddedRuntimeError):
    """The Manager refused or failed a request, or isn't there."""


def send_request(manager_url: str, user_input: str, *, task_type: str) -> AgentResponse:
    """Have a request answered and scored.

    Raises:
        RequestFailedError: If there is no answer; the message is the Manager's own.
    """
    # Checked by the Manager, not here: its error is the one that a user should see.
    body = AgentRequest.model_construct(user_input=user_input, task_type=task_type)
    request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own setting
        f"{manager_url.rstrip('/')}/api/v1/request",
        data=body.model_dump_json().encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
            return AgentResponse.model_validate_json(response.read())
    except urllib.error.HTTPError as error:
        raise _explain(error, manager_url) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise RequestFailedError(
            f"The Manager at {manager_url} gives no answer.",
            remedy="Start the system with: selfheal up",
        ) from error
    except ValidationError as error:
        raise RequestFailedError(
            f"What answers at {manager_url} is no Manager of this version.",
            remedy="Check MANAGER_URL, and restart with: selfheal down && selfheal up",
        ) from error


def _explain(error: urllib.error.HTTPError, manager_url: str) -> RequestFailedError:
    try:
        answer = ErrorResponse.model_validate_json(error.read())
    except ValidationError:
        return RequestFailedError(
            f"What answers at {manager_url} answered HTTP {error.code} without a reason.",
            remedy="Is it the Manager? See selfheal status, and MANAGER_PORT or MANAGER_URL.",
        )
    # What the caller did wrong was refused before it was logged.
    is_logged = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return RequestFailedError(
        f"{answer.message} [{answer.code}]",
        remedy=f"See: selfheal logs --failed (request {answer.request_id})" if is_logged else "",
    )
