"""One request and its answer, as the Worker gives it: relayed, and collected for the log."""

import json
import math
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.common.chat.chunks import choices_of, join_chunks
from services.common.record.assignment import read_assignment
from services.common.schemas import FALLBACK_HEADER, PROMPT_AGE_HEADER
from services.common.siblings import ChatReply
from services.common.text import make_printable_line
from services.manager.app.door.client import (
    JSON_TYPE,
    STREAM_HEADERS,
    Client,
    encode,
    write_event,
)
from services.manager.app.door.conversation import Answer
from services.manager.app.door.errors import BrokenAnswerError
from services.manager.app.door.request import ChatRequest
from services.manager.app.idempotency.calls import Call
from services.manager.app.log.writer import Within

DONE = b"[DONE]"
DONE_EVENT = b"data: [DONE]\n\n"
MAX_HEADER_CHARACTERS = 200
# Of a stream's events for the log; each is many times as large as the text in it.
MAX_COLLECTED_BYTES = 16 << 20


def _read_number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


# What providers write though JSON doesn't have it, such as NaN, is null to clients and in the log.
_decode = json.JSONDecoder(parse_float=_read_number, parse_constant=_read_number).decode


class Exchange:
    """One request and its answer; to take an answer raises UpstreamError where it fails.

    Attributes:
        trace_parent: Names the span of the answer; None where nothing is traced.
    """

    def __init__(
        self, request_id: UUID, request: ChatRequest, client: Client, call: Call | None = None
    ) -> None:
        self.request_id = request_id
        self.request = request
        self.client = client
        self._call = call
        self.answer = Answer()
        self.trace_parent: str | None = None
        self._started = time.perf_counter()
        self._room_bytes = MAX_COLLECTED_BYTES
        self._chunks: list[dict[str, Any]] = []
        # What is ours in an answer, and what of it leaves after the row is committed.
        self._own: dict[str, Any] = {"id": f"chatcmpl-{request_id.hex}", "model": request.model}
        self._held: list[bytes] = []
        client.headers = {
            "x-selfheal-request-id": str(request_id),
            "x-selfheal-evaluation": f"/api/v1/requests/{request_id}",
        }

    def read_headers(self, headers: Mapping[str, str]) -> None:
        """Take from the Worker's headers which prompt serves."""
        # What is being rolled out has no id of a prompt's.
        for name in ("x-selfheal-prompt-id", "x-selfheal-prompt-version"):
            if name in headers:
                self.client.headers[name] = headers[name]
        if (age := headers.get(PROMPT_AGE_HEADER)) is not None:
            self.client.headers[PROMPT_AGE_HEADER] = age
        if prompt_id := headers.get("x-selfheal-prompt-id"):
            self.answer.prompt_id = int(prompt_id)
        self.answer.prompt_version = int(headers["x-selfheal-prompt-version"])
        self.answer.prompt_digest = headers["x-selfheal-prompt-digest"]
        self.answer.provider = headers["x-selfheal-provider"]
        if fallback := headers.get(FALLBACK_HEADER):
            self.client.headers[FALLBACK_HEADER] = self.answer.fallback = fallback
        self.read_assignment(headers)

    def read_assignment(self, headers: Mapping[str, str]) -> None:
        """Take from the headers of an answer or a failure which arm it is of."""
        if assignment := read_assignment(headers):
            self.answer.assignment = assignment
            self.client.headers |= assignment.client_headers

    async def relay_stream(self, reply: ChatReply) -> None:
        """Send on what comes, but for what ends a choice: that is held back."""
        async for events in reply.read_events():
            if self.answer.first_token_ms is None:
                self.answer.first_token_ms = self._count_ms()
            passed_on: list[bytes] = []
            try:
                passed_on.extend(self._take_event(event) for event in events if event != DONE)
            finally:
                if out := b"".join(passed_on):
                    if self._call:
                        self._call.collect(out)
                    await self.client.send_events(out)
            if events[-1] == DONE:
                return
        raise BrokenAnswerError("The worker's answer broke off.", code="broken_off")

    async def take_whole(self, reply: ChatReply) -> None:
        """Hold the whole answer back."""
        completion = _read_object(await reply.read())
        self._read_model(completion)
        self.answer.usage = completion.get("usage")
        self.answer.choices = choices_of(completion)
        self._held.append(encode(completion | self._own))

    async def send_rest(self) -> None:
        """Send what was held back: the row is committed."""
        if self.request.is_stream:
            await self.client.send_events(self._rest(), is_last=True)
        else:
            await self.client.send_whole(self._rest())

    def keeping(self) -> Within | None:
        """Return what keeps the answer for other tries of the same call, if it may have some."""
        if self._call is None:
            return None
        kind = STREAM_HEADERS if self.request.is_stream else {"content-type": JSON_TYPE}
        return self._call.keeping({**kind, **self.client.headers}, self._rest())

    def _rest(self) -> bytes:
        return b"".join((*self._held, DONE_EVENT) if self.request.is_stream else self._held)

    def finish(self) -> Answer:
        """Return what has come so far, for the log."""
        answer = self.answer
        if self.request.is_stream:
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
            said = error if isinstance(error, dict) else {}
            raise BrokenAnswerError(
                "The worker's answer ended in an error.",
                code=str(said.get("code") or "failed"),
                told=str(said.get("message") or ""),
                param=said.get("param"),
            )
        if self.answer.model is None:
            self._read_model(chunk)
            created = chunk.get("created")
            self._own["created"] = created if isinstance(created, int) else int(time.time())
        choices = choices_of(chunk)
        self._room_bytes -= len(event)
        self.answer.is_cut = self._room_bytes < 0
        if not self.answer.is_cut:
            self._chunks.append({"choices": choices})
        if usage := chunk.get("usage"):
            self.answer.usage = usage
        if "usage" in chunk and not self.request.wants_usage:
            del chunk["usage"]
            if not choices:
                return b""
        chunk.update(self._own)
        written = write_event(chunk)
        ends_a_choice = any(choice.get("finish_reason") for choice in choices)
        if ends_a_choice or (self._held and not choices):
            self._held.append(written)
            return b""
        return written

    def _read_model(self, completion: Mapping[str, Any]) -> None:
        model = completion.get("model")
        self.answer.model = make_printable_line(model) if isinstance(model, str) else ""
        if self.answer.model:
            self.client.headers["x-selfheal-model"] = self.answer.model[:MAX_HEADER_CHARACTERS]

    def _count_ms(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        value = _decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenAnswerError(
            "The worker answered what is no chat completion.", code="invalid_answer"
        ) from error
    return value if isinstance(value, dict) else {}
