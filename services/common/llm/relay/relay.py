"""What passes a conversation on to a model, whatever the model is."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

DONE = b"data: [DONE]\n\n"


class ChatRelay(Protocol):
    """Answers requests in OpenAI's shape, in OpenAI's shape; `model` is the relay's to say."""

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON.

        Raises:
            ModelError: If the provider fails.
        """

    def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        r"""Give whole events, each `data: <one JSON object>\n\n`, the last `data: [DONE]\n\n`.

        The usage comes wherever the provider tells it. Closing the generator ends the call.

        Raises:
            ModelError: If the provider fails, before the first event or after it.
        """


def to_event(chunk: Mapping[str, Any]) -> bytes:
    """Write a chunk as an event."""
    return b"data: " + to_json(chunk) + b"\n\n"


def to_json(value: Mapping[str, Any]) -> bytes:
    """Write JSON in one line, of ASCII alone: lone surrogates pass too."""
    return json.dumps(value, separators=(",", ":")).encode()
