"""Joins the chunks of a stream into the choices that the same answer has when it comes whole."""

import json
from typing import Any

# Texts that come whole, and may come again; every other text comes in pieces.
WHOLE_TEXTS = frozenset({"role", "type", "id", "name", "finish_reason", "object"})


class _Pieces(list[str]):
    """A text that is on its way."""


class _Numbered(dict[int, dict[str, Any]]):
    """Items that come in pieces, by their `index`."""


class StreamJoiner:
    """Collects what the chunks of a stream hold.

    Args:
        max_characters: Texts beyond so many in all aren't kept, and `is_cut` tells.
    """

    def __init__(self, max_characters: int) -> None:
        self._room = max_characters
        self._choices = _Numbered()
        self.is_cut = False

    def add(self, choices: list[dict[str, Any]]) -> None:
        """Add the choices of a chunk."""
        self._merge_numbered(self._choices, choices)

    def read_choices(self) -> list[dict[str, Any]]:
        """Return the choices so far, as those of a whole answer."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        joined: list[dict[str, Any]] = [_join(choice) for choice in choices]
        return [
            {"index": index, "message": choice.pop("delta", {}), **choice}
            for index, choice in zip(sorted(self._choices), joined, strict=True)
        ]

    def _merge_numbered(self, known: _Numbered, items: list[dict[str, Any]]) -> None:
        for item in items:
            index = item.get("index")
            self._merge(known.setdefault(index if isinstance(index, int) else 0, {}), item)

    def _merge(self, known: dict[str, Any], news: dict[str, Any]) -> None:
        for name, value in news.items():
            if isinstance(value, str) and name not in WHOLE_TEXTS:
                self._add_text(known, name, value)
            elif isinstance(value, dict):
                inner = known.get(name)
                if not isinstance(inner, dict):
                    inner = known[name] = {}
                self._merge(inner, value)
            elif isinstance(value, list):
                self._add_list(known, name, value)
            elif value not in (None, "") or name not in known:
                known[name] = value

    def _add_text(self, known: dict[str, Any], name: str, text: str) -> None:
        pieces = known.get(name)
        if not isinstance(pieces, _Pieces):
            pieces = known[name] = _Pieces()
        pieces.append(text[: self._room])
        self._take_room(len(text))

    def _add_list(self, known: dict[str, Any], name: str, items: list[Any]) -> None:
        if items and all(isinstance(item, dict) and "index" in item for item in items):
            numbered = known.get(name)
            if not isinstance(numbered, _Numbered):
                numbered = known[name] = _Numbered()
            self._merge_numbered(numbered, items)
            return
        self._take_room(len(json.dumps(items)))
        if not self.is_cut:
            before = known.get(name)
            known[name] = [*before, *items] if isinstance(before, list) else items

    def _take_room(self, characters: int) -> None:
        self.is_cut = self.is_cut or characters > self._room
        self._room = max(0, self._room - characters)


def _join(value: Any) -> Any:
    if isinstance(value, _Pieces):
        return "".join(value)
    if isinstance(value, _Numbered):
        return [_without_index(_join(value[index])) for index in sorted(value)]
    if isinstance(value, dict):
        return {name: _join(item) for name, item in value.items()}
    return value


def _without_index(item: dict[str, Any]) -> dict[str, Any]:
    item.pop("index", None)
    return item
