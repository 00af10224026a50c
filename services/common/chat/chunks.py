"""Chat completions, whole and in chunks, each made of the other. Pure."""

from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

# Texts that are said once, or again and again, and not in pieces.
NOT_IN_PIECES = frozenset({"id", "type", "role", "name", "finish_reason"})
OF_CHUNKS = ("choices", "usage", "object")


def choices_of(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the choices of a completion or a chunk; none where it has no list of them."""
    choices = event.get("choices")
    return [item for item in choices if isinstance(item, dict)] if isinstance(choices, list) else []


def index_of(choice: Mapping[str, Any]) -> int:
    """Return which choice it is a piece of; the first where it doesn't say."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def join_chunks(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Join a stream's chunks to the completion that they are."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        said = {name: value for name, value in chunk.items() if value and name not in OF_CHUNKS}
        whole |= {name: value for name, value in said.items() if name not in whole}
        if chunk.get("usage"):
            whole["usage"] = chunk["usage"]
        for choice in choices_of(chunk):
            index = index_of(choice)
            known = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
            delta = choice.get("delta")
            said = {**choice, "index": index, "message": delta if isinstance(delta, dict) else {}}
            said.pop("delta", None)
            _join(known, said)
    ordered = [choices[index] for index in sorted(choices)]
    return {**whole, "object": "chat.completion", "choices": [_close(one) for one in ordered]}


def _join(known: dict[str, Any], piece: Mapping[str, Any]) -> dict[str, Any]:
    """Add a piece: texts grow, lists grow or are joined by their items' `index`."""
    for name, value in piece.items():
        before = known.get(name)
        if value is None:
            known.setdefault(name, None)
        elif isinstance(before, StringIO) and isinstance(value, str):
            before.write(value)
        elif isinstance(before, dict) and isinstance(value, dict):
            _join(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            _join_lists(before, value)
        elif value != "" or before is None:
            known[name] = _open(name, value)
    return known


def _join_lists(before: list[Any], pieces: list[Any]) -> list[Any]:
    for item in pieces:
        index = item.get("index") if isinstance(item, dict) else None
        if index is None:
            before.append(item)
            continue
        newest_first = (one for one in reversed(before) if isinstance(one, dict))
        same = next((known for known in newest_first if known.get("index") == index), None)
        if same is None:
            before.append(_join({}, item))
        else:
            _join(same, item)
    return before


def _open(name: str, value: Any) -> Any:
    """Copy what may grow, so that a chunk stays as it came; a text grows without being copied."""
    if isinstance(value, dict):
        return _join({}, value)
    if isinstance(value, list):
        return _join_lists([], value)
    if isinstance(value, str) and name not in NOT_IN_PIECES:
        text = StringIO()
        text.write(value)
        return text
    return value


def _close(choice: dict[str, Any]) -> dict[str, Any]:
    """Write a choice as a completion has it."""
    closed: dict[str, Any] = _close_texts(choice)
    closed["message"].setdefault("content", None)
    closed.setdefault("finish_reason", None)
    for call in closed["message"].get("tool_calls") or ():
        if isinstance(call, dict):
            call.pop("index", None)
    return closed


def _close_texts(value: Any) -> Any:
    if isinstance(value, StringIO):
        return value.getvalue()
    if isinstance(value, dict):
        return {name: _close_texts(item) for name, item in value.items()}
    return [_close_texts(item) for item in value] if isinstance(value, list) else value


def is_chunk(event: object) -> bool:
    """Tell whether an event has the shape of a chunk, each of its choices a delta."""
    if not isinstance(event, dict) or not isinstance(choices := event.get("choices"), list):
        return False
    return all(isinstance(choice, dict) and "delta" in choice for choice in choices)


def to_chunks(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a chunk or a completion as chunks: of the latter one for each choice and the usage."""
    if is_chunk(event):
        return [dict(event)]
    shared = {name: value for name, value in event.items() if name not in OF_CHUNKS}
    shared["object"] = "chat.completion.chunk"
    chunks = [{**shared, "choices": [_as_delta(choice)]} for choice in choices_of(event)]
    if event.get("usage"):
        chunks.append({**shared, "choices": [], "usage": event["usage"]})
    return chunks


def _as_delta(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = choice.get("message", choice.get("delta"))
    delta = dict(message) if isinstance(message, dict) else {"content": choice.get("text")}
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    rest = {name: value for name, value in choice.items() if name not in ("message", "text")}
    return {"index": 0, **rest, "delta": {"role": "assistant", **delta}}
