"""Values that a text doesn't state: which may come of it, and which are made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.task_types.json_extraction.derivation import is_made_up

Row = tuple[str | float, str, str]

DERIVED: list[Row] = [
    (41, "age", "born in 1983"),
    (90, "minutes", "1.5 hours"),
    (250, "price", "two hundred and fifty"),
    (37, "difference_in_years", "from 12 to 49"),
    (84, "weekly_hours", "12 a day, 7 days"),
    (0.19, "share", "19 percent"),
    (1_234, "grams", "1.234 kg"),
    ("2024-03-19", "due", "in 7 days from 12 March 2024"),
    ("2024-03-15", "due", "Friday after 12 March 2024"),
    ("2024-03-14", "until", "12-14 March 2024"),
    ("2031-01-01", "due", "as soon as you can"),
    ("+82 10-1234-5678", "phone", "010-1234-5678 or 82"),
    ("https://y.example/", "site", "see y.example for more"),
    (2029, "expires", "valid through 11/29"),
    (330, "seconds", "5 minutes and 30 seconds"),
    (8_388_608, "bytes", "8 MB at most"),
    (29, "age", "\uc2a4\ubb3c\uc544\ud649 \uc0b4"),
    ("Kim Minsu", "name", "\uae40\ubbfc\uc218"),
    ("IBM", "company", "international business machines"),
    ("a complaint", "name", "I want my money back"),
    ("Complaint", "category", "I want my money back"),
    ("United States", "country", "we ship to Boston"),
]
MADE_UP: list[Row] = [
    (42, "age", "41 years old"),
    (863.2, "total", "two lamps, 836.20 in total"),
    (72, "count", "27 chairs and 45 tables"),
    ("2.4.8", "version", "runs 2.4.7 today"),
    ("192.0.2.9", "host", "reached at 192.0.2.7"),
    (412.5, "price", "costs 398.00, 12 in stock"),
    (1_300, "total", "12 March 2024: 1,250.00 to pay"),
    ("2024-12-03", "due", "on 12 March 2024"),
    ("2025-03-12", "due", "on 12 March 2024"),
    ("INV-2042", "invoice_number", "invoice INV-2041"),
    ("0161 496 0999", "phone", "call 0161 496 0345"),
    ("a@b.example", "contact", "a and b are at c@b.example"),
    ("https://x.example", "site", "see https://y.example"),
    ("John Smith", "customerName", "Mira Holt wrote"),
    ("Mira Stone", "author", "Mira Holt wrote"),
    ("Paris", "city", "from Lyon to Ghent"),
]


@for_each(DERIVED)
def test_what_may_come_of_the_text_is_not_made_up(row: Row) -> None:
    assert not is_made_up(*row)


@for_each(MADE_UP)
def test_what_the_text_would_have_to_say_is_made_up(row: Row) -> None:
    assert is_made_up(*row)


def test_a_text_of_many_numbers_gives_any() -> None:
    assert not is_made_up(5_555, "price", " ".join(map(str, range(1_000, 1_200))))


@pytest.mark.parametrize("text", ["3 of 41", "1e5", ""])
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text())
def test_any_value_is_told(text: str, value: str | float) -> None:
    assert is_made_up(value, "name", text) in (True, False)
