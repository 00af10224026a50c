"""Tells whether a text states a value, in any of the ways to write it. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

MAX_NUMBER_CHARACTERS = 40
MIN_PHONE_DIGITS = 6
CACHED_TEXTS = 4


def _number(names: str, first: int) -> dict[str, int]:
    """Number names in their order; those of one number stand between slashes."""
    groups = enumerate(names.split(), first)
    return {name: number for number, group in groups for name in group.split("/")}


# Repetitions are bounded, and begin where digits begin: a text of digits takes linear time.
DIGITS = r"(?<![\d.,])\d{1,15}"
NUMBER = re.compile(rf"{DIGITS}(?:[.,'\u2009\u202f ]\d{{1,15}}){{0,8}}")
GROUPED = re.compile(
    r"(?<![\d.,])\d{1,3}(?:([,.' \u2009\u202f])\d{3})(?:\1\d{3}){0,8}(?:[.,]\d{1,15})?"
)
WHOLE = re.compile(r"\d{1,40}")
SCALED = re.compile(
    rf"({DIGITS}(?:[.,]\d{{1,15}}){{0,8}}) ?"
    r"(k|thousand|m|mn|million|bn|billion|천|만|억)(?![a-z])"
)
KOREAN_SCALE = "(?:[십백천]?[만억]|[백천])"
KOREAN_SUM = re.compile(
    rf"{DIGITS}[\d,.]{{0,15}} ?{KOREAN_SCALE}(?: ?\d[\d,.]{{0,15}} ?{KOREAN_SCALE}){{0,3}}"
    r"(?: ?\d{1,4}(?!\d))?"
)
KOREAN_TERM = re.compile(rf"(\d[\d,.]{{0,30}}) ?({KOREAN_SCALE}?)")
DURATION = re.compile(
    rf"({DIGITS}) ?(?:hours?|hrs?|h|시간)(?: ?(?:and )?(\d{{1,3}}) ?(?:minutes?|mins?|m|분))?"
)
SCALES = {
    word: 10**zeros
    for words, zeros in {
        "십": 1, "백": 2, "k thousand 천": 3, "만": 4, "m mn million": 6, "억": 8, "bn billion": 9,
    }.items()
    for word in words.split()
}  # fmt: skip
WORDS_FOR_NUMBERS = _number(
    "zero/no one/a/an/single two/couple/pair three four five six seven eight nine ten eleven "
    "twelve/dozen thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty",
    0,
) | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100}
KOREAN_COUNTERS = _number("한/하나 두/둘 세/셋 네/넷 다섯 여섯 일곱 여덟 아홉 열", 1)
KOREAN_COUNT = re.compile(
    rf"(?<![가-힣])(열)?({'|'.join(sorted(KOREAN_COUNTERS, key=len, reverse=True))})"
    r"(?=\s?(?:명|개|분|잔|권|병|마리|장|대|번|그릇|박|인|시간|사람))"
)
MONTH_NUMBERS = _number(
    "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug "
    "september/sept/sep october/oct november/nov december/dec",
    1,
)
ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2})(?::\d{2})?\S*)?")
CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::\d{2})?")
NUMERIC_DATE = re.compile(r"(\d{1,4})\s?[./-]\s?(\d{1,2})\s?[./-]\s?(\d{1,4})")
KOREAN_DATE = re.compile(r"(?:(\d{2,4})년\s*)?(\d{1,2})월\s*(\d{1,2})일")
DAY_THEN_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([a-z]{3,9})\.?,?\s*(\d{4})?")
MONTH_THEN_DAY = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?!\d),?\s*(\d{4})?")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
TIME_OF_DAY = re.compile(
    r"(오전|오후|저녁|밤|새벽|아침|낮)?\s*(\d{1,2})(?:\s*[:.h시]\s*(\d{2}|반)?)?"
    r"\s*분?\s*(a\.?m\.?|p\.?m\.?)?"
)
NOON_AND_MIDNIGHT = {"noon": (12, 0), "midday": (12, 0), "정오": (12, 0), "midnight": (0, 0)}
AFTERNOON = ("오후", "저녁", "밤", "낮")
HALF_A_DAY = 12
MINUTES_PER_HOUR = 60
CURRENCIES = {
    "usd": ("$", "us$", "dollar", "달러"),
    "krw": ("₩", "원", "won"),
    "eur": ("€", "euro", "유로"),
    "gbp": ("£", "pound", "파운드"),
    "jpy": ("¥", "yen", "엔", "円"),
}
WORD = re.compile(r"\w+")
PLAIN_SIGNS = (
    dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
    | dict.fromkeys(map(ord, "\u2018\u2019\u201b"), "'")
    | dict.fromkeys(map(ord, "\u201c\u201d"), '"')
)
THOUSANDS = str.maketrans("", "", "'\u2009\u202f ")


@dataclass(frozen=True, slots=True)
class TextFacts:
    """The numbers, dates and times that a text states, to compare values with."""

    plain: str
    digits: str
    numbers: frozenset[Decimal]
    dates: frozenset[tuple[int, int, int]]
    times: frozenset[tuple[int, int]]


def is_stated(value: str | int | float, text: str) -> bool:
    """Tell whether `text` states `value`: as it is, or a number, date or time in other words."""
    facts = read_facts(text)
    if isinstance(value, str):
        return _is_text_stated(value, facts)
    number = abs(Decimal(str(value)))
    return number in facts.numbers or number * 100 in facts.numbers


@lru_cache(maxsize=CACHED_TEXTS)
def read_facts(text: str) -> TextFacts:
    """Read a text once for all of its values."""
    plain = normalize(text)
    return TextFacts(
        plain=plain,
        digits=digits_of(plain),
        numbers=frozenset(_numbers_in(plain)),
        dates=frozenset(_dates_in(plain)),
        times=frozenset(_times_in(plain)),
    )


def normalize(text: str) -> str:
    """Fold away differences in spelling: case, width, kinds of dash and quotes, spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(PLAIN_SIGNS).split())


