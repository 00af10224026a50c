"""Chat completions, whole and in chunks, each made of the other. Pure."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

# Texts that are said once, or again and again, and not in pieces.
NOT_IN_PIECES = frozenset({"id", "type", "role", "name", "finish_reason"})
OF_CHUNKS = ("choices", "usage", "object")


def choices_of(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the choices of a completion or a chunk; none where it has no list of them."""
    choices = event.get("choices")
    return [item for item in choices if isinstance(item, dict)] if isinstance(choices, list) else []


def join_chunks(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Join a stream's chunks to the completion that they are."""
    whole: dict[str, Any] = {}
    choices: dict[Any, dict[str, Any]] = {}
    for chunk in chunks:
        said = {name: value for name, value in chunk.items() if value and name not in OF_CHUNKS}
        whole |= {name: value for name, value in said.items() if name not in whole}
        if chunk.get("usage"):
            whole["usage"] = chunk["usage"]
        for choice in choices_of(chunk):
            index = choice.get("index", 0)
            known = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
            pieces = {name: value for name, value in choice.items() if name != "delta"}
            _join(known, {**pieces, "message": choice.get("delta") or {}})
    for choice in choices.values():
        choice["message"].setdefault("content", None)
        choice.setdefault("finish_reason", None)
        for call in choice["message"].get("tool_calls") or ():
            call.pop("index", None)
    ordered = sorted(choices.values(), key=lambda choice: str(choice["index"]).zfill(9))
    return {**whole, "object": "chat.completion", "choices": ordered}


def _join(known: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece: texts grow, lists grow or are joined by their items' `index`."""
    for name, value in piece.items():
        before = known.get(name)
        if value is None:
            known.setdefault(name, None)
        elif isinstance(before, dict) and isinstance(value, dict):
            _join(before, value)
        elif isinstance(value, list) and (before is None or isinstance(before, list)):
            known[name] = _join_lists(before or [], value)
        elif isinstance(before, str) and isinstance(value, str) and name not in NOT_IN_PIECES:
            known[name] = before + value
        elif value != "" or before is None:
            # It may grow, and the chunk stays as it came.
            known[name] = deepcopy(value)


def _join_lists(before: list[Any], pieces: list[Any]) -> list[Any]:
    for item in pieces:
        index = item.get("index") if isinstance(item, dict) else None
        same = [known for known in before if index is not None and known.get("index") == index]
        if same:
            _join(same[0], item)
        else:
            before.append(deepcopy(item))
    return before


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
