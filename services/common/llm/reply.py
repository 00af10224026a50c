"""Reads a chat completion, in any of the shapes that endpoints give it. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from services.common.llm.outcome import is_failure

# Of server-sent events; the first holds what counts.
STREAM_FIELDS = ("data:", "event:", "id:", "retry:", ":")
DONE = "[DONE]"
MOST_TOKENS = 2**31
BLANKS = "\ufeff\u200b \t\r\n"
GAPS = frozenset(BLANKS)
TEXT_PARTS = (None, "text", "output_text")
# Where an error isn't told under `error`.
ERROR_FIELDS = frozenset({"detail", "message", "code"})
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")


def parse_events(content: bytes) -> list[dict[str, Any]]:
    """Parse the body of a reply: one JSON object, several, or a stream of server-sent events.

    Raises:
        ValueError: If there is no JSON object, or what is there is none.
    """
    text = content.decode("utf-8-sig").strip(BLANKS)
    if text.startswith(STREAM_FIELDS):
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        kept = (line for line in lines if not line.startswith(STREAM_FIELDS[1:]))
        text = "\n".join(line.removeprefix(STREAM_FIELDS[0]) for line in kept)
    events = _parse_objects(text)
    in_pieces = any("delta" in choice for event in events for choice in _choices(event))
    if in_pieces and not text.endswith(DONE) and not any(map(_finish_reasons, events)):
        raise ValueError("the stream breaks off")
    return events


def find_error(events: Sequence[Mapping[str, Any]]) -> object:
    """Find the error that a reply tells of, at its top or in a choice; None where all is well."""
    for event in events:
        for place in (event, *_choices(event)):
            if error := place.get("error"):
                return error
        if any(map(is_failure, _finish_reasons(event))):
            return {"type": "server_error"}
    if any(map(_choices, events)):
        return None
    return next((event for event in events if not ERROR_FIELDS.isdisjoint(event)), None)


def join_reply(events: Sequence[Mapping[str, Any]], model: str) -> AIMessage:
    """Join the pieces of a reply; of several choices the first is taken that has a text.

    Args:
        events: What `parse_events` gives.
        model: Name of the model, for where the endpoint doesn't say it.

    Raises:
        ValueError: If it has no choice, or one with what is no message.
    """
    choices: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        for place, choice in enumerate(_choices(event)):
            index = choice.get("index")
            choices.setdefault(index if isinstance(index, int) else place, []).append(choice)
    if not choices:
        raise ValueError("there is no choice")
    answers = [_join_choice(choices[index]) for index in sorted(choices)]
    answer = next((answer for answer in answers if answer.content), answers[0])
    answer.response_metadata["model_name"] = _last(events, "model", str) or model
    usage = _last(events, "usage", dict) or {}
    read, written = (_read_count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion"))
    answer.usage_metadata = {
        "input_tokens": read,
        "output_tokens": written,
        "total_tokens": read + written,
    }
    return answer


def _parse_objects(text: str) -> list[dict[str, Any]]:
    """Parse JSON objects that stand one after another; whatever follows the last is left."""
    decoder = json.JSONDecoder()
    events: list[dict[str, Any]] = []
    at = len(text) - len(text.lstrip(BLANKS))
    while text.startswith("{", at) or not events:
        try:
            event, at = decoder.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        # Gemini puts an error into a list.
        found = event if isinstance(event, list) and event else [event]
        if not all(isinstance(item, dict) for item in found):
            raise ValueError("it is no JSON object")
        events += found
        while text[at : at + 1] in GAPS:
            at += 1
    return events


def _choices(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = event.get("choices")
    return [item for item in choices if isinstance(item, dict)] if isinstance(choices, list) else []


def _finish_reasons(event: Mapping[str, Any]) -> list[Any]:
    return [choice["finish_reason"] for choice in _choices(event) if choice.get("finish_reason")]


def _join_choice(pieces: Sequence[Mapping[str, Any]]) -> AIMessage:
    """Join a choice: its message, or the deltas of one, or the text of a plain completion."""
    messages = [piece.get("message") or piece.get("delta") or piece for piece in pieces]
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("a message is no JSON object")
    contents = [message.get("content", message.get("text")) for message in messages]
    texts = [text for text in map(_read_text, contents) if text is not None]
    reason = _last(pieces, "finish_reason", str)
    # A model that ends by itself has written a text, be it an empty one.
    is_own = bool(texts) or reason != "stop"
    more = {
        "refusal": "".join(_read_field(place, "refusal") for place in [*messages, *contents]),
        "reasoning_content": "".join(_read_field(item, *REASONING_FIELDS) for item in messages),
    }
    return AIMessage(
        content="".join(texts),
        additional_kwargs={name: text for name, text in more.items() if text},
        response_metadata={"finish_reason": reason if is_own else None},
    )


def _read_text(content: object) -> str | None:
    """Read a content: a text, or parts of which those of type text are the answer.

    Raises:
        ValueError: If it is something else.
    """
    if content is None or isinstance(content, str):
        return content
    parts = [content] if isinstance(content, dict) else content
    if not isinstance(parts, list):
        raise ValueError("the content of a message is no text")
    texts = [
        part if isinstance(part, str) else part["text"]
        for part in parts
        if isinstance(part, str)
        or (
            isinstance(part, dict)
            and part.get("type") in TEXT_PARTS
            and isinstance(part.get("text"), str)
        )
    ]
    return "".join(texts) if texts else None


def _read_field(value: object, *names: str) -> str:
    """Read the first text under one of several names, in a message or in parts of its content."""
    places = value if isinstance(value, list) else [value]
    found = (place.get(name) for place in places if isinstance(place, dict) for name in names)
    return next((text for text in found if text and isinstance(text, str)), "")


def _last(places: Sequence[Mapping[str, Any]], name: str, kind: type) -> Any:
    """Return the last value of this name and type that holds anything."""
    values = (place.get(name) for place in reversed(places))
    return next((value for value in values if value and isinstance(value, kind)), None)


def _read_count(value: object) -> int:
    """Read a count of tokens; 0 for what is no number, since nothing depends on it."""
    if isinstance(value, int | float) and 0 <= value < MOST_TOKENS:  # NaN is in no range
        return int(value)
    return 0
