"""Values on their way out of the sandbox: what travels, what doesn't, what is refused."""

import collections
import datetime
import enum
import itertools
import json
import math
from array import array
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.sandbox import Built, Items, Opaque
from services.evaluator.app.sandbox.jail.tagging import (
    MAX_DEPTH,
    MAX_INTEGER_BITS,
    MAX_ITEMS_TAKEN,
    MAX_MEMBERS,
    MAX_TEXT,
    Tagger,
    take_items,
)
from services.evaluator.app.sandbox.run.values import MalformedValueError, ValueReader

HASHABLE_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
)
HASHABLE = st.recursive(
    HASHABLE_SCALARS,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(HASHABLE, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
    ),
    max_leaves=20,
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from("i f s c b list tuple set frozenset dict opaque 0x1 0x1p0 ff".split()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)  # fmt: skip


def there_and_back(value: object) -> Any:
    return ValueReader().read(json.loads(json.dumps(Tagger().tag(value))))


def shape(value: object) -> object:
    """The value with all its types, which == alone wouldn't tell apart (1, True, 1.0)."""
    if isinstance(value, list | tuple):
        return type(value), [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(shape(item)) for item in value)
    if isinstance(value, dict):
        return dict, [(shape(key), shape(item)) for key, item in value.items()]
    return type(value), repr(value)


@given(VALUES)
def test_exact_builtin_values_come_back_as_they_went(value: object) -> None:
    assert shape(there_and_back(value)) == shape(value)


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf])
def test_floats_come_back_to_the_last_bit(value: float) -> None:
    assert there_and_back(value).hex() == value.hex()


def test_not_a_number_comes_back() -> None:
    assert math.isnan(there_and_back(math.nan))


class Number(int):
    pass


class Names(list[str]):
    pass


class Cents(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Color(enum.IntEnum):
    RED = 1


class Mood(enum.StrEnum):
    CALM = "calm"


class Level(str, enum.Enum):  # noqa: UP042 - as programs have it
    HIGH = "high"


class Pair(NamedTuple):
    left: int
    right: str


class Row(TypedDict):
    id: int


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Cents(1), "Cents"),
        (collections.UserList([1]), "UserList"),
        (collections.ChainMap({}), "ChainMap"),
        (object(), "object"),
        (int, "type"),
        (len, "builtin_function_or_method"),
        (memoryview(b"x"), "memoryview"),
        (1 << MAX_INTEGER_BITS, "int"),
        ("x" * (MAX_TEXT + 1), "str"),
        (b"x" * (MAX_TEXT // 2 + 1), "bytes"),
        ([0] * (MAX_MEMBERS + 1), "list"),
        (type("N" * 999, (), {})(), "N" * 100),
        (NotImplemented, "NotImplementedType"),
        (..., "ellipsis"),
    ],
)
def test_other_values_leave_their_types_name(value: object, name: str) -> None:
    assert there_and_back(value) == Opaque(name)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (Number(7), 7),
        (Color.RED, 1),
        (Mood.CALM, "calm"),
        (Level.HIGH, "high"),
        (Names(["a"]), ["a"]),
        (Point(1, 2), (1, 2)),
        (Pair(1, "a"), (1, "a")),
        (Row(id=1), {"id": 1}),
        (type("F", (float,), {})(-0.0), -0.0),
        (type("S", (set,), {})([1]), {1}),
        (bytearray(b"x"), b"x"),
        (type("C", (collections.Counter,), {})("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
    ],
)
def test_what_extends_a_builtin_type_travels_as_it(value: object, seen: object) -> None:
    assert shape(there_and_back(value)) == shape(seen)


