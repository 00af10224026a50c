"""One request and its answer, as the Worker gives it: relayed, and collected for the log."""

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.common.chat.chunks import choices_of, join_chunks
from services.common.errors import UpstreamError
from services.common.siblings import ChatReply
from services.common.text import make_printable_line
from services.manager.app.door.client import Client, encode, write_event
from services.manager.app.door.conversation import Answer
from services.manager.app.door.request import ChatRequest

DONE = b"[DONE]"
DONE_EVENT = b"data: [DONE]\n\n"
MAX_HEADER_CHARACTERS = 200


class Exchange:
    """One request and its answer.

    Args:
        max_bytes: Of a stream so much is collected for the log.
    """

    def __init__(
        self, request_id: UUID, request: ChatRequest, client: Client, *, max_bytes: int
    ) -> None:
        self._request_id = request_id
        self._request = request
        self._client = client
        self._started = time.perf_counter()
        self._room_bytes = max_bytes
        self._chunks: list[dict[str, Any]] = []
        self._created = int(time.time())
        # What leaves after the row is committed, and the choices that it ends.
        self._held: list[bytes] = []
        self._ended: set[int] = set()
        self.answer = Answer()

    def read_headers(self, headers: Mapping[str, str]) -> None:
        """Take from the Worker's headers which prompt serves."""
        answer = self.answer
        answer.prompt_id = _read_integer(headers.get("x-selfheal-prompt-id"))
        answer.prompt_version = _read_integer(headers.get("x-selfheal-prompt-version"))
        answer.prompt_digest = headers.get("x-selfheal-prompt-digest")
        answer.provider = headers.get("x-selfheal-provider")
        self._client.set_headers(self.headers)

    async def relay_stream(self, reply: ChatReply) -> None:
        """Send on what comes, but for what ends a choice: that is held back.

        Raises:
            UpstreamError: If the stream breaks off, or says that it failed.
        """
        async for events in reply.read_events():
            if self.answer.first_token_ms is None:
                self.answer.first_token_ms = self._count_ms()
            out: list[bytes] = []
            try:
                out.extend(self._take_event(event) for event in events if event != DONE)
            finally:
                if passed_on := b"".join(out):
                    await self._send_events(passed_on)
            if events[-1] == DONE:
                return
        raise UpstreamError(
            "The worker's answer broke off.", upstream="worker", upstream_code="broken_off"
        )

    async def take_whole(self, reply: ChatReply) -> None:
        """Hold the whole answer back.

        Raises:
            UpstreamError: If the Worker fails while it answers.
        """
        completion = _read_object(await reply.read())
        self._take_model(completion)
        self.answer.usage = _as_object(completion.get("usage"))
        self.answer.choices = choices_of(completion)
        completion["id"], completion["model"] = self._own_id, self._request.model
        self._held.append(encode(completion))

    async def send_rest(self) -> None:
        """Send what was held back: the row is committed."""
        if not self._request.is_stream:
            self._client.set_headers(self.headers)
            await self._client.send_whole(self._held[0])
        else:
            await self._send_events(b"".join(self._held) + DONE_EVENT, is_last=True)

    def finish(self) -> Answer:
        """Return what has come so far, for the log."""
        answer = self.answer
        if self._request.is_stream:
            answer.choices = join_chunks(self._chunks)["choices"]
        if answer.choices and answer.finish_reason is None:
            reason = answer.choices[0].get("finish_reason")
            answer.finish_reason = reason if isinstance(reason, str) else None
        answer.duration_ms = self._count_ms()
        return answer

    def _take_event(self, event: bytes) -> bytes:
        """Collect an event, and return what the client is sent at once."""
        chunk = _read_object(event)
        if error := chunk.get("error"):
            told = _as_object(error)
            raise UpstreamError(
                "The worker's answer ended in an error.",
                upstream="worker",
                upstream_code=str(told.get("code") or "failed"),
                upstream_message=str(told.get("message") or ""),
                param=told.get("param"),
            )
        self._take_model(chunk)
        choices = choices_of(chunk)
        self._collect(choices, len(event))
        if usage := chunk.get("usage"):
            self.answer.usage = _as_object(usage)
        if not self._request.wants_usage and "usage" in chunk:
            del chunk["usage"]
            if not choices:
                return b""
        chunk["id"], chunk["model"] = self._own_id, self._request.model
        chunk["created"] = self._created
        written = write_event(chunk)
        self._ended.update(_index(choice) for choice in choices if choice.get("finish_reason"))
        if self._ended and (not choices or any(_index(one) in self._ended for one in choices)):
            self._held.append(written)
            return b""
        return written

    def _collect(self, choices: list[dict[str, Any]], size_bytes: int) -> None:
        self._room_bytes -= size_bytes
        if self._room_bytes >= 0:
            self._chunks.append({"choices": choices})
        else:
            self.answer.is_cut = True

    def _take_model(self, completion: Mapping[str, Any]) -> None:
        if self.answer.model is None:
            model, created = completion.get("model"), completion.get("created")
            self.answer.model = make_printable_line(model) if isinstance(model, str) else ""
            self._created = created if isinstance(created, int) else self._created

    async def _send_events(self, events: bytes, *, is_last: bool = False) -> None:
        if not self._client.has_begun:
            self._client.set_headers(self.headers)
        await self._client.send_events(events, is_last=is_last)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that are ours: whose prompt it was, and where its score will be."""
        answer = self.answer
        named = {
            "x-selfheal-request-id": self._request_id,
            "x-selfheal-evaluation": f"/api/v1/requests/{self._request_id}",
            "x-selfheal-prompt-id": answer.prompt_id,
            "x-selfheal-prompt-version": answer.prompt_version,
            "x-selfheal-model": (answer.model or "")[:MAX_HEADER_CHARACTERS],
        }
        return {name: str(value) for name, value in named.items() if value}

    @property
    def _own_id(self) -> str:
        return f"chatcmpl-{self._request_id.hex}"

    def _count_ms(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        return _as_object(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise UpstreamError(
            "The worker answered what is no chat completion.",
            upstream="worker",
            upstream_code="invalid_answer",
        ) from error


def _as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _index(choice: Mapping[str, Any]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _read_integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() else None
