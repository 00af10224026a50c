"""Writes values as plain JSON, each with its type: `["i","0x2a"]`, `["list",[...]]`.

Only exact builtin types travel. A subclass may have methods of its own, so it and everything else
becomes `["opaque","TypeName"]`, and writing a value never calls code of the program's. Containers
that merely extend a builtin one travel as it: deque as list; OrderedDict, defaultdict and Counter
as dict; Decimal and Fraction as float. Types are known by identity: what a program calls its own
class means nothing.
"""

import itertools
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from types import GeneratorType
from typing import Any

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


_LISTS = identities(list, deque)
_SETS = identities(set, frozenset)
_DICTS = identities(dict, OrderedDict, defaultdict, Counter)
_CONTAINERS = _LISTS | _SETS | _DICTS | identities(tuple)
_SAMPLES: tuple[Any, ...] = ([], (), "a", "\u3042", b"", set(), {}, range(0), range(1 << 70))
_VIEWS: tuple[Any, ...] = ({}.keys(), {}.values(), {}.items())
_ITERABLES = identities(
    *(GeneratorType, range, zip, map, filter, enumerate, reversed),
    *(type(view) for view in _VIEWS),
    *(type(iter(sample)) for sample in (*_SAMPLES, *_VIEWS)),
    type(iter(int, 1)),
    *(type(reversed(sample)) for sample in ([], {}, *_VIEWS)),
    *(value for value in vars(itertools).values() if isinstance(value, type)),
)
_NUMBERS: dict[int, Any] = {id(Decimal): Decimal.__float__, id(Fraction): Fraction.__float__}
_type_name = type.__dict__["__name__"].__get__


def name_of(kind: type) -> str:
    """Return a class's real name, which the class itself can't change."""
    return str(_type_name(kind))[:MAX_TYPE_NAME]


def take_items(value: object) -> object:
    """Turn an iterator or a view of exact builtin type into a list; return anything else as it is.

    One of more than `MAX_ITEMS_TAKEN` items stays as well, and so becomes opaque.
    """
    if id(type(value)) not in _ITERABLES:
        return value
    items = list(itertools.islice(value, MAX_ITEMS_TAKEN + 1))  # type: ignore[call-overload]
    return items if len(items) <= MAX_ITEMS_TAKEN else value


class Tagger:
    """Writes one value, within bounds on its depth and size.

    A container whose members don't fit any more becomes opaque as a whole.
    """

    def __init__(self) -> None:
        self._members_left = MAX_MEMBERS

    def tag(self, value: object, depth: int = 0) -> Tagged:
        """Tag a value, and its members with it."""
        if value is None or value is True or value is False:
            return value
        scalar = _tag_scalar(value)
        return self._tag_container(value, depth) if scalar is None else scalar

    def _tag_container(self, value: Any, depth: int) -> Tagged:
        kind = type(value)
        if id(kind) not in _CONTAINERS or depth >= MAX_DEPTH:
            return _opaque(value)
        is_dict = id(kind) in _DICTS
        members = 2 * len(value) if is_dict else len(value)
        if members > self._members_left:
            return _opaque(value)
        self._members_left -= members
        if is_dict:
            pairs = list(dict.items(value))
            return [
                "dict",
                [[self.tag(key, depth + 1), self.tag(v, depth + 1)] for key, v in pairs],
            ]
        name = "list" if id(kind) in _LISTS else name_of(kind)
        return [name, [self.tag(member, depth + 1) for member in list(value)]]


def _tag_scalar(value: Any) -> Tagged | None:
    if to_float := _NUMBERS.get(id(type(value))):
        value = to_float(value)
    kind = type(value)
    if kind is int:
        fits = value.bit_length() <= MAX_INTEGER_BITS
        return ["i", hex(value)] if fits else _opaque(value)
    if kind is float:
        return ["f", value.hex()]
    if kind is str:
        return ["s", value] if len(value) <= MAX_TEXT else _opaque(value)
    if kind is complex:
        return ["c", [value.real.hex(), value.imag.hex()]]
    if kind is bytes:
        return ["b", value.hex()] if len(value) <= MAX_TEXT // 2 else _opaque(value)
    return None


def _opaque(value: object) -> Tagged:
    return ["opaque", name_of(type(value))]


def opaque_in_place_of(tagged: Tagged) -> Tagged:
    """Reduce a tagged value that takes too much room to the name of its type."""
    if not isinstance(tagged, list):
        return ["opaque", "object"]
    kind = tagged[0]
    return tagged if kind == "opaque" else ["opaque", _NAMES.get(kind, kind)]
