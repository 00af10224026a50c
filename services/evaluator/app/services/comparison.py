"""Compares what came back with what was expected, outside the sandbox."""

import math

from services.evaluator.app.sandbox.run.execution import Opaque, Value

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
MAX_DEPTH = 60
# Matching in any order takes the square of the length.
MAX_UNORDERED = 300


def agrees(
    actual: Value, expected: Value, *, any_order: bool = False, any_sequence: bool = False
) -> bool:
    """Tell whether two values are equal as far as a careful reader would ask.

    As in Python, `True` is 1, `1.0` is 1 and a tuple is no list. Unlike there, numbers agree
    within a relative tolerance of 1e-6 or an absolute one of 1e-9, at any depth, and NaN agrees
    with NaN. A value that didn't come back agrees with nothing, itself included.

    Args:
        actual: What came back.
        expected: What it should be.
        any_order: Whether the order in lists and tuples is left open, at any depth.
        any_sequence: Whether a tuple will do where a list is expected, at any depth; a tuple
            that is expected is always a tuple, since only Python writes one.
    """
    return _agrees(actual, expected, any_order, any_sequence, MAX_DEPTH)


def is_within(actual: Value, expected: Value, tolerance: float) -> bool:
    """Tell whether two real numbers differ by no more than a tolerance; False for all else."""
    if not isinstance(actual, int | float) or not isinstance(expected, int | float):
        return False
    try:
        return abs(actual - expected) <= tolerance
    except OverflowError:
        return False


def _agrees(
    actual: Value, expected: Value, any_order: bool, any_sequence: bool, depth: int
) -> bool:
    if depth == 0 or isinstance(actual, Opaque) or isinstance(expected, Opaque):
        return False
    if isinstance(actual, int | float | complex) and isinstance(expected, int | float | complex):
        return _are_close(actual, expected)
    if isinstance(expected, list | tuple):
        return _sequences_agree(actual, expected, any_order, any_sequence, depth)
    if isinstance(actual, dict) and isinstance(expected, dict):
        return _dictionaries_agree(actual, expected, any_order, any_sequence, depth)
    if isinstance(actual, set | frozenset) and isinstance(expected, set | frozenset):
        return _sets_agree(actual, expected, depth)
    return type(actual) is type(expected) and actual == expected


def _sequences_agree(
    actual: Value,
    expected: list[Value] | tuple[Value, ...],
    any_order: bool,
    any_sequence: bool,
    depth: int,
) -> bool:
    if not isinstance(actual, list | tuple) or len(actual) != len(expected):
        return False
    if type(actual) is not type(expected) and not (any_sequence and isinstance(expected, list)):
        return False
    if any_order and len(expected) <= MAX_UNORDERED:
        return _match_up(actual, expected, any_order, any_sequence, depth)
    return all(
        _agrees(one, other, any_order, any_sequence, depth - 1)
        for one, other in zip(actual, expected, strict=True)
    )


def _are_close(actual: complex, expected: complex) -> bool:
    if actual == expected:
        return True
    if isinstance(actual, int) and isinstance(expected, int):
        return False
    try:
        if isinstance(actual, complex) or isinstance(expected, complex):
            one, other = complex(actual), complex(expected)
            return _are_close(one.real, other.real) and _are_close(one.imag, other.imag)
        if math.isnan(actual) and math.isnan(expected):
            return True
        return math.isclose(
            actual, expected, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE
        )
    except OverflowError:
        # An integer beyond every float is close to none.
        return False


def _match_up(
    actual: list[Value] | tuple[Value, ...],
    expected: list[Value] | tuple[Value, ...],
    any_order: bool,
    any_sequence: bool,
    depth: int,
) -> bool:
    """Whether each element finds a partner of its own."""
    left = list(actual)
    for wanted in expected:
        for index, candidate in enumerate(left):
            if _agrees(candidate, wanted, any_order, any_sequence, depth - 1):
                del left[index]
                break
        else:
            return False
    return not left


def _dictionaries_agree(
    actual: dict[Value, Value],
    expected: dict[Value, Value],
    any_order: bool,
    any_sequence: bool,
    depth: int,
) -> bool:
    if len(actual) != len(expected):
        return False
    if actual.keys() == expected.keys():
        return all(
            _agrees(actual[key], value, any_order, any_sequence, depth - 1)
            for key, value in expected.items()
        )
    # Keys that differ by a rounding error, if anything.
    pairs: list[Value] = list(expected.items())
    found: list[Value] = list(actual.items())
    return len(pairs) <= MAX_UNORDERED and _match_up(found, pairs, any_order, any_sequence, depth)


def _sets_agree(
    actual: set[Value] | frozenset[Value], expected: set[Value] | frozenset[Value], depth: int
) -> bool:
    if actual == expected:
        return True
    if len(actual) != len(expected) or len(expected) > MAX_UNORDERED:
        return False
    return _match_up(list(actual), list(expected), False, False, depth)
