"""Calls from one service to another: JSON over a kept-alive connection, with a deadline."""

import asyncio
import errno
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from services.common.errors import (
    DeadlinePassedError,
    OutOfTimeError,
    OverloadedError,
    ServiceError,
    UnknownTaskTypeError,
    UpstreamError,
    UpstreamOverloadedError,
    UpstreamTimeoutError,
)
from services.common.errors.model import ModelOutOfTimeError
from services.common.resilience.breaker import Breaker
from services.common.resilience.deadline import fit, write_headers
from services.common.schemas import ErrorResponse, UnknownTaskTypeResponse

Answer = TypeVar("Answer", bound=BaseModel)

# Shorter than the servers' own keep-alive, so that a client never writes to a closing socket.
KEEP_ALIVE_SECONDS = 30
CONNECT_TIMEOUT_SECONDS = 3
HTTP_OK = 200
ATTEMPTS = 2
NEVER = sys.maxsize
# What a sibling says where the request's deadline came before its answer.
OUT_OF_TIME = frozenset({DeadlinePassedError.code, OutOfTimeError.code, ModelOutOfTimeError.code})
OWN_HEADERS = "x-selfheal-"
HANG_UPS = frozenset({errno.ECONNRESET, errno.EPIPE})


def is_own_address(url: str) -> bool:
    """Tell whether a URL is on this machine or beside it, where no proxy may come between.

    Beside it are hosts without a dot in their name, such as the services of Compose.
    """
    host = (URL(url).host or "").rstrip(".").lower()
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(".localhost")
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified


