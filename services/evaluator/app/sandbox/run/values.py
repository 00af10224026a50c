"""Reads tagged values that a process with hostile code wrote, and refuses anything unusual."""

from collections.abc import Callable
from typing import Any, Final

from services.evaluator.app.sandbox.jail.tagging import (
    MAX_DEPTH,
    MAX_INTEGER_BITS,
    MAX_MEMBERS,
    MAX_TEXT,
    MAX_TYPE_NAME,
    Tagger,
)
from services.evaluator.app.sandbox.run.execution import Built, Items, Opaque, Value

_CONTAINERS: Final[dict[str, Callable[[tuple[Value, ...]], Value]]] = {
    kind.__name__: kind for kind in (list, tuple, set, frozenset)
}
# Chosen keys can all have one hash, and putting in so many takes the square of their number.
MAX_HASHED: Final = 2_000


class MalformedValueError(ValueError):
    """A value that the sandbox's own code never writes."""


class ValueReader:
    """Reads one value, within the bounds that hold for writing one."""

    def __init__(self) -> None:
        self._members_left = MAX_MEMBERS
        self._hashed_left = MAX_HASHED

    def read(self, tagged: object, depth: int = 0) -> Value:
        """Read a tagged value and its members.

        Raises:
            MalformedValueError: If it isn't one that the sandbox's own code writes.
        """
        if tagged is None or isinstance(tagged, bool):
            return tagged
        match tagged:
            case [("list" | "tuple" | "set" | "frozenset" | "dict") as kind, list(items)]:
                return self._read_container(kind, items, depth)
            case [("items" | "built") as kind, [str(name), list(items)]] if (
                len(name) <= MAX_TYPE_NAME
            ):
                self._take_room(len(items), depth)
                members = self._read_members(items, depth)
                return Items(name, members) if kind == "items" else Built(name, members)
            case [str(kind), content]:
                return _read_scalar(kind, content)
            case _:
                raise MalformedValueError("no tagged value")

    def _take_room(self, members: int, depth: int) -> None:
        self._members_left -= members
        if self._members_left < 0 or depth >= MAX_DEPTH:
            raise MalformedValueError("too large")

    def _read_members(self, items: list[Any], depth: int) -> tuple[Value, ...]:
        return tuple(self.read(item, depth + 1) for item in items)

    def _read_container(self, kind: str, items: list[Any], depth: int) -> Value:
        self._take_room(2 * len(items) if kind == "dict" else len(items), depth)
        if kind in ("set", "frozenset", "dict"):
            self._hashed_left -= len(items)
            if self._hashed_left < 0:
                return Opaque(kind)
        try:
            if kind == "dict":
                return dict(self._read_pair(pair, depth) for pair in items)
            return _CONTAINERS[kind](self._read_members(items, depth))
        except TypeError as error:
            raise MalformedValueError("no such key or member") from error

    def _read_pair(self, pair: object, depth: int) -> tuple[Value, Value]:
        match pair:
            case [key, value]:
                return self.read(key, depth + 1), self.read(value, depth + 1)
        raise MalformedValueError("no pair")


def plain_value(value: object) -> Value:
    """Return what would come back of a value if a program gave it."""
    return ValueReader().read(Tagger().tag(value))


def _read_scalar(kind: str, content: object) -> Value:
    try:
        match kind, content:
            case "i", str(digits) if len(digits) <= MAX_INTEGER_BITS:
                number = int(digits, 16)
                if number.bit_length() <= MAX_INTEGER_BITS:
                    return number
            case "f", str(digits):
                return float.fromhex(digits)
            case "s", str(text) if len(text) <= MAX_TEXT:
                return text
            case "c", [str(real), str(imaginary)]:
                return complex(float.fromhex(real), float.fromhex(imaginary))
            case "b", str(digits) if len(digits) <= MAX_TEXT:
                return bytes.fromhex(digits)
            case "opaque", str(name) if len(name) <= MAX_TYPE_NAME:
                return Opaque(name)
    except (ValueError, OverflowError) as error:
        raise MalformedValueError("no such value") from error
    raise MalformedValueError("no tagged value")
