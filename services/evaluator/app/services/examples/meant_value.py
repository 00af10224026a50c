"""Tells whether a value in running text is whole, is meant, and how exact it is meant to be."""

import re

from services.evaluator.app.services.examples.literals import Literal

CLOSING_MARKS = "`*_\"'’”)]}|"
MAX_CLOSING_MARKS = 4
# A value may end there: at the end of a sentence or line, or before one of these words. They
# are listed, since most words would count something: `3 items`.
ENDS = re.compile(
    r"\s*$|[ \t]*(?:\n|\r)|[ \t]*[;!?…|]|[ \t]*,(?=\s|$)|[ \t]*\.(?=\s|$|[\"'`)])"
    r"|[ \t]+\(|[ \t]*(?:#|//)|[ \t]+[–—-][ \t]+(?=[^\d\s])"
    r"|[ \t]+(?:since|because|as|for|when|if|and|but|while|which|whereas|not|in|with|on|so|then"
    r"|where|after|again|also|too|only|respectively|here|instead|e\.g)(?!\w)"
    r"|\s?(?:을|를|이|가|은|는|와|과|로|으로|라고|라는|입니다|이다|임|다|예|에요|여야|야|반환|출력|리턴)",
    re.I,
)
# It goes on there: with a counter, or with another value.
GOES_ON = re.compile(
    r"\s?(?:개|번|명|자리|글자|줄|행|열|초|분|시간|일\b|월|년|원\b|배|차|가지|까지|부터|보다|이상"
    r"|이하|미만|초과|의)"
    r"|[ \t]*,[ \t]*(?=[-+\d\"'\[({])|[ \t]+(?:and|or)[ \t]+(?=[-+\d\"'\[({])"
)
# Another call goes first, and what it has left behind isn't there.
AFTER_A_CALL = r"\bafter\s+(?:calling\s+)?[`*]{0,2}[a-z_]\w{0,79}\("
WRONGLY = re.compile(
    # How it is elsewhere, or was: `In C strlen("abc") returns 3`, `the old API: ...`.
    r"\bin\s+(?:c|c\+\+|c#|java|javascript|typescript|ruby|rust|go|golang|php|perl|haskell|kotlin"
    r"|swift|scala|sql|excel|matlab|r|js)(?![\w+#])|\b(?:old|legacy|previously|formerly|used to)\b"
    r"|기존|예전|"
    r"\b(?:currently|wrong|wrongly|incorrect|incorrectly|buggy?|actual|actually|unexpected"
    r"|unexpectedly|not|never|instead|but|isn't|doesn't|shouldn't|won't|fails?|broken)\b"
    rf"|잘못|현재|지금은|버그|{AFTER_A_CALL}",
    re.I,
)
NOT_MEANT = re.compile(
    r"[^\n.]{0,20}(?:\binstead of\b|\brather than\b|\bwhich is (?:wrong|incorrect)|대신"
    rf"|{AFTER_A_CALL}"
    r"|나오는데|나오지만|나오고\s)"
    r"|[^\n.]{0,10}\bbut\b[^\n.]{0,40}(?:should|expect|want|return)",
    re.I,
)
BEFORE = 60
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


def whole_value(text: str, literal: Literal) -> Literal | None:
    """Return a literal that a text holds; None where it goes on in an unclear way."""
    marks = text[literal.end : literal.end + MAX_CLOSING_MARKS]
    end = literal.end + len(marks) - len(marks.lstrip(CLOSING_MARKS))
    return literal if ENDS.match(text, end) and not GOES_ON.match(text, end) else None


def is_meant(text: str, start: int, end: int) -> bool:
    """Whether an example shows how it should be, for all that the words around it say."""
    line = max(text.rfind("\n", 0, start) + 1, start - BEFORE)
    sentence = re.split(r"[.;!?]\s", text[line:start])[-1]
    return WRONGLY.search(sentence) is None and NOT_MEANT.match(text, end) is None


def tolerance_of(text: str, start: int, literal: Literal) -> float:
    """Return half a unit of the last digit shown, where the text says that it is rounded.

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