def create_session(outside_url: str = "", **options: Any) -> aiohttp.ClientSession:
    """Create a client session; the caller closes it.

    Args:
        outside_url: What it is for, where that is no service of ours: it is reached through the
            proxy that the environment names, unless it is on this machine.
        options: Further arguments of `aiohttp.ClientSession`.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=not is_own_address(outside_url),
        **options,
    )


class ServiceClient:
    """Speaks to one sibling service.

    Args:
        session: Shared client session.
        upstream: Name of the service, as errors and logs give it.
        base_url: Where it listens, without a path.
        timeout_seconds: Most seconds of a whole call; it gets no more than its request has left.
        breaker: Told whether the service is there; while it is open, calls fail at once.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        upstream: str,
        base_url: str,
        timeout_seconds: float,
        breaker: Breaker | None = None,
    ) -> None:
        self._breaker = breaker or Breaker(upstream, failures=NEVER)
        self._session = session
        self._upstream = upstream
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=timeout_seconds
        )

    async def post(
        self,
        path: str,
        body: BaseModel,
        answer_type: type[Answer],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST `body` and read the answer.

        Raises:
            UnknownTaskTypeError: If the service knows no such task type.
            UpstreamTimeoutError: If the deadline passes.
            UpstreamError: If the service can't be reached, fails, or gives no valid answer.
        """
        question = body.model_dump_json(exclude_none=True, exclude_unset=True).encode()
        async with self.limited() as seconds:
            response = await self._open(path, question, headers or {}, seconds)
            async with response:
                content = await response.read()
        if response.status != HTTP_OK:
            raise self._error_from(response, content, seconds)
        try:
            return answer_type.model_validate_json(content)
        except ValidationError as error:
            raise self._failure("answered what is no valid answer", "invalid_answer") from error

    @asynccontextmanager
    async def open_stream(
        self, path: str, content: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """POST, and lend an answer that comes in pieces; leaving early ends the call at once.

        The deadline is the request's until it begins to come, and from then on one for each piece.
        Reading is to be done in `translating_errors`.

        Raises:
            UnknownTaskTypeError: If the service knows no such task type.
            UpstreamTimeoutError: If the deadline passes.
            UpstreamError: If the service can't be reached, or fails.
        """
        async with self.limited() as seconds:
            response = await self._open(path, content, headers, seconds)
        async with response:
            if response.status != HTTP_OK:
                with self.translating_errors():
                    reason = await response.read()
                raise self._error_from(response, reason, seconds)
            yield response

    async def _open(
        self,
        path: str,
        content: bytes,
        headers: Mapping[str, str],
        seconds: float,
    ) -> aiohttp.ClientResponse:
        """Send, on a new connection where the server had closed the kept-alive one."""
        if not self._breaker.admits(is_hurried=seconds < self._timeout_seconds):
            raise self._failure("can't be reached, as it couldn't a moment ago", "unreachable")
        sent = {"Content-Type": "application/json", **headers, **write_headers(seconds)}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._session.post(
                    self._base_url + path,
                    data=content,
                    headers=sent,
                    timeout=self._timeout,
                )
            except aiohttp.ClientError as error:
                if attempt == ATTEMPTS or not _was_hung_up(error):
                    raise
            else:
                # Whatever it says: it is there.
                self._breaker.tell_success()
                return response
        raise AssertionError("unreachable: every attempt returns or raises")

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[float]:
        """Limit a call to the time of one, or to what is left of the request's; gives the seconds.

        Raises:
            UpstreamError: As `translating_errors` does, and where no time is left.
        """
        seconds = fit(self._timeout_seconds)
        if seconds <= 0:
            raise self._timed_out(seconds)
        with self.translating_errors(seconds):
            async with asyncio.timeout(seconds):
                yield seconds

    @contextmanager
    def translating_errors(self, seconds: float | None = None) -> Iterator[None]:
        """Turn what aiohttp raises into `UpstreamError`.

        Args:
            seconds: How long the call may take; by default the time of one.
        """
        try:
            yield
        except aiohttp.ConnectionTimeoutError as error:
            self._breaker.tell_failure()
            raise self._failure("can't be reached", "unreachable") from error
        except TimeoutError as error:
            if seconds is None or seconds >= self._timeout_seconds:
                # Less than that says something of the request, and nothing of the service.
                self._breaker.tell_failure()
            raise self._timed_out(seconds) from error
        except aiohttp.ClientError as error:
            self._breaker.tell_failure()
            if _was_hung_up(error):
                raise self._failure("closed the connection", "disconnected") from error
            raise self._failure("can't be reached", "unreachable") from error

    def _error_from(
        self, response: aiohttp.ClientResponse, content: bytes, seconds: float
    ) -> ServiceError:
        """Translate a failure into what the caller raises, with when to come back."""
        error = self._read_error(response.status, content, seconds)
        if wait := response.headers.get("Retry-After"):
            error.headers["retry-after"] = wait
        if isinstance(error, UpstreamError):
            error.told = {
                name.lower(): value
                for name, value in response.headers.items()
                if name.lower().startswith(OWN_HEADERS)
            }
        return error

    def _read_error(self, status: int, content: bytes, seconds: float) -> ServiceError:
        """Translate a service's JSON error into the one that its caller raises."""
        try:
            answer = ErrorResponse.model_validate_json(content)
        except ValidationError:
            return self._failure(f"answered HTTP {status} without a reason", f"http_{status}")
        if answer.code in OUT_OF_TIME:
            return self._timed_out(seconds)
        if answer.code == OverloadedError.code:
            return UpstreamOverloadedError(upstream=self._upstream)
        if answer.code == UnknownTaskTypeError.code:
            try:
                unknown = UnknownTaskTypeResponse.model_validate_json(content)
            except ValidationError:
                return self._refusal(answer)
            return UnknownTaskTypeError(task_type=unknown.task_type, known=unknown.known_task_types)
        return self._refusal(answer)

    def _refusal(self, answer: ErrorResponse) -> UpstreamError:
        return UpstreamError(
            f"The {self._upstream} answered: {answer.message}",
            upstream=self._upstream,
            upstream_code=answer.code,
            upstream_message=answer.message,
            param=(answer.model_extra or {}).get("param"),
        )

    def _timed_out(self, seconds: float | None) -> UpstreamTimeoutError:
        if seconds is None or seconds >= self._timeout_seconds:
            return UpstreamTimeoutError(upstream=self._upstream, seconds=self._timeout_seconds)
        return UpstreamTimeoutError(
            upstream=self._upstream, seconds=seconds, code=DeadlinePassedError.code
        )

    def _failure(self, what: str, code: str) -> UpstreamError:
        return UpstreamError(
            f"The {self._upstream} {what}", upstream=self._upstream, upstream_code=code
        )


def _was_hung_up(error: aiohttp.ClientError) -> bool:
    """Tell whether the server closed the connection, in order or by a reset."""
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return True
    return isinstance(error, aiohttp.ClientOSError) and error.errno in HANG_UPS
