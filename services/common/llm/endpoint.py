"""Calls an OpenAI-compatible endpoint: tries again what may pass, and drops what is refused."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

import aiohttp
from pydantic import SecretStr

from services.common.errors.model import (
    ModelError,
    ModelInvalidAnswerError,
    ModelOutOfTimeError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.http import create_session
from services.common.llm.event_parser import MAX_ANSWER_BYTES
from services.common.llm.failures import REPLACEMENTS, explain_failure, parse_error, read_report
from services.common.llm.guard import Hear, ProviderGuard
from services.common.llm.invocation import tell_pause
from services.common.llm.reply import find_error, parse_events
from services.common.llm.retries import (
    ATTEMPTS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    read_pause_seconds,
)
from services.common.logging import get_logger
from services.common.resilience.deadline import fit, fits, within
from services.common.settings.model import DEFAULT_HOSTED_PROVIDER

CONNECT_TIMEOUT_SECONDS = 4
PATIENT_SHARE = 0.9

log = get_logger()

Reply = TypeVar("Reply")
Reader = Callable[[aiohttp.ClientResponse], Awaitable[Reply]]


class ToldError(Exception):
    """A reply that tells of a failure: `said` is what it says."""

    def __init__(
        self, said: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.said = said
        self.status = status
        self.headers = headers or {}


class ChatEndpoint:
    """Calls `POST {base_url}/chat/completions`.

    Args:
        base_url: Where the API lives, up to and with `/v1`.
        model: Name of the model, as the endpoint knows it.
        api_key: Sent as a bearer token; None for endpoints without keys.
        timeout_seconds: Most seconds of a call, retries and pauses included; it gets no more than
            its request has left.
        provider: As the settings name it.
    """

    jitter: ClassVar[random.Random] = random.Random()  # noqa: S311 - spreads retries

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: SecretStr | None,
        timeout_seconds: float,
        provider: str = DEFAULT_HOSTED_PROVIDER,
    ) -> None:
        self.model = model
        self.guard = ProviderGuard(f"{provider}:{model}")
        self.timeout_seconds = timeout_seconds
        self._base_url = base_url
        self._api_key = api_key
        self._session: aiohttp.ClientSession | None = None
        self._refused: set[str] = set()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, request: Mapping[str, Any], own: Mapping[str, Any], read: Reader[Reply]
    ) -> Reply:
        """Ask until there is a reply, or no hope of one.

        Rate limits, server errors and broken connections may pass. What the model refuses of the
        own parameters is left out from then on, or goes by its other name.

        Args:
            request: The body in OpenAI's shape, but for `model`.
            own: Parameters that go along where the request has none of the name.
            read: Reads the reply, as far as it may still be asked for again; where it returns, it
                has closed the response, or handed it on.

        Raises:
            ModelError: If the provider fails.
        """
        self.guard.retries.deposit()
        seconds = fit(self.timeout_seconds)
        try:
            with within(seconds):
                async with asyncio.timeout(seconds):
                    return await self._ask_with_retries(request, own, read)
        except TimeoutError as error:
            is_own = seconds == self.timeout_seconds
            failure = self.explain(error) if is_own else ModelOutOfTimeError()
            # Whoever waits for less than that finds out nothing of the provider.
            if seconds >= PATIENT_SHARE * self.timeout_seconds:
                self.guard.tell(self.explain(error))
            raise failure from error

    async def _ask_with_retries(
        self, request: Mapping[str, Any], own: Mapping[str, Any], read: Reader[Reply]
    ) -> Reply:
        pause_seconds = FIRST_PAUSE_SECONDS
        attempt = 1
        while True:
            added = self._add(request, own)
            body = {**added, **request, "model": self.model}
            self.guard.admit(is_retry=attempt > 1)
            try:
                async with self.guard.watching() as hear:
                    return await self._ask_once(body, read, hear)
            except ModelError as failure:
                if self._drop_refused(failure.__cause__, added):
                    continue
                told_seconds = read_pause_seconds(getattr(failure.__cause__, "headers", {}))
                wanted = pause_seconds if told_seconds is None else told_seconds
                may_pass = isinstance(failure, ModelRateLimitedError | ModelUnavailableError)
                if may_pass and told_seconds is not None:
                    self.guard.rest(told_seconds, failure)
                if (
                    not may_pass
                    or attempt == ATTEMPTS
                    or wanted > LONGEST_PAUSE_SECONDS
                    or not fits(wanted)
                    or self.guard.is_open
                    or not self.guard.retries.withdraw()
                ):
                    tell_pause(failure, told_seconds)
                    raise
                log.warning("model_call_retried", code=failure.code, attempt=attempt)
            await asyncio.sleep(wanted * (1 + self.jitter.random() / 4))
            attempt += 1
            pause_seconds *= 2

    def _drop_refused(self, error: BaseException | None, added: Collection[str]) -> bool:
        """Remember which of the own parameters are refused, so that they are no longer added."""
        if not isinstance(error, ToldError):
            return False
        refused = read_report(error.status, error.said).refused(added)
        self._refused |= refused
        for name in sorted(refused):
            log.info("model_parameter_dropped", parameter=name, model=self.model)
        return bool(refused)

    def _add(self, request: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Name the own parameters as the model takes them, without what the request has."""
        added = {}
        for name, value in own.items():
            if name in request or REPLACEMENTS.get(name) in request:
                continue
            taken: str | None = name
            while taken in self._refused:
                taken = REPLACEMENTS[taken]
            if taken is not None:
                added[taken] = value
        return added

    async def _ask_once(self, body: dict[str, Any], read: Reader[Reply], hear: Hear) -> Reply:
        try:
            return await self._exchange(body, read, hear)
        except (ToldError, aiohttp.ClientError, ValueError) as error:
            raise self.explain(error) from error

    async def _exchange(self, body: dict[str, Any], read: Reader[Reply], hear: Hear) -> Reply:
        session = self._session = self._session or self._create_session()
        response = await session.post(self._base_url.rstrip("/") + "/chat/completions", json=body)
        hear()
        try:
            if response.status < HTTPStatus.BAD_REQUEST:
                return await read(response)
            said = parse_error(await _read_bounded(response))
            raise ToldError(said, response.status, response.headers)
        except BaseException:
            response.close()
            raise

    def _create_session(self) -> aiohttp.ClientSession:
        headers = {}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        # The pause that a stream may make; until it has begun, the deadline of the call is earlier.
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=self.timeout_seconds
        )
        return create_session(self._base_url, headers=headers, timeout=timeout)

    def explain(self, error: Exception) -> ModelError:
        """Translate what ended an answer that had begun, or the wait for one."""
        name = repr(self.model)
        if isinstance(error, ToldError):
            return explain_failure(read_report(error.status, error.said), name)
        if isinstance(error, aiohttp.ClientError) and not isinstance(
            error, aiohttp.SocketTimeoutError
        ):
            broke = isinstance(error, aiohttp.ClientPayloadError)
            what = "broke off in its answer" if broke else "can't be reached"
            return ModelUnavailableError(f"The model {name} {what}.")
        if isinstance(error, TimeoutError):
            return ModelTimeoutError(
                f"The model {name} gave no answer in {self.timeout_seconds:g} s."
            )
        return ModelInvalidAnswerError(
            f"The model {name} answered what is no chat completion of up to 4 MiB. Check "
            "LLM_BASE_URL, which goes up to and with /v1."
        )


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for block in response.content.iter_any():
        content += block
        if len(content) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too long")
    return bytes(content)


async def read_events(response: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    """Read a whole reply as the JSON objects that it is made of.

    Raises:
        ToldError: If it tells of a failure.
        ValueError: If it is no chat completion, or over 4 MiB.
    """
    events = parse_events(await _read_bounded(response))
    if (failure := find_error(events)) is not None:
        raise ToldError(failure)
    return events
