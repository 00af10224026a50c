"""An OpenAI-compatible endpoint that answers at once, to measure everything but the model.

It reads of a request no more than which model it names, and whether it is to stream:
`instant-coder` is answered with code, `instant-judge` with a grade. Of a stream the first piece
comes at once, and the others at a steady pace. Run it as
`python -m benchmarks.instant_endpoint --port N`.
"""

import argparse
import asyncio
import json
import re
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
_STREAM_FLAG = re.compile(rb'"stream": ?true')
_JUDGE_NAME = f'"{JUDGE}"'.encode()


class InstantCompletions(asyncio.Protocol):
    """One kept-alive connection; requests come one after the other, with a Content-Length."""

    def __init__(self) -> None:
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
            self._transport.write(_JUDGE_RESPONSE if _JUDGE_NAME in body else _CODER_RESPONSE)


async def serve(port: int) -> None:
    """Serve on 127.0.0.1 until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(InstantCompletions, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
