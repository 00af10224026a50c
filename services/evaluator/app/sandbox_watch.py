"""Brings back a sandbox that couldn't be had at the start, or was lost since."""

import asyncio
from collections.abc import Callable
from typing import Final

from services.common.resilience.background import Background
from services.evaluator.app.services.evaluation import Evaluation

FIRST_PAUSE_SECONDS: Final = 2.0
# A machine on which code can't be run costs a try now and then.
LONGEST_PAUSE_SECONDS: Final = 300.0


class SandboxWatch(Background):
    """Tries the sandbox again in the background, ever less often, as long as it isn't there.

    Args:
        on_found: Called when code is run here from now on, which it wasn't before.
    """

    def __init__(self, evaluation: Evaluation, *, on_found: Callable[[], None]) -> None:
        self._evaluation = evaluation
        self._on_found = on_found

    async def try_again(self) -> bool:
        """Try it where it isn't there; tell whether it is."""
        if self._evaluation.availability.is_available:
            return await self._evaluation.recover()
        await self._evaluation.start()
        is_found = self._evaluation.availability.is_available
        if is_found:
            self._on_found()
        return is_found

    async def _run(self) -> None:
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause_seconds)
            is_there = await self.try_again()
            longer = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            pause_seconds = FIRST_PAUSE_SECONDS if is_there else longer
