"""What agrees with what."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.sandbox.run.execution import Built, Items, Opaque, Value
from services.evaluator.app.services.comparison import Comparison, is_within

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def nested(depth: int) -> Value:
    value: Value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(6, 6, id="integers"),
        pytest.param(1.0, 1, id="float-and-integer"),
        pytest.param(True, 1, id="true-is-one"),
        pytest.param(0.1 + 0.2, 0.3, id="rounding"),
        pytest.param([0.1 + 0.2], [0.3], id="rounding-in-a-list"),
        pytest.param({"a": (0.1 + 0.2,)}, {"a": (0.3,)}, id="rounding-deep-inside"),
        pytest.param({0.1 + 0.2: 1}, {0.3: 1}, id="rounding-in-a-key"),
        pytest.param({0.1 + 0.2}, {0.3}, id="rounding-in-a-set"),
        pytest.param(math.nan, math.nan, id="nan"),
        pytest.param([math.nan], [math.nan], id="nan-in-a-list"),
        pytest.param(math.inf, math.inf, id="infinity"),
        pytest.param(1e-12, 0.0, id="almost-zero"),
        pytest.param({1, 2}, frozenset({2, 1}), id="sets"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="dictionaries-in-any-order"),
        pytest.param("abc", "abc", id="texts"),
        pytest.param(None, None, id="none"),
        pytest.param(1 + 2j, 1.0000000001 + 2j, id="complex"),
    ],
)
def test_values_that_agree(actual: Value, expected: Value) -> None:
    assert Comparison().agrees(actual, expected)
    assert Comparison().agrees(expected, actual)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(6, 7, id="integers"),
        pytest.param(10**20, 10**20 + 1, id="large-integers-are-exact"),
        pytest.param(10**400, 1e308, id="beyond-every-float"),
        pytest.param(1.001, 1.0, id="floats"),
        pytest.param("6", 6, id="text-and-number"),
        pytest.param(b"a", "a", id="bytes-and-text"),
        pytest.param([1, 2], (1, 2), id="list-and-tuple"),
        pytest.param([1, 2], [2, 1], id="order"),
        pytest.param([1], [1, 1], id="length"),
        pytest.param({1}, [1], id="set-and-list"),
        pytest.param({"a": 1}, {"a": 2}, id="dictionary-values"),
        pytest.param({"a": 1}, {"b": 1}, id="dictionary-keys"),
        pytest.param({"a": 1}, ["a"], id="dictionary-and-list"),
        pytest.param(None, False, id="none-and-false"),
        pytest.param(None, 0, id="none-and-zero"),
        pytest.param(math.nan, 0.0, id="nan"),
        pytest.param(math.inf, -math.inf, id="infinities"),
        pytest.param(Opaque("Liar"), 6, id="opaque"),
        pytest.param(Opaque("Liar"), Opaque("Liar"), id="opaque-and-itself"),
        pytest.param([Opaque("Liar")], [6], id="opaque-inside"),
        pytest.param(nested(500), nested(500), id="too-deep"),
    ],
)
def test_values_that_differ(actual: Value, expected: Value) -> None:
    assert not Comparison().agrees(actual, expected)
    assert not Comparison().agrees(expected, actual)


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        pytest.param([2, 1], [1, 2], True, id="turned"),
        pytest.param([1, 1, 2], [1, 2, 2], False, id="counts-differ"),
        pytest.param([[2, 1], [3]], [[3], [1, 2]], True, id="at-every-depth"),
        pytest.param([2.0000000001, 1], [1, 2], True, id="with-rounding"),
        pytest.param((2, 1), [1, 2], False, id="still-no-tuple"),
        pytest.param([{"a": 1}, {}], [{}, {"a": 1}], True, id="unhashable"),
    ],
)
def test_order_can_be_left_open(actual: Value, expected: Value, same: bool) -> None:
    assert Comparison(any_order=True).agrees(actual, expected) is same


def test_a_tuple_may_do_for_a_list_but_no_list_for_a_tuple() -> None:
    assert Comparison(any_sequence=True).agrees((1, (2,)), [1, [2]])
    assert not Comparison(any_sequence=True).agrees([1, 2], (1, 2))


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        pytest.param(Built("Decimal", ("2.50",)), 2.5, True, id="decimal-for-a-float"),
        pytest.param(Built("Decimal", ("3",)), 3, True, id="decimal-for-an-integer"),
        pytest.param(Built("Decimal", ("0.3000000000000000444",)), 0.3, True, id="nearly"),
        pytest.param(Built("Fraction", (1, 3)), 0.3333333333, True, id="fraction-for-a-float"),
        pytest.param(Built("Fraction", (1, 3)), 0.34, False, id="another-number"),
        pytest.param(Built("Fraction", (1, 0)), 0.5, False, id="no-fraction"),
        pytest.param(Built("Decimal", ("x",)), 0.5, False, id="no-decimal"),
        pytest.param(Built("Decimal", ("9E+999999",)), 1.0, False, id="a-huge-decimal"),
        pytest.param(Built("Fraction", (10**400, 1)), 1.0, False, id="a-huge-fraction"),
        pytest.param(Built("Decimal", ("0.1",)), Built("Decimal", ("0.10",)), True, id="scale"),
        pytest.param(Built("Decimal", ("0.1",)), Built("Decimal", ("0.11",)), False, id="exact"),
        pytest.param(5, Built("Decimal", ("5.0",)), True, id="an-integer-for-a-decimal"),
        pytest.param(0.5, Built("Fraction", (1, 2)), True, id="an-exact-float"),
        pytest.param(0.1, Built("Decimal", ("0.1",)), False, id="a-float-for-a-decimal"),
        pytest.param("0.1", Built("Decimal", ("0.1",)), False, id="a-text-for-a-decimal"),
        pytest.param(Built("date", (2024, 1, 5)), Built("date", (2024, 1, 5)), True, id="date"),
        pytest.param(Built("date", (2024, 1, 5)), Built("date", (2024, 5, 1)), False, id="turned"),
        pytest.param(Built("date", (2024, 1, 5)), "2024-01-05", False, id="a-text-for-a-date"),
        pytest.param(
            Built("date", (2024, 1, 5)),
            Built("datetime", (2024, 1, 5, 0, 0, 0, 0)),
            False,
            id="date-and-time",
        ),
        pytest.param(
            {Built("date", (2024, 1, 5)): 0.1 + 0.2},
            {Built("date", (2024, 1, 5)): 0.3},
            True,
            id="a-date-as-a-key",
        ),
        pytest.param({Built("Decimal", ("1.5",)): 1}, {1.5: 1}, True, id="a-decimal-as-a-key"),
    ],
)
def test_values_of_standard_classes(actual: Value, expected: Value, same: bool) -> None:
    assert Comparison(any_order=True).agrees(actual, expected) is same


TABLE = Built("DataFrame", ({"a": [1, 2], "b": ["x", "y"]},))


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        pytest.param(TABLE, {"a": [1, 2], "b": ["x", "y"]}, True, id="columns"),
        pytest.param(TABLE, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], True, id="rows"),
        pytest.param(TABLE, [{"a": 2, "b": "y"}, {"a": 1, "b": "x"}], False, id="rows-turned"),
        pytest.param(TABLE, TABLE, True, id="itself"),
        pytest.param(TABLE, {"a": [1, 2]}, False, id="too-few-columns"),
        pytest.param(Built("DataFrame", ()), {}, False, id="no-table"),
    ],
)
def test_tables(actual: Value, expected: Value, same: bool) -> None:
    assert Comparison().agrees(actual, expected) is same


@pytest.mark.parametrize(
    ("actual", "expected", "iterable", "array"),
    [
        pytest.param(Items("range", (0, 1)), [0, 1], True, False, id="range"),
        pytest.param(Items("deque", (0, 1)), [0, 1], True, False, id="deque"),
        pytest.param(Items("generator", (0.1 + 0.2,)), [0.3], True, False, id="rounding"),
        pytest.param([Items("dict_values", (1,))], [[1]], True, False, id="inside"),
        pytest.param(Items("ndarray", ([1], [2])), [[1], [2]], False, True, id="array"),
        pytest.param(Items("Series", (1, 2)), [1, 2], False, True, id="series"),
        pytest.param(Items("range", (0, 1)), [0, 2], False, False, id="other-items"),
        pytest.param(Items("range", (0, 1)), (0, 1), False, False, id="tuple"),
        pytest.param(Items("range", (0, 1)), {0, 1}, False, False, id="no-set"),
    ],
)
def test_what_iterates_is_no_list_unless_that_is_left_open(
    actual: Value, expected: Value, iterable: bool, array: bool
) -> None:
    assert Comparison(any_iterable=True).agrees(actual, expected) is iterable
    assert Comparison(any_array=True).agrees(actual, expected) is array
    assert not Comparison().agrees(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        pytest.param(Items("dict_keys", (1, 2)), {2, 1}, True, id="keys"),
        pytest.param(Items("dict_items", ((1, [2]),)), {(1, 3)}, False, id="items"),
        pytest.param(Items("dict_values", (1,)), {1}, False, id="values"),
        pytest.param(Items("deque", (1,)), Items("deque", (1,)), True, id="deques"),
        pytest.param(Items("deque", (1,)), Items("range", (1,)), False, id="other-types"),
        pytest.param([1], Items("deque", (1,)), False, id="a-list-for-a-deque"),
    ],
)
def test_what_iterates_is_equal_as_python_has_it(
    actual: Value, expected: Value, same: bool
) -> None:
    assert Comparison().agrees(actual, expected) is same


@given(VALUES)
def test_every_plain_value_agrees_with_itself(value: Value) -> None:
    assert Comparison().agrees(value, value)
    assert Comparison(any_order=True, any_sequence=True).agrees(value, value)


@given(VALUES, VALUES)
def test_agreeing_is_symmetric(one: Value, other: Value) -> None:
    assert Comparison().agrees(one, other) == Comparison().agrees(other, one)


@given(VALUES, VALUES)
def test_what_python_takes_for_equal_agrees(one: Value, other: Value) -> None:
    if one == other:
        assert Comparison().agrees(one, other)


@pytest.mark.parametrize(
    ("actual", "within"),
    [
        pytest.param(1.4142, True, id="close"),
        pytest.param(1.5, False, id="far"),
        pytest.param("1.41", False, id="a-text"),
        pytest.param(float("nan"), False, id="nan"),
        pytest.param(10**400, False, id="beyond-every-float"),
    ],
)
def test_numbers_within_a_tolerance(actual: Value, within: bool) -> None:
    assert is_within(actual, 1.41, 0.01) is within
