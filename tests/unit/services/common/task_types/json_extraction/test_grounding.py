"""Whether a text states a value: numbers, dates and times in the ways that people write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types.json_extraction.grounding import is_stated


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1250, "1,250.00 in all"),
        (1250.5, "1.250,50 EUR"),
        (12000, "12 000 people"),
        (12500, "12'500 Fr."),
        (85000, "about 85k"),
        (1_200_000, "1.2 million"),
        (35000, "3만 5천 원"),
        (36_000_000, "3,600만 원"),
        (120_000_000, "1억 2천만 원"),
        (-4, "영하 4도"),
        (0.07, "a share of 7 %"),
        (2, "two guests"),
        (20, "twenty tulips"),
        (3, "인원은 세 명"),
        (12, "열두 명"),
        (90, "1 hour 30 minutes"),
        (120, "2시간"),
        ("2024-03-05", "March 5, 2024"),
        ("2024-03-05", "on 5th March 2024"),
        ("2024-03-05", "05/03/2024"),
        ("2024-03-05", "3/5/24"),
        ("2024-03-05", "2024.03.05"),
        ("2024-03-05", "2024년 3월 5일"),
        ("2025-01-02", "from 30 December 2024 to 2 January 2025"),
        ("2024-03-05T18:30:00", "5 March 2024, 6:30 pm"),
        ("18:30", "half past six, that is 6.30 p.m."),
        ("09:00", "at 9 am sharp"),
        ("14:30", "오후 2시 반"),
        ("02:30", "2시 반"),
        ("07:05", "아침 7시 05분"),
        ("2024-09-05", "Sept. 5, 2024"),
        ("2024-05-05", "5 May 2024"),
        ("12:00", "at noon"),
        ("USD", "$49"),
        ("KRW", "3,000원"),
        ("+82 10-1234-5678", "call +82-10-1234-5678"),
        ("Anna Kim", "Kim, Anna"),
        ("Café  Noir", "at CAFÉ NOIR."),
    ],
)
def test_a_value_is_found_in_other_words(value: str | float, text: str) -> None:
    assert is_stated(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1251, "1,250.00 in all"),
        (125, "1,250.00 in all"),
        (3, "two guests"),
        ("2024-03-06", "March 5, 2024"),
        ("2023-03-05", "March 5, 2024"),
        ("2024-03-05", "March 5"),
        ("19:30", "6:30 pm"),
        ("06:30", "6:30 pm"),
        ("EUR", "$49"),
        ("+82 10-1234-5679", "call +82-10-1234-5678"),
        ("Anna Lee", "Kim, Anna"),
        ("", "x") if False else ("Zoe", ""),
    ],
)
def test_what_the_text_does_not_say_is_not_found(value: str | float, text: str) -> None:
    assert not is_stated(value, text)


@given(st.integers(min_value=0, max_value=10**14), st.text(max_size=20))
def test_a_number_that_is_written_out_is_found(number: int, around: str) -> None:
    assert is_stated(number, f"{around} # {number} # {around}")
    assert is_stated(number, f"{around} # {number:,} # {around}")


@given(st.dates())
def test_an_iso_date_is_found_as_it_is(day: date) -> None:
    assert is_stated(day.isoformat(), f"on {day.isoformat()}.")


@given(st.text(), st.text(min_size=1))
def test_any_text_can_be_looked_for_in_any_other(text: str, value: str) -> None:
    assert is_stated(value, f"{text}{value}{text}") or not value.strip()
