"""How soon a breaker opens around a provider that dies, at 20 requests a second.

A stand-in provider answers for a while, each call after its usual time, and then refuses, fails or
hangs. Told are the time until the breaker was open, and the longest that a failed call waited.

examples:
  python -m benchmarks.decisions.dead_provider
"""

import asyncio
import time
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from langchain_core.messages import HumanMessage

from services.common.errors.model import ModelError
from services.common.llm.chat_completions import ChatCompletionsModel
from services.common.logging import configure_logging

EVERY_SECONDS = 0.05
HEALTHY_SECONDS = 3
DEAD_SECONDS = 12
WAYS = (("refuses", 0.2), ("fails", 0.2), ("hangs", 0.2), ("hangs", 2.0), ("hangs", 6.0))
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}


class Provider:
    """Answers after its usual time, until it dies in a way."""

    def __init__(self, usual_seconds: float) -> None:
        self._usual_seconds = usual_seconds
        self.dies_by = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer, or what is left of that."""
        await request.read()
        if self.dies_by == "fails":
            return web.json_response({}, status=500)
        await asyncio.sleep(self._usual_seconds)
        if self.dies_by == "hangs":
            await asyncio.Event().wait()
        return web.json_response(ANSWER)


class Load:
    """Asks twenty times a second, whatever comes back."""

    def __init__(self, model: ChatCompletionsModel) -> None:
        self._model = model
        self._calls: list[asyncio.Task[None]] = []
        self.opened_at = 0.0
        self.longest_failure = 0.0

    async def run(self, seconds: float) -> None:
        """Ask for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._calls.append(asyncio.ensure_future(self._ask()))
            await asyncio.sleep(EVERY_SECONDS)
            if self._model.guard.breaker.is_open and not self.opened_at:
                self.opened_at = time.monotonic()

    async def stop(self) -> None:
        """End what is under way."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _ask(self) -> None:
        started = time.monotonic()
        try:
            await self._model.ainvoke([HumanMessage("Hi")])
        except ModelError:
            self.longest_failure = max(self.longest_failure, time.monotonic() - started)


async def measure(way: str, usual_seconds: float) -> Any:
    """Let a provider die in a way, and measure."""
    provider = Provider(usual_seconds)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.answer)
    server = TestServer(app)
    await server.start_server()
    model = ChatCompletionsModel(base_url=str(server.make_url("/v1")), model="m")
    model.guard.gives_up = True
    load = Load(model)
    await load.run(HEALTHY_SECONDS + usual_seconds)
    died_at, provider.dies_by = time.monotonic(), way
    if way == "refuses":
        await server.close()
    await load.run(DEAD_SECONDS)
    await load.stop()
    await model.aclose()
    if way != "refuses":
        await server.close()
    return load.opened_at - died_at if load.opened_at else None, load.longest_failure


async def main() -> None:
    """Measure each way to die."""
    configure_logging("dead_provider", "ERROR")
    for way, usual_seconds in WAYS:
        opened, longest = await measure(way, usual_seconds)
        told = "never" if opened is None else f"{opened:.1f} s"
        print(f"{way}, answers took {usual_seconds} s: open after {told}, {longest:.1f} s lost")


if __name__ == "__main__":
    asyncio.run(main())
