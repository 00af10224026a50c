"""Writes values as plain JSON, each with its type: `["i","0x2a"]`, `["list",[...]]`.

Values of builtin types travel, and what an instance of a subclass holds of its builtin base, as
the base's own methods read it. A subclass with an `__eq__` of its own becomes
`["opaque","TypeName"]`, as everything else does. What iterates over items without being a list
travels as `["items",["deque",[...]]]`, and values of a few more classes as the call that makes
them: `["built",["date",[...]]]`. Writing a value never calls code of the program's. Types are known
by identity: what a program calls its own class means nothing.
"""

import array
import itertools
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from .constructors import READERS

MAX_DEPTH = 40
# Members of all containers of one value.
MAX_MEMBERS = 20_000
# repr() of an integer refuses more than 4,300 digits; within this one, everyone can show it.
MAX_INTEGER_BITS = 14_000
MAX_TEXT = 200_000
MAX_ITEMS_TAKEN = 1_000
MAX_TYPE_NAME = 100

_NAMES = {"i": "int", "f": "float", "s": "str", "c": "complex", "b": "bytes"}

Tagged = Any


def identities(*kinds: type) -> frozenset[int]:
    """Return identities of types: to compare or hash a class can run its metaclass's methods."""
    return frozenset(map(id, kinds))


# The order matters: what a class extends first is what it is read as.
_BASES: dict[int, type] = {
    id(kind): kind
    for kind in (
        *(int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict),
        *(OrderedDict, defaultdict, Counter),
    )
}
_DICTS = identities(dict, OrderedDict, defaultdict, Counter)
_SCALARS: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: bytes.hex,
    bytearray: bytearray.hex,
}
_SAMPLES: tuple[Any, ...] = ([], (), "a", "\u3042", b"", set(), {}, range(0), range(1 << 70))
_VIEWS: tuple[Any, ...] = ({}.keys(), {}.values(), {}.items())
_LISTED = identities(range, deque, array.array, *(type(view) for view in _VIEWS))
_ITERATORS = identities(
    *(GeneratorType, zip, map, filter, enumerate, reversed),
    *(type(iter(sample)) for sample in (*_SAMPLES, *_VIEWS)),
    type(iter(int, 1)),
    *(type(reversed(sample)) for sample in ([], {}, *_VIEWS)),
    *(value for value in vars(itertools).values() if isinstance(value, type)),
)
_type_name = type.__dict__["__name__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_dict = type.__dict__["__dict__"].__get__


def name_of(kind: type) -> str:
    """Return a class's real name, which the class itself can't change."""
    return str(_type_name(kind))[:MAX_TYPE_NAME]


class Taken:
    """The items of an iterator that was run."""

    def __init__(self, type_name: str, items: list[Any]) -> None:
        self.type_name = type_name
        self.items = items


class Made(Taken):
    """The arguments of the call that makes a value."""


# How values of other packages' classes are read, as plainer ones.
_readers: dict[int, Callable[[Any], Any]] = {}


def read_as(kind: type, read: Callable[[Any], Any]) -> None:
    """Have values of exactly this class read by that function from now on.

    It returns None where one doesn't come back.
    """
    _readers[id(kind)] = read


def take_items(value: object) -> object:
    """Run an iterator of exact builtin type; return anything else as it is.

    One of more than `MAX_ITEMS_TAKEN` items stays as well, and so becomes opaque.
    """
    if id(type(value)) not in _ITERATORS:
        return value
    items = list(itertools.islice(value, MAX_ITEMS_TAKEN + 1))  # type: ignore[call-overload]
    return Taken(name_of(type(value)), items) if len(items) <= MAX_ITEMS_TAKEN else value


def _base_of(kind: type) -> type | None:
    """Return the builtin type whose content a class's instances hold, and that decides equality."""
    for one in _type_mro(kind):
        if base := _BASES.get(id(one)):
            return base
        if "__eq__" in _type_dict(one):
            return None
    return None


class Tagger:
    """Writes one value, within bounds on its depth and size.

    A container whose members don't fit any more becomes opaque as a whole.
    """

    def __init__(self) -> None:
        self._members_left = MAX_MEMBERS

    def tag(self, value: Any, depth: int = 0) -> Tagged:
        """Tag a value, and its members with it."""
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if id(kind) in _readers:
            plain = _readers[id(kind)](value)
            return (
                _opaque(value) if plain is None or type(plain) is kind else self.tag(plain, depth)
            )
        if kind is Taken or kind is Made:
            form = "items" if kind is Taken else "built"
            tagged = self._tag_members(form, value.type_name, value.items, depth)
        elif id(kind) in _LISTED:
            tagged = self._tag_members("items", name_of(kind), value, depth)
        elif id(kind) in READERS:
            name, read = READERS[id(kind)]
            tagged = self._tag_members("built", name, read(value), depth)
        else:
            base = _base_of(kind)
            is_scalar = base in _SCALARS
            tagged = base and (
                _tag_scalar(value, base) if is_scalar else self._tag_container(value, base, depth)
            )
        return _opaque(value) if tagged is None else tagged

    def _tag_members(self, kind: str, name: str, members: Any, depth: int) -> Tagged | None:
        if members is None:
            return None
        taken = list(itertools.islice(members, self._members_left + 1))
        if not self._has_room(len(taken), depth):
            return None
        return [kind, [name, [self.tag(member, depth + 1) for member in taken]]]

    def _tag_container(self, value: Any, base: type, depth: int) -> Tagged | None:
        if id(base) in _DICTS:
            pairs = list(dict.items(value))
            if not self._has_room(2 * len(pairs), depth):
                return None
            return [
                "dict",
                [[self.tag(key, depth + 1), self.tag(v, depth + 1)] for key, v in pairs],
            ]
        if not self._has_room(base.__len__(value), depth):  # type: ignore[attr-defined]
            return None
        members = list(base.__iter__(value))  # type: ignore[attr-defined]
        return [name_of(base), [self.tag(member, depth + 1) for member in members]]

    def _has_room(self, members: int, depth: int) -> bool:
        """Take room for a container's members, if there is enough."""
        if depth >= MAX_DEPTH or members > self._members_left:
            return False
        self._members_left -= members
        return True


def _tag_scalar(value: Any, base: type) -> Tagged | None:
    plain = _SCALARS[base](value)
    match plain:
        case str():
            return ["s" if base is str else "b", plain] if len(plain) <= MAX_TEXT else None
        case float():
            return ["f", plain.hex()]
        case complex():
            return ["c", [plain.real.hex(), plain.imag.hex()]]
    return ["i", hex(plain)] if plain.bit_length() <= MAX_INTEGER_BITS else None


def _opaque(value: object) -> Tagged:
    return ["opaque", name_of(type(value))]


def opaque_in_place_of(tagged: Tagged) -> Tagged:
    """Reduce a tagged value that takes too much room to the name of its type."""
    if not isinstance(tagged, list):
        return ["opaque", "object"]
    kind = tagged[0]
    return tagged if kind == "opaque" else ["opaque", _NAMES.get(kind, kind)]
