"""An OpenAI-compatible endpoint that can be told to fail, or to answer as a worse model would.

Behind it answers the simulated model, in this process, or another endpoint such as the local
model's.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import aiohttp
from aiohttp import web

from benchmarks.healing.lane.worse_model import damage_answer, worse_name
from simulated_model.composition.answering import MODEL_NAME, answer, count_tokens

FLAKY_EVERY: Final = 2
HTTP_TOO_MANY_REQUESTS, HTTP_SERVER_ERROR = 429, 500
FORWARD_TIMEOUT_SECONDS: Final = 300.0

Body = dict[str, Any]
Complete = Callable[[Body], Awaitable[Body]]


class ModelCondition(StrEnum):
    """Condition that the endpoint is in: healthy, or a fault that it simulates."""

    WELL = "well"
    RATE_LIMITED = "provider_rate_limit"
    BROKEN = "provider_server_error"
    HANGING = "provider_hang"
    FLAKY = "provider_flaky"
    WORSE = "model_swapped"


@dataclass(slots=True)
class ModelEndpoint:
    """The endpoint and its switch.

    Attributes:
        complete: Answers a chat completion request when all is well.
        condition: How it does now.
        calls: Requests so far, those that failed included.
    """

    complete: Complete
    condition: ModelCondition = ModelCondition.WELL
    calls: int = 0
    _remembers: bool = False
    _answers: dict[bytes, Body] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)
    _awaited: dict[int, asyncio.Event] = field(default_factory=dict)

    def application(self) -> web.Application:
        """Make the web application of the endpoint."""
        application = web.Application(client_max_size=4 << 20)
        application.router.add_post("/v1/chat/completions", self._serve)
        return application

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Give what is asked again the answer of before, without the model."""
        self._remembers = True
        try:
            yield
        finally:
            self._remembers = False

    def after_calls(self, calls: int) -> asyncio.Event:
        """Return an event that is set after so many more calls."""
        return self._awaited.setdefault(self.calls + calls, asyncio.Event())

    async def _serve(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.calls in self._awaited:
            self._awaited.pop(self.calls).set()
        content = await request.read()
        body: Body = json.loads(content)
        match self.condition:
            case ModelCondition.RATE_LIMITED:
                return _fail(HTTP_TOO_MANY_REQUESTS, "rate_limit_exceeded")
            case ModelCondition.BROKEN:
                return _fail(HTTP_SERVER_ERROR, "server_error")
            case ModelCondition.HANGING:
                await asyncio.get_running_loop().create_future()  # until the client leaves
            case ModelCondition.FLAKY if self._is_unlucky(request_in(body)):
                return _fail(HTTP_SERVER_ERROR, "server_error")
        completion = self._answers.get(content) if self._remembers else None
        if completion is None:
            completion = await self.complete(body)
        if self._remembers:
            self._answers[content] = completion
        if self.condition is ModelCondition.WORSE:
            message = completion["choices"][0]["message"]
            message["content"] = damage_answer(message["content"], request_in(body))
            completion["model"] = worse_name(completion.get("model", ""))
        return web.Response(body=json.dumps(completion), content_type="application/json")

    def _is_unlucky(self, request: str) -> bool:
        """Tell whether a request is one of those that fail, all its retries included."""
        number = self._asked.setdefault(request, len(self._asked))
        return number % FLAKY_EVERY == 0


async def complete_simulated(body: Body) -> Body:
    """Answer as the simulated model does."""
    return make_completion(body, answer(prompt_in(body), request_in(body)))


def make_completion(body: Body, text: str) -> Body:
    """Make the API's answer to a call from the model's text."""
    spent = sum(count_tokens(one["content"]) for one in body["messages"])
    return {
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL_NAME,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": spent, "completion_tokens": count_tokens(text)},
    }


def forward_to(session: aiohttp.ClientSession, base_url: str) -> Complete:
    """Answer with what another endpoint answers.

    Raises:
        aiohttp.ClientError: From the returned function, where that endpoint fails.
    """

    async def complete(body: Body) -> Body:
        timeout = aiohttp.ClientTimeout(total=FORWARD_TIMEOUT_SECONDS)
        async with session.post(
            f"{base_url}/chat/completions", json=body, timeout=timeout
        ) as response:
            if not response.ok:
                raise web.HTTPBadRequest(
                    text=await response.text(), content_type="application/json"
                )
            completion: Body = await response.json()
        return completion

    return complete


def prompt_in(body: Body) -> str:
    """Return the system prompt in a call of the API."""
    return "\n\n".join(one["content"] for one in body["messages"] if one["role"] == "system")


def request_in(body: Body) -> str:
    """Return the user's request in a call of the API."""
    requests = [one["content"] for one in body["messages"] if one["role"] == "user"]
    return str(requests[-1]) if requests else ""


def _fail(status: int, code: str) -> web.Response:
    """Make a failure in OpenAI's shape that asks for no pause before a retry."""
    return web.json_response({"error": {"message": code, "code": code}}, status=status)
