"""Passes conversations on to an OpenAI-compatible endpoint, and its answers back as they are."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import aiohttp

from services.common.chat.chunks import choices_of, index_of, is_chunk, join_chunks, to_chunks
from services.common.llm.endpoint import ChatEndpoint, ToldError, read_events
from services.common.llm.event_parser import Event, EventParser
from services.common.llm.relay.relay import DONE, to_event, to_json
from services.common.llm.reply import find_error
from services.common.tracing.inference import Inference, belonging_to, inferring

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
        with self._inferring(request) as inference:
            whole = await self._endpoint.ask(body, self._parameters, self._read_whole)
            if inference:
                inference.reply = whole
        return to_json(whole)

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events, joined where they came together."""
        options = {**(request.get("stream_options") or {}), "include_usage": True}
        body = {name: value for name, value in request.items() if name not in STREAM_FIELDS}
        own = {**self._parameters, "stream_options": options}
        with self._inferring(request, is_stream=True) as inference:
            # It can't stay the current span while others run, so it is where the call begins.
            with belonging_to(inference):
                answer = await self._endpoint.ask({**body, "stream": True}, own, self._open)
            try:
                yield answer.take(inference)
                while not answer.is_over:
                    try:
                        await answer.read()
                    except (aiohttp.ClientError, TimeoutError, ToldError, ValueError) as error:
                        if ready := answer.take(inference):
                            yield ready
                        raise self._endpoint.explain(error) from error
                    if ready := answer.take(inference):
                        yield ready
            finally:
                await answer.close()

    def _inferring(
        self, request: Mapping[str, Any], *, is_stream: bool = False
    ) -> AbstractContextManager[Inference | None]:
        given = {**self._parameters, **request}
        return inferring(self._endpoint.guard.name, given, is_stream=is_stream)

    async def _read_whole(self, response: aiohttp.ClientResponse) -> dict[str, Any]:
        events = await read_events(response)
        whole = events[0]
        if len(events) > 1 or any("message" not in choice for choice in choices_of(whole)):
            whole = join_chunks(chunk for event in events for chunk in to_chunks(event))
        if not choices_of(whole):
            raise ValueError("there is no choice")
        return whole

    async def _open(self, response: aiohttp.ClientResponse) -> "_StreamedAnswer":
        """Read until a choice has come: for as long, another attempt is possible."""
        answer = _StreamedAnswer(response)
        while not answer.has_choice:
            await answer.read()
        return answer


class _StreamedAnswer:
    """An answer that comes in pieces.

    Attributes:
        is_over: Whether everything has come.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.is_over = False
        self._response = response
        self._parser = EventParser()
        self._ready: list[bytes] = []
        self._chunks: list[dict[str, Any]] = []
        self._is_in_pieces = False
        # Of each choice by its index.
        self._is_finished: dict[int, bool] = {}

    @property
    def has_choice(self) -> bool:
        """Whether a choice has come."""
        return bool(self._is_finished)

    def take(self, inference: Inference | None) -> bytes:
        """Return what is ready to be passed on, and tell of it."""
        ready, self._ready = self._ready, []
        chunks, self._chunks = self._chunks, []
        if inference:
            for chunk in chunks:
                inference.tell_chunk(chunk)
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
        block = await self._response.content.readany()
        for said, line in self._parser.feed(block) if block else self._finish():
            if (failure := find_error([said])) is not None:
                raise ToldError(failure)
            for choice in choices_of(said):
                self._is_finished[index_of(choice)] = bool(choice.get("finish_reason"))
            if is_chunk(said):
                self._is_in_pieces |= self._parser.has_begun or bool(said["choices"])
                self._ready.append(to_event(said) if line is None else b"data: " + line + b"\n\n")
                self._chunks.append(said)
            else:
                # Of what else comes between chunks only the usage is a client's concern.
                self._chunks += (chunks := to_chunks(said))
                self._ready += map(to_event, chunks)
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

    def _require_whole(self) -> None:
        is_whole = self.has_choice and all(self._is_finished.values())
        if self._is_in_pieces and not self._parser.is_done and not is_whole:
            raise aiohttp.ClientPayloadError("the stream breaks off")
        if not self.has_choice:
            raise ValueError("there is no choice")

    async def close(self) -> None:
        """End the call, where it goes on; the connection of one that is over can be used again."""
        try:
            if self.is_over:
                with suppress(TimeoutError, aiohttp.ClientError):
                    async with asyncio.timeout(END_SECONDS):
                        await self._response.content.readany()
        finally:
            self._response.close()
