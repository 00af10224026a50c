"""Waits for what nobody tells of."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_SECONDS = 20.0


async def until(is_so: Callable[[], Awaitable[Any]]) -> None:
    """Look again and again until it is so; a TimeoutError where it doesn't come to that."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110 - what it looks at has no event
            await asyncio.sleep(0.01)
