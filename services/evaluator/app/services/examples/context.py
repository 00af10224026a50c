"""Tells from the text around an example that it states no requirement."""

import re

from services.evaluator.app.services.examples.example import Example

MAX_LINES_ABOVE = 30
MAX_CODE_WORDS = 3
CODE_STARTS = (">>>", "...", "```", "~~~", "assert ", "assert(", "print(")
WORDS = re.compile(r"[A-Za-z가-힣]{2,}")
# How things are, not how they should be. A failing test says how they should be.
AS_IT_IS = re.compile(
    r"\b(?:old|current|currently|existing|legacy|previous|previously|broken|buggy|wrong|incorrect"
    r"|actual|before|failing(?!\s+(?:unit\s+)?tests?\b))\b|기존|예전|이전|현재|잘못",
    re.I,
)
REQUIRED = re.compile(
    r"={2}|\b(?:should|must|shall|ought|needs?|has|want(?:s|ed)?|expect(?:s|ed)?)\b"
    r"|야 ?(?:한|합|해)",
    re.I,
)
VARIES = re.compile(
    r"\b(?:generat\w*|returns?|creat\w*|picks?|picking|choos\w*|selects?|gives?|produc\w*|outputs?"
    r"|prints?)\b[^.\n]{0,40}\b(?:random(?:ly)?|uuids?|guid|current (?:time|date|timestamp)"
    r"|today's date|time of day)\b|\bshuffl\w*|무작위|랜덤|현재\s*(?:시각|시간|날짜)|오늘\s*날짜",
    re.I,
)
IS_FIXED = re.compile(r"\bseed|시드|\bdeterministic", re.I)
# What asks so little of a value that it may be the same for all of them.
SAYS_LITTLE = ("len(", "isinstance(", "sorted(", "type(", "bool(")


def is_introduced_as_it_is(text: str, start: int) -> bool:
    """Whether the line above an example says that it shows how things are, not should be."""
    above = text[:start].rsplit("\n", MAX_LINES_ABOVE + 1)
    for line in reversed(above[:-1][-MAX_LINES_ABOVE:]):
        stripped = line.strip()
        if stripped.endswith((":", "：")):
            return AS_IT_IS.search(stripped[-80:]) is not None
        if (
            not stripped.startswith(CODE_STARTS)
            and len(WORDS.findall(stripped[:200])) > MAX_CODE_WORDS
        ):
            return False
    return False


def may_be_a_fault(text: str, start: int, example: Example) -> bool:
    """Whether an example in a sentence tells what code does, and not what it should do."""
    stands = text[start:].startswith(CODE_STARTS) or example.setup
    return not stands and not REQUIRED.search(example.quoted)


def varies(text: str) -> bool:
    """Whether calls may give something else every time: a random number, the current time."""
    return VARIES.search(text) is not None and IS_FIXED.search(text) is None
