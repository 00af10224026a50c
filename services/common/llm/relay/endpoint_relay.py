"""Passes conversations on to an OpenAI-compatible endpoint, and its answers back as they are."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from services.common.chat.chunks import choices_of, join_chunks, to_chunks
from services.common.errors import ModelError
from services.common.llm.endpoint import ChatEndpoint, ToldError, read_events
from services.common.llm.relay.event_parser import Event, EventParser
from services.common.llm.relay.relay import DONE, to_json
from services.common.llm.reply import find_error

STREAM_FIELDS = ("stream", "stream_options")
# For the end of a response whose last event has come: then its connection can be used again.
END_SECONDS = 1


class EndpointRelay:
    """A relay to an endpoint.

    Args:
        endpoint: Where the model is.
        parameters: What goes along where a request has none of the name.
    """

    def __init__(self, endpoint: ChatEndpoint, parameters: Mapping[str, Any]) -> None:
        self._endpoint = endpoint
        self._parameters = parameters

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON."""
        body = {name: value for name, value in request.items() if name not in STREAM_FIELDS}
        return await self._endpoint.ask(body, self._parameters, self._read_whole)

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events, joined where they came together."""
        options = {**(request.get("stream_options") or {}), "include_usage": True}
        body = {name: value for name, value in request.items() if name not in STREAM_FIELDS}
        own = {**self._parameters, "stream_options": options}
        answer = await self._endpoint.ask({**body, "stream": True}, own, self._open)
        failure: ModelError | None = None
        try:
            while True:
                if ready := answer.take():
                    yield ready
                if failure is not None:
                    raise failure
                if answer.is_over:
                    break
                try:
                    await answer.read()
                except (aiohttp.ClientError, TimeoutError, ToldError, ValueError) as error:
                    failure = self._endpoint.explain(error)
            await answer.reach_end()
        finally:
            answer.close()

    async def _read_whole(self, response: aiohttp.ClientResponse) -> bytes:
        events = await read_events(response, self._endpoint.model)
        whole = events[0]
        if len(events) > 1 or any("message" not in choice for choice in choices_of(whole)):
            whole = join_chunks(chunk for event in events for chunk in to_chunks(event))
        if not choices_of(whole):
            raise ValueError("there is no choice")
        return to_json(whole)

    async def _open(self, response: aiohttp.ClientResponse) -> "_StreamedAnswer":
        """Read until a choice has come: for as long, another attempt is possible."""
        answer = _StreamedAnswer(response, self._endpoint.timeout_seconds)
        while not answer.has_choice:
            await answer.read()
        return answer


class _StreamedAnswer:
    """An answer that comes in pieces.

    Attributes:
        has_choice: Whether a choice has come.
        is_over: Whether everything has come.
    """

    def __init__(self, response: aiohttp.ClientResponse, pause_seconds: float) -> None:
        self.has_choice = False
        self.is_over = False
        self._response = response
        self._pause_seconds = pause_seconds
        self._parser = EventParser()
        self._ready: list[bytes] = []
        self._unfinished: set[Any] = set()
        self._has_finished_one = False

    def take(self) -> bytes:
        """Return what is ready to be passed on."""
        ready, self._ready = self._ready, []
        return b"".join(ready)

    async def read(self) -> None:
        """Wait for the next block; nothing where everything has come.

        Raises:
            ToldError: If it tells of a failure.
            aiohttp.ClientError: If the answer breaks off.
            TimeoutError: If the pause is too long.
            ValueError: If it is no chat completion.
        """
        if self.is_over:
            return
        async with asyncio.timeout(self._pause_seconds):
            block = await self._response.content.readany()
        for line, chunk in self._parser.feed(block) if block else self._finish():
            if (said := find_error([chunk])) is not None:
                raise ToldError(said)
            for choice in choices_of(chunk):
                self._note(choice)
            self._ready.append(b"data: " + line + b"\n\n")
        if self._parser.is_done or not block:
            self._require_whole()
            self._ready.append(DONE)
            self.is_over = True

    def _finish(self) -> Iterator[Event]:
        try:
            yield from self._parser.finish()
        except ValueError as error:
            if not self._parser.has_begun:
                raise
            raise aiohttp.ClientPayloadError("an event breaks off") from error

    def _note(self, choice: Mapping[str, Any]) -> None:
        self.has_choice = True
        index = choice.get("index")
        if choice.get("finish_reason"):
            self._has_finished_one = True
            self._unfinished.discard(index)
        else:
            self._unfinished.add(index)

    def _require_whole(self) -> None:
        if self._parser.is_done or not self._parser.has_begun:
            if not self.has_choice:
                raise ValueError("there is no choice")
        elif self._unfinished or not self._has_finished_one:
            raise aiohttp.ClientPayloadError("the stream breaks off")

    async def reach_end(self) -> None:
        """Read to the end of the response, so that its connection can be used again."""
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(END_SECONDS):
                await self._response.content.readany()

    def close(self) -> None:
        """End the call, where it goes on."""
        self._response.close()
