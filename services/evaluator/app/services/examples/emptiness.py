"""Finds what a request says of empty input: `0 for an empty list`, `빈 리스트면 0을 반환`."""

import builtins
import re
from collections.abc import Iterator

from services.evaluator.app.sandbox.run.execution import Value
from services.evaluator.app.services.examples.calls import RETURNS
from services.evaluator.app.services.examples.example import Example, Found, quote
from services.evaluator.app.services.examples.literals import parse_value, read_literal
from services.evaluator.app.services.examples.meant_value import is_meant

KINDS = {
    "[]": ("list", "array", "lists", "arrays", "리스트", "배열"),
    "''": ("string", "strings", "text", "texts", "sentence", "문자열", "문장"),
    "{}": ("dictionary", "dict", "dictionaries", "딕셔너리", "사전"),
}
SOURCES = {word: source for source, words in KINDS.items() for word in words}
ENGLISH = "|".join(word for word in SOURCES if word.isascii())
KOREAN = "|".join(word for word in SOURCES if not word.isascii())
NOTHING = rf"(?:an?\s+|the\s+)?empty\s+(?P<kind>{ENGLISH})\b"
IS_EMPTY = rf"(?:the|a|an|its|your|this)\s+(?:input\s+|given\s+)?(?P<kind>{ENGLISH})\s+is\s+empty"
VALUE = (
    rf"(?P<value>an?\s+empty\s+(?:{ENGLISH})\b|zero\b|[`'\"\-+\w\[({{][^\s,;]{{0,20}}"
    rf"|\[\s?\]|\{{\s?\}})"
)
ERROR = r"[`*]{0,2}(?P<error>[A-Z]\w{2,40}(?:Error|Exception))[`*]{0,2}"
END = r"(?=\s*(?:[.;:,)\n]|$)|\s+(?:or|otherwise|instead)\b)"
GIVING = rf"(?:{RETURNS})\s+[`*]{{0,2}}{VALUE}"
RAISING = rf"\b(?:raises?|throws?)\s+(?:an?\s+)?{ERROR}"
WHERE_KOREAN = r"(?:이?면|일\s*때는?|인\s*경우에?는?|에\s*대해서?는?|는|은|의\s*경우)"
KOREAN_GIVES = (
    rf"(?:\s*,)?\s*[`*]{{0,2}}(?P<value>빈\s*(?:{KOREAN})|[^\s]{{1,20}}?)[`*]{{0,2}}"
    r"\s?(?:을|를|로|으로)?\s*(?:반환|리턴|돌려)"
)
IT = r"(?:(?:it|the\s+(?:function|result|answer|output|sum|average|mean|length|count))\s+)?"
AT_ITS_START = r"(?:\b(?:for|given|of|on|with)\s+|(?:\A|[.(:\n])[ \t]{0,20})"
GIVEN = r"\s+(?:for|given|on|with|when\s+given)\s+"
FORMS = tuple(
    re.compile(form, re.I)
    for form in (
        rf"\b{GIVING}[`*]{{0,2}}{GIVEN}(?:{NOTHING}){END}",
        rf"\b{GIVING}[`*]{{0,2}}\s+(?:if|when|in\s+case)\s+(?:{IS_EMPTY}){END}",
        rf"{AT_ITS_START}(?:{NOTHING})[`*]{{0,2}}(?:\s*,)?\s*{IT}{GIVING}",
        rf"\b(?:if|when|in\s+case)\s+(?:{IS_EMPTY})(?:\s*,)?\s*(?:then\s+)?{IT}{GIVING}",
        rf"빈\s*(?P<kind>{KOREAN}){WHERE_KOREAN}{KOREAN_GIVES}",
        rf"(?P<kind>{KOREAN})(?:이|가)\s*비어\s*있(?:으면|을\s*때는?|는\s*경우에?는?){KOREAN_GIVES}",
        rf"{RAISING}{GIVEN}(?:{NOTHING}){END}",
        rf"{RAISING}\s+(?:if|when|in\s+case)\s+(?:{IS_EMPTY}){END}",
    )
)
# Where more than one function or argument is spoken of, which one is meant isn't sure.
SEVERAL = re.compile(
    r"\bclass(?:es)?\b|\bfunctions\b|\bmethods?\b|클래스|함수들"
    r"|\btwo (?:lists|arrays|strings|dict\w*)\b|\bboth\b|두\s*(?:개의\s*)?(?:리스트|배열|문자열)",
    re.I,
)
MAX_FOUND = 4


def find_emptiness_examples(text: str) -> list[Found]:
    """Find the value of an empty argument, where the request speaks of one argument alone."""
    if SEVERAL.search(text):
        return []
    found = [(form, match) for form in FORMS for match in form.finditer(text)]
    return [pair for _, match in found[:MAX_FOUND] for pair in _examples(text, match)]


def _examples(text: str, match: re.Match[str]) -> Iterator[Found]:
    groups = match.groupdict()
    source = SOURCES[groups["kind"].lower()]
    quoted = quote(text, match.start(), match.end())
    if not is_meant(text, match.start(), match.end()):
        return
    if error := groups.get("error"):
        if isinstance(getattr(builtins, error, None), type):
            yield match.start(), Example("", source, expected_error=error, quoted=quoted)
        return
    value = _read_value(groups["value"])
    if value is not None:
        yield match.start(), Example("", source, value[0], loose=True, quoted=quoted)


def _read_value(shown: str) -> tuple[Value] | None:
    """Read the value that some words mean, in a tuple of its own since None is a value too."""
    stripped = shown.strip("`*").rstrip(".")
    words = stripped.lower().replace("빈", "빈 ", 1).split()
    if len(words) > 1 and words[-1] in SOURCES:
        return parse_value(SOURCES[words[-1]])
    if words == ["zero"]:
        return (0,)
    literal = read_literal(stripped, 0, loose=True)
    return (literal.value,) if literal and literal.end == len(stripped) else None
