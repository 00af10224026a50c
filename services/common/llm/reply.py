"""Reads a chat completion, in any of the shapes that endpoints give it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from services.common.chat.chunks import choices_of
from services.common.chat.outcome import is_failure
from services.common.chat.usage import read_usage
from services.common.llm.event_parser import EventParser
from services.common.llm.failures import find_leaves

TEXT_PARTS = (None, "text", "output_text")
# Where an error isn't told under `error`.
ERROR_FIELDS = frozenset({"detail", "message", "code"})
REASONING_FIELDS = frozenset({"reasoning_content", "reasoning", "thinking"})


def parse_events(content: bytes) -> list[dict[str, Any]]:
    """Parse the body of a reply: one JSON object, several, or a stream of server-sent events.

    Raises:
        ValueError: If what is there is none of these, or breaks off.
    """
    parser = EventParser()
    events = [event.said for event in (*parser.feed(content), *parser.finish())]
    in_pieces = any("delta" in choice for event in events for choice in choices_of(event))
    is_whole = parser.is_done or any(map(_finish_reasons, events))
    if not events or (in_pieces and not is_whole and find_error(events) is None):
        raise ValueError("there is no whole answer")
    return events


def find_error(events: Sequence[Mapping[str, Any]]) -> object:
    """Find the error that a reply tells of, at its top or in a choice; None where all is well."""
    for event in events:
        for place in (event, *choices_of(event)):
            if error := place.get("error"):
                return error
        if any(map(is_failure, _finish_reasons(event))):
            return {"type": "server_error"}
    if any(map(choices_of, events)):
        return None
    return next((event for event in events if not ERROR_FIELDS.isdisjoint(event)), None)


def join_reply(events: Sequence[Mapping[str, Any]], model: str) -> AIMessage:
    """Join the pieces of a reply's first choice.

    Args:
        events: What `parse_events` gives.
        model: Name of the model, for where the endpoint doesn't say it.

    Raises:
        ValueError: If it has no choice, or one without a message.
    """
    choices = [choice for event in events for choice in choices_of(event)]
    pieces = [choice for choice in choices if choice.get("index") == choices[0].get("index")]
    messages = [piece.get("message") or piece.get("delta") or piece for piece in pieces]
    messages = [message for message in messages if isinstance(message, dict)]
    if not messages:
        raise ValueError("there is no message")
    texts = [text for message in messages for text in _read_texts(message)]
    reason = _last(pieces, "finish_reason", str)
    # A model that ends by itself has written a text, be it an empty one.
    is_own = bool(texts) or reason != "stop"
    told = {name for name, leaf in find_leaves(messages) if leaf}
    spent = read_usage(_last(events, "usage", dict))
    cached = {"input_token_details": {"cache_read": spent.cached_tokens}}
    return AIMessage(
        content="".join(texts),
        # Whether there is any, under the names that LangChain's integrations have for it.
        additional_kwargs={
            "refusal": "refusal" in told,
            "reasoning_content": not REASONING_FIELDS.isdisjoint(told),
        },
        response_metadata={
            "finish_reason": reason if is_own else None,
            "model_name": _last(events, "model", str) or model,
        },
        usage_metadata={
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "total_tokens": spent.tokens,
            **(cached if spent.cached_tokens else {}),
        },
    )


def _finish_reasons(event: Mapping[str, Any]) -> list[Any]:
    return [choice["finish_reason"] for choice in choices_of(event) if choice.get("finish_reason")]


def _read_texts(message: Mapping[str, Any]) -> list[str]:
    """Read a message's content: a text, or parts of which those of type text are the answer."""
    content = message.get("content", message.get("text"))
    parts = content if isinstance(content, list) else [content]
    texts = [
        part.get("text") if isinstance(part, dict) and part.get("type") in TEXT_PARTS else part
        for part in parts
    ]
    return [text for text in texts if isinstance(text, str)]


def _last(places: Sequence[Mapping[str, Any]], name: str, kind: type) -> Any:
    """Return the last value of this name and type that holds anything."""
    values = (place.get(name) for place in reversed(places))
    return next((value for value in values if value and isinstance(value, kind)), None)
