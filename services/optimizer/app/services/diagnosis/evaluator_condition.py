"""Asks the Evaluator how it is: whether its canaries say that it no longer judges as it did."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from services.common.logging import get_logger

TIMEOUT_SECONDS: Final = 3.0
# An answer holds for so long; a new one is had within a minute, whether anything fails or not.
FRESH_SECONDS: Final = 20.0
# One that is being restarted gives no answer once.
MISSES_OF_ONE_DOWN: Final = 2
WELL, DEGRADED, DOWN = "well", "degraded", "down"

log = get_logger()


@dataclass(frozen=True, slots=True)
class EvaluatorCondition:
    """How the Evaluator is.

    Attributes:
        state: `well`; `degraded` where it judges otherwise than it did; `down` where it doesn't
            answer, at two looks in a row.
        leaning: `lenient` or `harsh` where it is degraded and mostly errs one way; else empty.
    """

    state: str = WELL
    leaning: str = ""

    @property
    def is_degraded(self) -> bool:
        """Whether nothing can be proven by its scores; of one that is down, scoring shows it."""
        return self.state == DEGRADED


@dataclass(slots=True)
class EvaluatorWatch:
    """Asks for the Evaluator's readiness, not more often than its answers change.

    Attributes:
        clock: Gives seconds that only grow.
    """

    session: aiohttp.ClientSession
    evaluator_url: str
    clock: Callable[[], float] = time.monotonic
    _condition: EvaluatorCondition = field(default=EvaluatorCondition(), init=False)
    _asked_at: float | None = field(default=None, init=False)
    _misses: int = field(default=0, init=False)

    async def find_condition(self) -> EvaluatorCondition:
        """Find how it is, or was within the last seconds."""
        now = self.clock()
        if self._asked_at is None or now - self._asked_at >= FRESH_SECONDS:
            self._condition, self._asked_at = await self._ask(), now
        return self._condition

    async def _ask(self) -> EvaluatorCondition:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        url = self.evaluator_url.rstrip("/") + "/health/ready"
        try:
            async with self.session.get(url, timeout=timeout) as response:
                told = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("evaluator_condition_unknown", code=type(error).__name__)
            self._misses += 1
            return EvaluatorCondition(DOWN if self._misses >= MISSES_OF_ONE_DOWN else WELL)
        self._misses = 0
        if not isinstance(told, dict) or told.get("degraded") is not True:
            return EvaluatorCondition()
        canary = told.get("canary")
        leaning = canary.get("leaning") if isinstance(canary, dict) else ""
        return EvaluatorCondition(DEGRADED, leaning if leaning in ("lenient", "harsh") else "")
