"""Tells whether a value in running text is the whole value that is meant."""

import re

from services.evaluator.app.services.examples.literals import Literal, read_literal

# What may follow a value. Words are listed, since most words would count something: `3 items`.
CLOSER = re.compile(r"[`*_\"'’”)\]}|]{1,4}")
ENDS = re.compile(
    r"\s*$|[ \t]*(?:\n|\r)|[ \t]*[;!?…|]|[ \t]*,(?=\s|$)|[ \t]*\.(?=\s|$|[\"'`)])"
    r"|[ \t]+\(|[ \t]*(?:#|//)|[ \t]+[–—-][ \t]+(?=[^\d\s])"
    r"|[ \t]+(?:since|because|as|for|when|if|and|but|while|which|whereas|not|in|with|on|so|then"
    r"|where|after|again|also|too|only|respectively|here|instead|e\.g)(?!\w)",
    re.I,
)
KOREAN_COUNTER = re.compile(
    r"\s?(?:개|번|명|자리|글자|줄|행|열|초|분|시간|일\b|월|년|원\b|배|차|가지|까지|부터|보다|이상"
    r"|이하|미만|초과|의)"
)
KOREAN_PARTICLE = re.compile(
    r"\s?(?:을|를|이|가|은|는|와|과|로|으로|라고|라는|입니다|이다|임|다|예|에요|여야|야|반환|출력|리턴)"
)
ANOTHER_FOLLOWS = re.compile(
    r"[ \t]*,[ \t]*(?=[-+\d\"'\[({])|[ \t]+(?:and|or)[ \t]+(?=[-+\d\"'\[({])"
)
CALCULATION = re.compile(r"[ \t]*[-+*/%^][ \t]*[-+*/%^()\d. \t]{1,80}=[ \t]*")
WRONGLY = re.compile(
    # How it is elsewhere, or was: `In C strlen("abc") returns 3`, `the old API: ...`.
    r"\bin\s+(?:c|c\+\+|c#|java|javascript|typescript|ruby|rust|go|golang|php|perl|haskell|kotlin"
    r"|swift|scala|sql|excel|matlab|r|js)(?![\w+#])|\b(?:old|legacy|previously|formerly|used to)\b"
    r"|기존|예전|"
    r"\b(?:currently|wrong|wrongly|incorrect|incorrectly|buggy?|actual|actually|unexpected"
    r"|unexpectedly|not|never|instead|but|isn't|doesn't|shouldn't|won't|fails?|broken)\b"
    r"|잘못|현재|지금은|버그",
    re.I,
)
NOT_MEANT = re.compile(
    r"[^\n.]{0,20}(?:\binstead of\b|\brather than\b|\bwhich is (?:wrong|incorrect)|대신"
    r"|나오는데|나오지만|나오고\s)"
    r"|[^\n.]{0,10}\bbut\b[^\n.]{0,40}(?:should|expect|want|return)",
    re.I,
)
BEFORE = 60


def whole_value(text: str, literal: Literal) -> Literal | None:
    """The value that a text means by a literal; None where it goes on in an unclear way.

    Args:
        text: The text.
        literal: What was read at some place of it.

    Returns:
        The literal, or the result of the calculation that it begins: `19 - 5 - 6 = 8`.
    """
    if calculation := CALCULATION.match(text, literal.end):
        result = read_literal(text, calculation.end())
        if result is None:
            return None
        literal = result
    end = literal.end
    if closer := CLOSER.match(text, end):
        end = closer.end()
    if ANOTHER_FOLLOWS.match(text, end):
        return None
    if KOREAN_COUNTER.match(text, end):
        return None
    return literal if ENDS.match(text, end) or KOREAN_PARTICLE.match(text, end) else None


def is_meant(text: str, start: int, end: int) -> bool:
    """Whether the words around an example don't say that it is how it should not be."""
    line = max(text.rfind("\n", 0, start) + 1, start - BEFORE)
    sentence = re.split(r"[.;!?]\s", text[line:start])[-1]
    return WRONGLY.search(sentence) is None and NOT_MEANT.match(text, end) is None
