"""The Manager's admin API, from the console's side: with the person's own session, as it is."""

import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from pydantic import BaseModel, SecretStr

from services.common.access.browsers import CsrfTokenError
from services.common.access.headers import ADMIN_PREFIX
from services.common.admin.schemas import (
    CONSOLE_HEADER,
    CSRF_HEADER,
    UNATTENDED_HEADER,
    SessionView,
)
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.common.schemas import ErrorResponse

TIMEOUT_SECONDS: Final = 120.0
# How long an answer on who somebody is holds: while the Manager answers, and while it is away.
FRESH_SECONDS: Final = 2.0
AWAY_SECONDS: Final = 900.0
MAX_KNOWN_SESSIONS: Final = 1_000
HTTP_ERROR: Final = 400
SERVER_ERROR: Final = 500


class ManagerAwayError(ServiceError):
    """The Manager can't be reached."""

    status_code = 503
    code = "manager_unavailable"


class RefusedError(ServiceError):
    """The Manager refused what somebody asked for; its sentence says why."""


@dataclass(frozen=True, slots=True)
class KnownSession:
    """Who a session is of, and whether the Manager said so just now."""

    view: SessionView
    asked_at: float
    is_checked: bool = True


class AdminClient:
    """Asks the Manager in the name of whoever looks at a page."""

    def __init__(
        self, http: aiohttp.ClientSession, manager_url: str, token: SecretStr | None = None
    ) -> None:
        self._http = http
        self._token = token
        self._base_url = manager_url.rstrip("/") + ADMIN_PREFIX
        self._known: dict[str, KnownSession] = {}

    async def find_session(self, session: str, *, is_attended: bool = True) -> KnownSession:
        """Find out who a session is of; the empty one is whoever sits at this machine.

        Args:
            is_attended: Whether a person asks, and not an open page by itself.

        Raises:
            ManagerAwayError: If the Manager is away and didn't say it within the last minutes.
            DatabaseUnavailableError: The same, where it's the Manager's database that is away.
        """
        known, now = self._known.get(session), time.monotonic()
        if known is not None and now - known.asked_at < FRESH_SECONDS:
            return known
        try:
            view = SessionView.model_validate(await self._ask_for_session(session, is_attended))
        except (ManagerAwayError, DatabaseUnavailableError):
            if known is None or now - known.asked_at > AWAY_SECONDS or known.view.person is None:
                raise
            return KnownSession(known.view, known.asked_at, is_checked=False)
        if known is not None and known.view.person == view.person:
            # The Manager gives another one each time, and all are good: forms keep theirs.
            view = view.model_copy(update={"csrf_token": known.view.csrf_token})
        self._known.pop(session, None)
        known = KnownSession(view, now)
        if session and view.person is None:
            # Anyone can make up as many as would push the others out.
            return known
        while len(self._known) >= MAX_KNOWN_SESSIONS:
            self._known.pop(next(iter(self._known)))
        self._known[session] = known
        return known

    async def _ask_for_session(self, session: str, is_attended: bool) -> Any:
        headers = {} if is_attended else {UNATTENDED_HEADER: "1"}
        try:
            return await self.call("GET", "/session", session=session, headers=headers)
        except RefusedError as error:
            if error.code == DatabaseUnavailableError.code:
                raise DatabaseUnavailableError(error.message) from error
            if error.status_code < SERVER_ERROR:
                raise
            raise ManagerAwayError(error.message) from error

    def forget_session(self, session: str) -> None:
        """Forget who a session was of: it ended, or changed."""
        self._known.pop(session, None)

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
        """Call a route below the admin API's prefix, and return its JSON; None where it has none.

        Raises:
            RefusedError: If the Manager refuses; it has the Manager's status, code and sentence.
            ManagerAwayError: If the Manager can't be reached, or gives no answer in time.
        """
        sent = {"Content-Type": "application/json", **(headers or {})}
        if session:
            sent["Authorization"] = f"Bearer {session}"
        elif self._token:
            sent[CONSOLE_HEADER] = self._token.get_secret_value()
        if csrf_token:
            sent[CSRF_HEADER] = csrf_token
        try:
            async with self._http.request(
                method,
                self._base_url + path,
                data=body.model_dump_json(exclude_none=True) if body else None,
                headers=sent,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=3),
            ) as response:
                content = await response.read()
                if response.status >= HTTP_ERROR:
                    refusal = _refusal(response, content)
                    if refusal.code == CsrfTokenError.code:
                        self.forget_session(session)
                    raise refusal
                return await response.json() if content else None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ManagerAwayError(
                "The Manager can't be reached. See what runs with: selfheal status"
            ) from error


def _refusal(response: aiohttp.ClientResponse, content: bytes) -> RefusedError:
    try:
        told = ErrorResponse.model_validate_json(content)
    except ValueError:
        told = ErrorResponse(
            code="no_answer", message=f"The Manager answered HTTP {response.status}.", request_id=""
        )
    error = RefusedError(told.message)
    error.status_code, error.code = response.status, told.code
    if wait := response.headers.get("Retry-After"):
        error.headers["retry-after"] = wait
    return error