def test_only_what_fits_is_told_of_a_large_value() -> None:
    half = [0] * (MAX_MEMBERS // 2)
    assert there_and_back([half, half]) == [half, Opaque("list")]


def test_depth_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    seen, depth = there_and_back(deep), 0
    while isinstance(seen, list):
        seen, depth = seen[0], depth + 1
    assert (seen, depth) == (Opaque("list"), MAX_DEPTH)


def test_a_list_that_holds_itself_ends() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert there_and_back(circle)


@pytest.mark.parametrize(
    "value",
    [
        zip([0], [1], strict=True),
        map(abs, [-1]),
        filter(None, [1]),
        enumerate("a"),
        reversed([1]),
        (n for n in [1]),
        iter([1]),
        itertools.chain([1], [2]),
        itertools.islice(itertools.count(), 3),
        itertools.permutations("ab"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_iterators_are_run(value: Any) -> None:
    name = type(value).__name__
    seen = there_and_back(take_items(value))
    assert isinstance(seen, Items)
    assert seen.type_name == name


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (range(3), Items("range", (0, 1, 2))),
        (collections.deque(["a"]), Items("deque", ("a",))),
        ({1: 2}.keys(), Items("dict_keys", (1,))),
        ({1: 2}.values(), Items("dict_values", (2,))),
        ({1: 2}.items(), Items("dict_items", ((1, 2),))),
        (array("i", [1]), Items("array", (1,))),
        (range(10**9), Opaque("range")),
        (range(1 << 70), Opaque("range")),
        ({1: range(2)}, {1: Items("range", (0, 1))}),
    ],
)
def test_what_holds_items_and_is_no_list_keeps_its_name(value: object, seen: object) -> None:
    assert there_and_back(value) == seen


SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (datetime.date(2024, 1, 5), Built("date", (2024, 1, 5))),
        (datetime.datetime(2024, 1, 5, 6), Built("datetime", (2024, 1, 5, 6, 0, 0, 0))),  # noqa: DTZ001
        (
            datetime.datetime(2024, 1, 5, 9, tzinfo=SEOUL),
            Built("datetime", (2024, 1, 5, 0, 0, 0, 0, "UTC")),
        ),
        (datetime.time(1, 2), Built("time", (1, 2, 0, 0))),
        (datetime.time(1, tzinfo=datetime.UTC), Opaque("time")),
        (datetime.timedelta(hours=25), Built("timedelta", (1, 3600, 0))),
        (datetime.datetime.min.replace(tzinfo=SEOUL), Opaque("datetime")),
        (Decimal("2.50"), Built("Decimal", ("2.50",))),
        (Fraction(2, 4), Built("Fraction", (1, 2))),
        (UUID(int=7), Built("UUID", (f"{7:032x}",))),
        (PurePosixPath("a") / "b", Built("PurePosixPath", ("a/b",))),
        (Path("a"), Built("PurePosixPath", ("a",))),
        ({datetime.date(2024, 1, 5): [1]}, {Built("date", (2024, 1, 5)): [1]}),
        (type("D", (datetime.date,), {})(2024, 1, 5), Opaque("D")),
    ],
)
def test_values_of_standard_classes_travel_as_the_call_that_makes_them(
    value: object, seen: object
) -> None:
    assert there_and_back(value) == seen


@pytest.mark.parametrize(
    "value", [iter(range(MAX_ITEMS_TAKEN + 1)), itertools.count(), [1], "text", 3]
)
def test_endless_ones_and_others_stay(value: object) -> None:
    assert take_items(value) is value


class Endless:
    def __iter__(self) -> "Endless":
        return self

    def __next__(self) -> int:
        return 1


def test_an_iterator_of_a_class_of_its_own_is_not_run() -> None:
    endless = Endless()
    assert take_items(endless) is endless


@given(ANY_JSON)
def test_anything_is_read_as_a_value_or_refused(tagged: object) -> None:
    try:
        ValueReader().read(tagged)
    except MalformedValueError:
        return
    # What was read could have been written.
    assert tagged is None or isinstance(tagged, bool | list)


@pytest.mark.parametrize(
    "tagged",
    [
        1,
        "text",
        [],
        ["i"],
        ["i", 1],
        ["i", "0x1", "0x1"],
        ["i", "x"],
        ["i", hex(1 << MAX_INTEGER_BITS)],
        ["i", "9" * 20_000],
        ["f", 1.5],
        ["f", "0x1p99999"],
        ["s", 1],
        ["s", "x" * (MAX_TEXT + 1)],
        ["b", "zz"],
        ["c", ["0x1p0"]],
        ["opaque", "x" * 999],
        ["opaque", None],
        ["bytearray", "ff"],
        ["dict", [[["i", "0x1"]]]],
        ["dict", [[["list", []], None]]],
        ["set", [["list", []]]],
        ["list", {"0": None}],
        ["items", []],
        ["items", ["x" * 101, []]],
        ["built", ["date", 1]],
        ["items", ["range", [None] * (MAX_MEMBERS + 1)]],
        ["list", [None] * (MAX_MEMBERS + 1)],
        ["dict", [[["opaque", "A"], ["list", [None] * MAX_MEMBERS]]]],
        {"i": "0x1"},
    ],
    ids=lambda tagged: repr(tagged)[:40],
)
def test_what_is_never_written_is_refused(tagged: object) -> None:
    with pytest.raises(MalformedValueError):
        ValueReader().read(tagged)


def test_deeper_than_is_ever_written_is_refused() -> None:
    tagged: Any = None
    for _ in range(MAX_DEPTH + 1):
        tagged = ["list", [tagged]]
    with pytest.raises(MalformedValueError):
        ValueReader().read(tagged)


@pytest.mark.parametrize("kind", ["set", "frozenset", "dict"])
def test_so_many_keys_that_chosen_hashes_would_take_long_stay_outside(kind: str) -> None:
    keys = [["i", hex(number)] for number in range(2_001)]
    members = [[key, None] for key in keys] if kind == "dict" else keys
    assert ValueReader().read([kind, members]) == Opaque(kind)
    assert not isinstance(ValueReader().read([kind, members[:2_000]]), Opaque)
