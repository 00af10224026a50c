"""Values that a text spells out as Python."""

import pytest

from services.evaluator.app.sandbox import Built, Items, Value
from services.evaluator.app.services.examples.literals import parse_value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("date(2024, 1, 5)", Built("date", (2024, 1, 5))),
        ("datetime.date(2024, month=1, day=5)", Built("date", (2024, 1, 5))),
        ("datetime(2024, 1, 5, 6)", Built("datetime", (2024, 1, 5, 6, 0, 0, 0))),
        ("datetime.time(1, 2)", Built("time", (1, 2, 0, 0))),
        ("timedelta(minutes=90)", Built("timedelta", (0, 5400, 0))),
        ("Decimal('2.50')", Built("Decimal", ("2.50",))),
        ("decimal.Decimal(3)", Built("Decimal", ("3",))),
        ("Fraction(2, 4)", Built("Fraction", (1, 2))),
        ("Fraction('1/3')", Built("Fraction", (1, 3))),
        (f"UUID('{7:032x}')", Built("UUID", (f"{7:032x}",))),
        ("Path('a/b')", Built("PurePosixPath", ("a/b",))),
        ("[date(2024, 1, 5), None]", [Built("date", (2024, 1, 5)), None]),
        ("{'due': date(2024, 1, 5)}", {"due": Built("date", (2024, 1, 5))}),
        ("deque([1, 2])", Items("deque", (1, 2))),
        ("np.array([[1], [2]])", Items("ndarray", ([1], [2]))),
    ],
)
def test_a_call_of_a_constructor_is_a_value(source: str, value: Value) -> None:
    assert parse_value(source) == (value,)


@pytest.mark.parametrize(
    "source",
    [
        "date(2024, 13, 5)",
        "date()",
        "date(today)",
        "datetime.now()",
        "datetime(2024, 1, 5, tzinfo=UTC)",
        "Decimal('x')",
        "Fraction(1, 0)",
        "Fraction('1e999999999')",
        f"Decimal('{'9' * 200}')",
        "UUID('x')",
        "deque(1)",
        "np.array([1], dtype=int)",
        "-date(2024, 1, 5)",
        "{[date(2024, 1, 5)]}",
        "date(*[2024, 1, 5])",
        "timedelta(10**99)",
        "timedelta(days=999999999999)",
    ],
)
def test_a_call_that_makes_no_value_is_no_literal(source: str) -> None:
    assert parse_value(source) is None
