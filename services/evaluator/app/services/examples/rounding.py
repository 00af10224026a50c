"""Tells how exact a number in running text is meant to be."""

import re

from services.evaluator.app.services.examples.literals import Literal

ABOUT = r"(?:about|approximately|approx\.?|around|roughly|nearly|≈|~|약|대략)"
SAYS_ABOUT = re.compile(
    r"\b(?:about|approximately|approx|around|roughly|nearly|rounded)\b|[≈~]|약\s|대략|반올림", re.I
)
# Where rounding is part of the task, the number is exact.
ROUNDING_IS_ASKED = re.compile(
    r"\bround\w*\b[^.\n]{0,30}\bto\b|\bdecimals?\b|\bdecimal places\b|소수점|소수\s*(?:첫|둘|셋)"
    r"|\d째?\s*자리",
    re.I,
)
MAX_DECIMALS = 6
AFTER = 30
AROUND = 1_000
# Keeps the half of a digit itself within the tolerance, whatever binary fractions make of it.
HALF = 0.500001


def tolerance_of(text: str, start: int, literal: Literal) -> float:
    """Return half a unit of the last digit shown, where the text says that it is rounded.

    Args:
        text: The text.
        start: Where the example begins that the number is the value of.
        literal: The number as it stands in the text.

    Returns:
        How far off a right number may be; 0 where the number is meant as it stands.
    """
    decimals = literal.source.partition(".")[2]
    is_rounded = isinstance(literal.value, float) and decimals.isdecimal()
    if not is_rounded or len(decimals) > MAX_DECIMALS:
        return 0.0
    if ROUNDING_IS_ASKED.search(text, max(0, start - AROUND), literal.end + AROUND):
        return 0.0
    before = text[start : literal.end - len(literal.source)]
    after = text[literal.end : literal.end + AFTER].split("\n", 1)[0]
    sign = before.rstrip("`* ")
    is_equation = sign.endswith("=") and not sign.endswith(("==", "<=", ">=", "!=", ":="))
    if not (is_equation or SAYS_ABOUT.search(before) or SAYS_ABOUT.search(after)):
        return 0.0
    return float(HALF * 10.0 ** -len(decimals))
