"""Guards a provider's model: leaves it alone while it is dead, or has asked for a pause."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final

from services.common.errors.model import (
    ModelError,
    ModelInvalidAnswerError,
    ModelOutOfTimeError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.retries import RetryBudget
from services.common.resilience.breaker import PROBE_SECONDS, Breaker
from services.common.resilience.deadline import fits

# For so long nothing but failures must have come: where a fifth of all calls fails, three in a row
# are chance, and a second without an answer isn't.
FAILING_SECONDS: Final = 1.0
# So many calls that wait for longer than any of the last answers took, while nothing at all comes.
SILENT_CALLS: Final = 3
LEAST_SILENCE_SECONDS: Final = 4.0
REMEMBERED_ANSWERS: Final = 50
# The longest that a provider's word on when to come back is taken for; then one call asks again.
LONGEST_REST_SECONDS: Final = 60.0

Hear = Callable[[], None]


class ProviderGuard:
    """Keeps calls from a provider that doesn't answer, and from one that wants a pause.

    A provider is dead where it fails alone: it can't be reached, answers HTTP 5xx or no chat
    completion, gives nothing in time; or where it has fallen silent, which is noticed long before
    calls time out, by how long the last answers took. What is the request's fault, and HTTP 429,
    say that it is there.

    Args:
        name: The provider and the model, as `provider:model`.
        clock: Gives seconds that only grow.

    Attributes:
        gives_up: Whether calls end where the provider falls silent, since another model stands in;
            else they wait on, in case it comes back.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.breaker = Breaker(name, failing_seconds=FAILING_SECONDS, clock=clock)
        self.retries = RetryBudget()
        self._clock = clock
        self._problem = ""
        self._rests_until = -math.inf
        self._is_limited = False
        # When each call that waits for its first byte began, the oldest first.
        self._waiting: dict[asyncio.Timeout, float] = {}
        self.gives_up = False
        self._probe_factor = 1
        self._heard_at = -math.inf
        self._answer_seconds: deque[float] = deque(maxlen=REMEMBERED_ANSWERS)

    @property
    def is_open(self) -> bool:
        """Whether the provider is known to be dead; a probe may still be let through."""
        self._notice_silence()
        return self.breaker.is_open

    def admit(self, *, is_retry: bool = False) -> None:
        """Let a call pass; a retry has kept to the pause that it was told.

        Raises:
            ModelError: If the provider is to be left alone; `retry-after` says for how long.
        """
        rest_seconds = self._rests_until - self._clock()
        if rest_seconds > 0 and not is_retry:
            raise self._refuse("has asked to be left alone", rest_seconds, self._is_limited)
        self._notice_silence()
        is_hurried = not fits(self._patience_seconds)
        is_probed = self.breaker.is_open and self._is_probed()
        if is_probed or not self.breaker.admits(is_hurried=is_hurried):
            what = f"is left alone, since it fails: {self._problem}"
            raise self._refuse(what, PROBE_SECONDS)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Hear]:
        """Watch a call that was let pass; it is to say when the first byte has come.

        An exception that is no ModelError, such as the end of a call that nobody waits for any
        more, says nothing of the provider.

        Raises:
            ModelUnavailableError: If the provider falls silent meanwhile, and another stands in.
        """
        loop = asyncio.get_running_loop()
        is_probe = self.breaker.is_open
        call = asyncio.timeout(self._patience_seconds if is_probe and self.gives_up else None)
        self._waiting[call] = self._clock()
        look = loop.call_later(self._patience_seconds, self._notice_silence)

        def hear() -> None:
            started = self._waiting.pop(call, None)
            if started is not None:
                call.reschedule(None)
                self._heard_at = self._clock()
                self._answer_seconds.append(self._heard_at - started)

        try:
            async with call:
                yield hear
                hear()
        except ModelError as failure:
            self.tell(failure)
            raise
        except TimeoutError as error:
            if not call.expired():
                raise
            self._probe_factor *= 2 if is_probe else 1
            raise ModelUnavailableError(f"The model {self.name!r} has fallen silent.") from error
        finally:
            self._waiting.pop(call, None)
            look.cancel()
        self._tell_answered()

    def tell(self, failure: ModelError) -> None:
        """Say what a call ended with; where the request's own time was up, it says nothing."""
        if isinstance(failure, ModelOutOfTimeError):
            return
        if _is_providers_own(failure):
            self._problem = failure.message
            self.breaker.tell_failure()
        else:
            self._tell_answered()
        if told := failure.headers.get("retry-after"):
            self.rest(float(told), failure)

    def rest(self, seconds: float, failure: ModelError) -> None:
        """Leave the provider alone for as long as it asks for, at most a minute."""
        until = self._clock() + min(seconds, LONGEST_REST_SECONDS)
        self._rests_until = max(self._rests_until, until)
        self._is_limited = isinstance(failure, ModelRateLimitedError)

    def _refuse(self, what: str, seconds: float, is_limited: bool = False) -> ModelError:
        said = f"The model {self.name!r} {what}"
        refusal = (
            ModelRateLimitedError(said, was_asked=False)
            if is_limited
            else ModelUnavailableError(said)
        )
        refusal.headers["retry-after"] = str(max(1, math.ceil(seconds)))
        return refusal

    def _tell_answered(self) -> None:
        self._probe_factor = 1
        self.breaker.tell_success()

    @property
    def _patience_seconds(self) -> float:
        """How long a first byte may take: as long as one took lately; for probes more and more."""
        return self._probe_factor * max([LEAST_SILENCE_SECONDS, *self._answer_seconds])

    def _is_probed(self) -> bool:
        """Whether a call that waits may still say that the provider is back."""
        latest = next(reversed(self._waiting.values()), -math.inf)
        return self._clock() - latest < self._patience_seconds

    def _notice_silence(self) -> None:
        """Open the breaker where calls wait for longer than usual and none is answered."""
        if len(self._waiting) < SILENT_CALLS or not self._answer_seconds or self.breaker.is_open:
            return
        now = self._clock()
        waited_seconds = now - next(islice(self._waiting.values(), SILENT_CALLS - 1, None))
        silent_seconds = now - self._heard_at
        if waited_seconds < self._patience_seconds or silent_seconds < LEAST_SILENCE_SECONDS:
            return
        self._problem = f"Nothing has come from it for {waited_seconds:.0f} s."
        self.breaker.open()
        if self.gives_up:
            for call in self._waiting:
                call.reschedule(asyncio.get_running_loop().time())


def _is_providers_own(failure: ModelError) -> bool:
    """Tell whether the provider failed, and not what it was asked; a vendor's error may not say."""
    kinds = (ModelUnavailableError, ModelTimeoutError, ModelInvalidAnswerError)
    return isinstance(failure, kinds) or type(failure) is ModelError
