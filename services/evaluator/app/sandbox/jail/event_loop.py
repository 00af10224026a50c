"""An event loop that waits for nothing outside: where it would wait, the clock moves on."""

import asyncio
import contextlib
import selectors
import time
from collections.abc import AsyncGenerator
from types import AsyncGeneratorType, CoroutineType
from typing import Any

from .tagging import MAX_ITEMS_TAKEN, Taken


class _Selector(selectors.SelectSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            time.sleep(timeout)
        return ready


class EventLoop(asyncio.SelectorEventLoop):
    """Runs as the usual loop does, without its epoll and, in WebAssembly, without a socket."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def _make_self_pipe(self) -> None:
        with contextlib.suppress(OSError, AttributeError, ValueError):
            super()._make_self_pipe()  # type: ignore[misc]

    def _close_self_pipe(self) -> None:
        with contextlib.suppress(OSError, AttributeError, ValueError):
            super()._close_self_pipe()  # type: ignore[misc]


class _Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = EventLoop


def install() -> None:
    """Have `asyncio.run` and the like use this loop."""
    asyncio.set_event_loop_policy(_Policy())


class Awaiter:
    """Awaits what steps give, all of them in one loop, as an application would."""

    def __init__(self) -> None:
        self._loop: EventLoop | None = None

    def settle(self, value: Any) -> Any:
        """Return what a coroutine or an asynchronous generator gives; anything else as it is."""
        if type(value) is AsyncGeneratorType:
            value = _collect(value)
        if type(value) is not CoroutineType:
            return value
        self._loop = self._loop or EventLoop()
        return self._loop.run_until_complete(value)


async def _collect(generator: AsyncGenerator[Any, None]) -> Any:
    items: list[Any] = []
    async for item in generator:
        items.append(item)
        if len(items) > MAX_ITEMS_TAKEN:
            return generator
    return Taken("async_generator", items)
