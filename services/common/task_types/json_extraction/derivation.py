"""Tells whether a value that a text doesn't state may still come of it. Pure."""

import datetime
import re
from decimal import Decimal
from functools import lru_cache

from services.common.task_types.json_extraction.grounding import (
    CACHED_TEXTS,
    ISO_DATE,
    NUMBER,
    WORD,
    TextFacts,
    digits_of,
    normalize,
    read_facts,
    readings,
)

# Fields whose values a text gives by name, by the last word of the field's own name.
NAMED = frozenset(
    "name author customer company vendor city street 이름 저자 고객 회사 업체 도시".split()
)
# Fields whose numbers are worked out, by any word of the field's name.
WORKED_OUT = frozenset(
    """total sum count number average mean balance difference duration percent percentage rate
    ratio score rating confidence probability 합계 총액 평균 개수""".split()
)
# What makes numbers or dates that aren't read here.
UNREAD = re.compile(
    r"\b(?:hundred|thousand|million|billion|dozen|half|quarter|third|double|twice|triple|today|"
    r"tomorrow|yesterday|next|last|ago|later|within|after|\w+day)\b|오늘|내일|어제|다음|지난|뒤|후"
    r"|스물|서른|마흔|쉰|예순|일흔|여든|아흔"
)
UNITS = (7, 12, 24, 30, 60, 100, 1_000, 1_024, 3_600, 1_000_000, 1_048_576)
# A version or an address of the network: parts by dots, none of which is a year.
DOTTED = re.compile(r"v?\d{1,3}(?:\.\d{1,3}){2,3}")
LONG_NUMBER = re.compile(r"\d{3,}")
MAX_NUMBERS = 100
MIN_TELLING_NUMBER = 10
MIN_OPERAND = 3
COMPARED_PHONE_DIGITS = 7


def is_made_up(value: str | int | float, field: str, text: str) -> bool:
    """Tell whether a value that `text` doesn't state can't come of it either.

    A text would have to state an e-mail address, a long number, a name in a field that holds
    names, and a number or date that one step from what it states doesn't give. A category, a
    summary, a count or a sum it need not state.

    Args:
        value: The value.
        field: The name of the field that holds it.
        text: The text.
    """
    facts, may_be_worked_out, is_read = _read_more(text)
    words = [word for word in re.split(r"[\W_\d]+|(?<=[a-z])(?=[A-Z])", field) if word]
    words = [word.casefold().removesuffix("s") for word in words]
    if not isinstance(value, str):
        if _is_misread(value, facts):
            return True
        is_worked_out = may_be_worked_out and not WORKED_OUT.isdisjoint(words)
        return is_read and not is_worked_out and not _is_derived(abs(Decimal(str(value))), facts)
    if date := ISO_DATE.fullmatch(value.strip()):
        year, month, day = (int(part) for part in date.groups()[:3])
        return is_read and bool(facts.dates) and not _is_date_derived(year, month, day, facts)
    return _is_text_made_up(value, facts, holds_names=not NAMED.isdisjoint(words[-1:]))


def _is_text_made_up(value: str, facts: TextFacts, *, holds_names: bool) -> bool:
    plain = normalize(value)
    host = plain.partition("://")[2].rstrip("/")
    if "@" in plain or host or DOTTED.fullmatch(plain):
        return not host or host not in facts.plain
    if digits := digits_of(plain):
        # A telephone number may have got the code of its country.
        is_phone = digits[-COMPARED_PHONE_DIGITS:] in facts.digits
        numbers = (Decimal(number) for number in LONG_NUMBER.findall(plain))
        return not is_phone and any(number not in facts.numbers for number in numbers)
    is_name = value[:1].isupper() and not value.isupper() and (value + facts.plain).isascii()
    return (
        is_name
        and holds_names
        and any(word.removesuffix("s") not in facts.plain for word in WORD.findall(plain))
    )


@lru_cache(maxsize=CACHED_TEXTS)
def _read_more(text: str) -> tuple[TextFacts, bool, bool]:
    """Read a text: what it states, whether it holds amounts to reckon with, and can be read whole.

    Amounts are two or more numbers that belong to no date. One that gives numbers or dates in
    words that aren't read, or ever so many, isn't read whole.
    """
    facts = read_facts(text)
    in_dates = {Decimal(part) for date in facts.dates for part in date}
    literals = (match[0] for match in NUMBER.finditer(facts.plain))
    amounts = sum(in_dates.isdisjoint(readings(literal)) for literal in literals)
    is_read = len(facts.numbers) <= MAX_NUMBERS and not UNREAD.search(facts.plain)
    return facts, amounts > 1, is_read


def _is_date_derived(year: int, month: int, day: int, facts: TextFacts) -> bool:
    """Whether a date is another day of a month that a text states, or some stated days away."""
    return any(
        ((year, month) == known[:2] and day in facts.numbers)
        or abs(_number_day(year, month, day) - _number_day(*known)) in facts.numbers
        for known in facts.dates
    )


def _number_day(year: int, month: int, day: int) -> int:
    """Count the days up to a date; -1 where there is no such date."""
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:
        return -1


def _is_misread(number: float, facts: TextFacts) -> bool:
    """Whether a number has the digits of one that the text states, in another order."""
    digits = _digits(number)
    same = (_digits(stated) for stated in facts.numbers)
    return any(sorted(digits) == sorted(other) and digits != other for other in same)


def _digits(number: float | Decimal) -> str:
    return digits_of(f"{Decimal(str(number)).normalize():f}")


def _is_derived(number: Decimal, facts: TextFacts) -> bool:
    """Whether one step leads to a number from those that a text states; small ones are counts."""
    if number <= MIN_TELLING_NUMBER:
        return True
    steps = {step for unit in UNITS for step in (number * unit, number / unit)}
    return not steps.isdisjoint(facts.numbers) or any(
        round(stated) == number
        # A year of this century by its last two digits; minutes and seconds.
        or number - stated == 2000  # noqa: PLR2004
        or number - stated * 60 in facts.numbers
        # The age of who was born in a year.
        or (stated >= 1900 and 2015 <= stated + number <= 2035)  # noqa: PLR2004
        or (stated > 1 and number / stated in facts.numbers)
        or (
            stated >= MIN_OPERAND
            and any(
                other >= MIN_OPERAND and other in facts.numbers
                for other in (abs(number - stated), number + stated)
            )
        )
        for stated in facts.numbers
    )
