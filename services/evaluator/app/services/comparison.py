"""Compares what came back with what was expected, outside the sandbox."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.evaluator.app.sandbox.run.execution import Built, Items, Opaque, Value

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
MAX_DEPTH = 60
# Matching in any order takes the square of the length.
MAX_UNORDERED = 300
SET_VIEWS = ("dict_keys", "dict_items")
ARRAYS = ("ndarray", "array", "Series", "Index")
FRAME = "DataFrame"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tells whether two values are equal as far as a careful reader would ask.

    As in Python, `True` is 1, `1.0` is 1, a tuple is no list and a range isn't either. Unlike
    there, numbers agree within a relative tolerance of 1e-6 or an absolute one of 1e-9, at any
    depth, and NaN agrees with NaN. A value that didn't come back agrees with nothing, itself
    included. A `Decimal` or `Fraction` that is expected is meant exactly.

    Attributes:
        any_order: Whether the order in lists and tuples is left open, at any depth.
        any_sequence: Whether a tuple will do where a list is expected, at any depth; a tuple
            that is expected is always a tuple, since only Python writes one.
        any_iterable: Whether a range, a deque, a view or an iterator will do for a list.
        any_array: Whether an array will.
    """

    any_order: bool = False
    any_sequence: bool = False
    any_iterable: bool = False
    any_array: bool = False

    def agrees(self, actual: Value, expected: Value, depth: int = MAX_DEPTH) -> bool:
        """Tell whether what came back agrees with what is expected, down to a depth."""
        if depth == 0 or isinstance(actual, Opaque) or isinstance(expected, Opaque):
            return False
        number, wanted = _number_of(actual), _number_of(expected)
        if number is not None and wanted is not None:
            return _are_close(number, wanted)
        match actual, expected:
            case Built(type_name), _ if type_name == FRAME:
                same = self._frame_agrees(actual, expected, depth)
            case Items(), _:
                same = self._items_agree(actual, expected, depth)
            case (list() | tuple(), list() | tuple()):
                loosely = self.any_sequence and isinstance(expected, list)
                same = loosely or type(actual) is type(expected)
                same = same and self._members_agree(actual, expected, depth)
            case dict(), dict():
                same = self._dictionaries_agree(actual, expected, depth)
            case (set() | frozenset(), set() | frozenset()):
                same = actual == expected or _matches_set(actual, expected, depth)
            case _:
                same = type(actual) is type(expected) and actual == expected
        return same

    def _items_agree(self, actual: Items, expected: Value, depth: int) -> bool:
        if isinstance(expected, Items):
            same = actual.type_name == expected.type_name
            return same and self._members_agree(actual.members, expected.members, depth)
        if isinstance(expected, set | frozenset):
            is_set = actual.type_name in SET_VIEWS
            return is_set and _matches_set(actual.members, expected, depth)
        may_be = self.any_array if actual.type_name in ARRAYS else self.any_iterable
        return (
            may_be
            and isinstance(expected, list)
            and self._members_agree(actual.members, expected, depth)
        )

    def _frame_agrees(self, frame: Built, expected: Value, depth: int) -> bool:
        """Compare a table's columns with a dict of them, or its rows with a list of dicts."""
        if isinstance(expected, Built):
            same_kind = expected.type_name == FRAME
            return same_kind and self._members_agree(frame.arguments, expected.arguments, depth)
        match frame.arguments:
            case [dict(columns)] if isinstance(expected, dict):
                return self.agrees(columns, expected, depth - 1)
            case [dict(columns)] if all(isinstance(column, list) for column in columns.values()):
                lists = [column for column in columns.values() if isinstance(column, list)]
                rows: Value = [
                    dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)
                ]
                return self.agrees(rows, expected, depth - 1)
        return False

    def _members_agree(
        self, actual: Sequence[Value], expected: Sequence[Value], depth: int
    ) -> bool:
        if len(actual) != len(expected):
            return False
        if self.any_order and len(expected) <= MAX_UNORDERED:
            return self._match_up(actual, expected, depth)
        return all(
            self.agrees(one, other, depth - 1) for one, other in zip(actual, expected, strict=True)
        )

    def _match_up(self, actual: Sequence[Value], expected: Sequence[Value], depth: int) -> bool:
        """Whether each element finds a partner of its own."""
        left = list(actual)
        for wanted in expected:
            for index, candidate in enumerate(left):
                if self.agrees(candidate, wanted, depth - 1):
                    del left[index]
                    break
            else:
                return False
        return True

    def _dictionaries_agree(
        self, actual: dict[Value, Value], expected: dict[Value, Value], depth: int
    ) -> bool:
        if len(actual) != len(expected):
            return False
        if actual.keys() == expected.keys():
            return all(self.agrees(actual[key], expected[key], depth - 1) for key in expected)
        # Keys that differ by a rounding error, if anything.
        is_short = len(expected) <= MAX_UNORDERED
        return is_short and self._match_up([*actual.items()], [*expected.items()], depth)


def is_within(actual: Value, expected: Value, tolerance: float) -> bool:
    """Tell whether two real numbers differ by no more than a tolerance; False for all else."""
    number = _number_of(actual)
    if number is None or isinstance(number, complex) or not isinstance(expected, int | float):
        return False
    try:
        return abs(float(number) - expected) <= tolerance
    except (ArithmeticError, ValueError):
        return False


def _number_of(value: Value) -> complex | Decimal | Fraction | None:
    """Return a number, or the exact one that was built; None for all else."""
    try:
        match value:
            case int() | float() | complex():
                return value
            case Built("Decimal", [str(digits)]):
                return Decimal(digits)
            case Built("Fraction", [int(numerator), int(denominator)]):
                return Fraction(numerator, denominator)
    except ArithmeticError:
        pass
    return None


def _are_close(
    actual: complex | Decimal | Fraction, expected: complex | Decimal | Fraction
) -> bool:
    """Whether two numbers agree; an exact one that is expected is meant exactly."""
    try:
        if actual == expected:
            return True
        if isinstance(expected, Decimal | Fraction) or (
            isinstance(actual, int) and isinstance(expected, int)
        ):
            return False
        if isinstance(actual, complex) or isinstance(expected, complex):
            one, other = complex(actual), complex(expected)
            return _are_close(one.real, other.real) and _are_close(one.imag, other.imag)
        one, other = float(actual), float(expected)
        if math.isnan(one) and math.isnan(other):
            return True
        return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
    except (ArithmeticError, ValueError):
        # An integer beyond every float is close to none, nor is a signal.
        return False


def _matches_set(
    actual: Sequence[Value] | set[Value] | frozenset[Value],
    expected: set[Value] | frozenset[Value],
    depth: int,
) -> bool:
    if len(actual) != len(expected) or len(expected) > MAX_UNORDERED:
        return False
    return Comparison()._match_up(list(actual), list(expected), depth)