def _is_text_stated(value: str, facts: TextFacts) -> bool:
    plain = normalize(value).strip(" .,;:!?\"'")
    if not plain or plain in facts.plain:
        return True
    if date := ISO_DATE.fullmatch(value.strip()):
        year, month, day, time = date.groups()
        is_dated = (int(year), int(month), int(day)) in facts.dates
        return is_dated and (time in (None, "00:00") or _is_time_stated(time, facts))
    if CLOCK_TIME.fullmatch(plain):
        return _is_time_stated(plain, facts)
    if not any(character.isalpha() or character == "_" for character in plain):
        return _are_digits_stated(plain, facts)
    if any(sign in facts.plain for sign in CURRENCIES.get(plain, ())):
        return True
    words = [] if "@" in plain or "://" in plain else WORD.findall(plain)
    return bool(words) and all(word in facts.plain for word in words)


def _are_digits_stated(plain: str, facts: TextFacts) -> bool:
    """Whether a text states a value without letters: a number, or a telephone number."""
    number = _as_decimal(plain.replace(",", ""))
    if number is not None and abs(number) in facts.numbers:
        return True
    digits = digits_of(plain)
    return len(digits) >= MIN_PHONE_DIGITS and digits in facts.digits


def digits_of(text: str) -> str:
    """Return the digits in a text, without what stands between them."""
    return "".join(filter(str.isdecimal, text))


def _is_time_stated(time: str, facts: TextFacts) -> bool:
    hour, minute = (int(part) for part in time.split(":")[:2])
    return (hour, minute) in facts.times


def _numbers_in(plain: str) -> Iterator[Decimal]:
    """Yield every number that a text may mean, in digits or in words."""
    for match in WHOLE.finditer(plain):
        yield Decimal(match[0])
    for pattern in (NUMBER, GROUPED):
        for match in pattern.finditer(plain):
            yield from readings(match[0])
    yield from _scaled_numbers_in(plain)
    for hours, minutes in DURATION.findall(plain):
        yield Decimal(hours) * MINUTES_PER_HOUR + Decimal(minutes or 0)
    for word in WORD.findall(plain):
        if word in WORDS_FOR_NUMBERS:
            yield Decimal(WORDS_FOR_NUMBERS[word])
    for ten, counter in KOREAN_COUNT.findall(plain):
        yield Decimal((10 if ten else 0) + KOREAN_COUNTERS[counter])


def _scaled_numbers_in(plain: str) -> Iterator[Decimal]:
    """Yield numbers such as "1.2 million", "85k" and "3만 5천"."""
    for literal, scale in SCALED.findall(plain):
        for number in readings(literal):
            yield number * SCALES[scale]
    for match in KOREAN_SUM.finditer(plain):
        total = Decimal(0)
        for literal, scale in KOREAN_TERM.findall(match[0]):
            number = _as_decimal(literal.replace(",", "").rstrip(".")) or Decimal(0)
            total += number * math.prod(SCALES[unit] for unit in scale)
        yield total


def readings(literal: str) -> Iterator[Decimal]:
    """Read "1,234.50" or "1.234,50" in both ways: either sign may part thousands or decimals."""
    bare = literal.translate(THOUSANDS)
    for plain in (bare.replace(",", ""), bare.replace(".", "").replace(",", ".")):
        if (number := _as_decimal(plain)) is not None:
            yield number


def _as_decimal(literal: str) -> Decimal | None:
    if len(literal) > MAX_NUMBER_CHARACTERS:
        return None
    try:
        number = Decimal(literal)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _dates_in(plain: str) -> Iterator[tuple[int, int, int]]:
    """Yield every (year, month, day) that a text may mean; without a year, with each it names."""
    years = [int(year) for year in YEAR.findall(plain)]
    for one, two, three in NUMERIC_DATE.findall(plain):
        first, middle, last = int(one), int(two), int(three)
        yield _full_year(first), middle, last
        yield _full_year(last), middle, first
        yield _full_year(last), first, middle
    for year, month, day in KOREAN_DATE.findall(plain):
        for each in [_full_year(int(year))] if year else years:
            yield each, int(month), int(day)
    day_first = [(name, day, year) for day, name, year in DAY_THEN_MONTH.findall(plain)]
    for name, day, year in (*day_first, *MONTH_THEN_DAY.findall(plain)):
        if name in MONTH_NUMBERS:
            for each in [int(year)] if year else years:
                yield each, MONTH_NUMBERS[name], int(day)


def _full_year(year: int) -> int:
    return 2000 + year if year < 100 else year  # noqa: PLR2004


def _times_in(plain: str) -> Iterator[tuple[int, int]]:
    for name, time in NOON_AND_MIDNIGHT.items():
        if name in plain:
            yield time
    for korean, hours, minutes, english in TIME_OF_DAY.findall(plain):
        hour, minute = int(hours), 30 if minutes == "반" else int(minutes or 0)
        is_afternoon = korean in AFTERNOON or english.startswith("p")
        is_morning = (korean and not is_afternoon) or english.startswith("a")
        if is_afternoon:
            yield hour % HALF_A_DAY + HALF_A_DAY, minute
        elif is_morning:
            yield hour % HALF_A_DAY, minute
        elif minutes:
            yield hour, minute
