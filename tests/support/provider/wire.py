"""What a stand-in provider sends, and how a test says what it must come to."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HELLO = "Hello"


@dataclass(frozen=True)
class Sent:
    """One response on the wire.

    Attributes:
        body: What is sent in one go, with its length told before.
        status: HTTP status; 0 hangs up without a word.
        pieces: What is sent instead, chunk by chunk.
        dies: Whether it hangs up after the pieces, before the last chunk.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = ()
    dies: bool = False


@dataclass(frozen=True)
class Shape:
    """A way in which providers speak.

    Attributes:
        replies: What it sends, one after another, the last again and again; one that is a function
            reads the request.
        comes_to: The answer that it is, or the code of the error.
        calls: How many requests it takes.
        unsent: Parameters that the last request is without.
        says: What the message of the error names.
    """

    replies: tuple[Sent | Callable[[dict[str, Any]], Sent], ...]
    comes_to: str = HELLO
    calls: int = 1
    unsent: frozenset[str] = frozenset()
    says: str = ""


def sent(content: Any, status: int = 200, **headers: str) -> Sent:
    """Send JSON, or bytes or a text as they are."""
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return Sent(content, status, {name.replace("_", "-"): text for name, text in headers.items()})


def completion(message: Any, finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    """Make a chat completion; a text stands for a message with it."""
    if isinstance(message, str):
        message = {"role": "assistant", "content": message}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion", "model": "gpt-x", "choices": [choice], **more}


def stream(*deltas: Any, done: bool = True, line: str = "\n") -> str:
    """Make a stream of server-sent events; a text stands for a delta with it."""
    chunks = [
        {
            "choices": [
                {"index": 0, "delta": {"content": delta} if isinstance(delta, str) else delta}
            ]
        }
        for delta in deltas
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events = [f"data: {json.dumps(chunk)}" for chunk in chunks]
    return "".join(event + line * 2 for event in [*events, *(["data: [DONE]"] if done else [])])
