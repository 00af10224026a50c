"""An OpenAI-compatible endpoint that answers at once, to measure everything but the model.

It reads of a request no more than which model it names, and whether it is to stream:
`instant-coder` is answered with code, `instant-judge` with a grade. Of a stream the first piece
comes at once, and the others at a steady pace. Run it as
`python -m benchmarks.instant_endpoint --port N`. With `--slots` and `--answer-seconds` whole
answers take that long, so many at a time; others wait, or with `--refuse` are refused with 429.
"""

import argparse
import asyncio
import json
import re
from collections import deque
from itertools import pairwise
from typing import cast

import uvloop

CODER = "instant-coder"
JUDGE = "instant-judge"

_CODE = '''```python
def sort_list(items: list[int]) -> list[int]:
    """Return a new list with the items in ascending order.

    >>> sort_list([3, 1, 2])
    [1, 2, 3]
    """
    if len(items) < 2:
        return list(items)
    pivot, *rest = items
    smaller = [item for item in rest if item < pivot]
    larger = [item for item in rest if item >= pivot]
    return [*sort_list(smaller), pivot, *sort_list(larger)]
```'''
_GRADE = json.dumps(
    {
        "score": 0.9,
        "reason": "It sorts as asked and is documented; equal items keep no stated order.",
        "confidence": 0.8,
    }
)
_HEAD_END = b"\r\n\r\n"
# A stream's content comes in so many pieces, with this pause between them.
CHUNKS = 40
CHUNK_PAUSE_SECONDS = 0.005
_LENGTH_NAME = b"content-length:"


def _response(model: str, content: str) -> bytes:
    completion = {
        "id": "chatcmpl-instant",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
    }
    body = json.dumps(completion).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + _HEAD_END + body


def _event(delta: dict[str, str], finish_reason: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-instant",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": CODER,
        "choices": [choice],
        **more,
    }
    event = f"data: {json.dumps(chunk)}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def _stream() -> list[bytes]:
    """Write what is sent at a time: the head with the first piece, the pieces, the end."""
    ends = [len(_CODE) * number // CHUNKS for number in range(CHUNKS + 1)]
    pieces = [_event({"content": _CODE[start:end]}) for start, end in pairwise(ends)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    pieces[0] = head + _HEAD_END + _event({"role": "assistant", "content": ""}) + pieces[0]
    usage = {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350}
    end = _event({}, "stop") + _event({}, None, choices=[], usage=usage)
    return [*pieces, end + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"]


_CODER_RESPONSE = _response(CODER, _CODE)
_JUDGE_RESPONSE = _response(JUDGE, _GRADE)
_CODER_STREAM = _stream()
_REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 40\r\n"
    b'\r\n{"error":{"code":"rate_limit_exceeded"}}'
)
_STREAM_FLAG = re.compile(rb'"stream": ?true')
_JUDGE_NAME = f'"{JUDGE}"'.encode()


class Slots:
    """Gives answers after a time, so many at a time."""

    def __init__(self, count: int, answer_seconds: float, *, refuses: bool) -> None:
        self._free = count
        self._answer_seconds = answer_seconds
        self._refuses = refuses
        self._waiting: deque[tuple[asyncio.Transport, bytes]] = deque()

    def answer(self, transport: asyncio.Transport, response: bytes) -> None:
        """Begin an answer, or let it wait for a slot."""
        if self._free:
            self._free -= 1
            loop = asyncio.get_running_loop()
            loop.call_later(self._answer_seconds, self._end, transport, response)
        elif self._refuses:
            transport.write(_REFUSAL)
        else:
            self._waiting.append((transport, response))

    def _end(self, transport: asyncio.Transport, response: bytes) -> None:
        transport.write(response)
        self._free += 1
        while self._waiting and self._free:
            self.answer(*self._waiting.popleft())


class InstantCompletions(asyncio.Protocol):
    """One kept-alive connection; requests come one after the other, with a Content-Length."""

    def __init__(self, slots: Slots | None = None) -> None:
        self._slots = slots
        self._transport: asyncio.Transport
        self._received = b""
        self._next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Stop the stream."""
        if self._next is not None:
            self._next.cancel()

    def _stream(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._transport.write(_CODER_STREAM[number])
        if number + 1 < len(_CODER_STREAM):
            self._next = loop.call_later(CHUNK_PAUSE_SECONDS, self._stream, number + 1, loop)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (head_end := self._received.find(_HEAD_END)) >= 0:
            head = self._received[:head_end].lower()
            _, _, after_name = head.partition(_LENGTH_NAME)
            length = int(after_name.partition(b"\r\n")[0] or 0)
            end = head_end + len(_HEAD_END) + length
            if len(self._received) < end:
                return
            body, self._received = self._received[head_end:end], self._received[end:]
            if _STREAM_FLAG.search(body):
                self._stream(0, asyncio.get_running_loop())
                return
            response = _JUDGE_RESPONSE if _JUDGE_NAME in body else _CODER_RESPONSE
            if self._slots is None:
                self._transport.write(response)
            else:
                self._slots.answer(self._transport, response)


async def serve(port: int, slots: Slots | None = None) -> None:
    """Serve on 127.0.0.1 until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: InstantCompletions(slots), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, default=0, help="answers at a time; 0: any number")
    parser.add_argument("--answer-seconds", type=float, default=0.2, help="with slots")
    parser.add_argument("--refuse", action="store_true", help="429 where no slot is free")
    options = parser.parse_args()
    slots = None
    if options.slots:
        slots = Slots(options.slots, options.answer_seconds, refuses=options.refuse)
    uvloop.run(serve(options.port, slots))


if __name__ == "__main__":
    main()
