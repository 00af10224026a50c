"""Finds calls with their value in running text: `f(3) == 6`, `f(5) returns 120`."""

import re

from services.evaluator.app.services.examples.example import (
    Call,
    Example,
    Found,
    call_starts,
    quote,
    read_call,
)
from services.evaluator.app.services.examples.literals import read_literal
from services.evaluator.app.services.examples.meant_value import (
    ABOUT,
    is_meant,
    tolerance_of,
    whole_value,
)

MAX_CALLS = 200
# Forms of "returns" with the words that may go before and after.
RETURNS = (
    r"(?:(?:should|must|will|would|shall|has\s+to|needs\s+to|ought\s+to)\s+)?"
    r"(?:returns?|gives?(?:\s+(?:back|you|us))?|yields?|outputs?|produces?|equals?|be(?:comes?)?"
    r"|is(?:\s+equal\s+to)?|evaluates?\s+to|results?\s+in)"
    r"(?:\s+(?:the\s+)?(?:value|list|string|number|integer|tuple|result|dictionary|dict))?(?:\s*:)?"
)
ARROW = r"(?:={1,3}>|-{1,3}>|→|➞|⇒|➔|⟶|↦)"
CONNECTOR = re.compile(
    r"[`*]{0,2}\s{0,3}(?:"
    rf"(?:(?:\#|//)\s*)?{ARROW}\s*(?:{RETURNS}\s*)?"
    r"|={2,3}(?![=>])|=(?![=>])"
    r"|[ \t]*(?:\#|//)[ \t]*(?:(?:returns?|gives?|output|result|expected|should\s+be)[ \t]*:?)?"
    rf"|,?\s*(?:it\s+)?{RETURNS}(?=[\s`'\"\[(])"
    r"|(?:을|를)?\s*(?:호출|실행)하면(?:\s*,)?\s*(?:결과는|결과로|값은)?"
    r"|의\s*(?:결과|값|반환값|출력|리턴값|결과값)\s*(?:은|는|이|가)?\s*:?"
    r"|(?:은|는|이|가|이면|면)(?=\s)"
    r"|≈"
    rf")\s{{0,3}}(?:{ABOUT}\s{{0,3}})?[`*]{{0,2}}",
    re.I | re.X,
)
RAISES = re.compile(
    r"[`*]{0,2}\s*(?:(?:\#|//)\s*)?(?:(?:={1,2}>|-{1,2}>|→|➞)\s*)?"
    r"(?:(?:should|must|will|would)\s+)?"
    r"(?:raises?|throws?|은|는|을\s+호출하면|를\s+호출하면)\s+(?:an?\s+)?[`*]{0,2}"
    r"([A-Z]\w{0,60}(?:Error|Exception|StopIteration))\b",
    re.ASCII,
)
# Behind an operator a call is a part of something; behind these words it is being defined.
PART_OF_MORE = re.compile(r"(?:[-+*/%^|&<>]|!=|\b(?:def|class|function|return|lambda))$")
BEFORE = 12


def find_call_examples(text: str) -> list[Found]:
    """Find every call in a text whose value or exception the text gives."""
    found: list[Found] = []
    done = 0
    for start in call_starts(text, MAX_CALLS):
        if start < done or _is_part_of_more(text, start):
            continue
        call = read_call(text, start)
        if call is None:
            continue
        done = call.end
        example = _read_outcome(text, start, call)
        if example is not None:
            found.append((start, example))
    return found


def _is_part_of_more(text: str, start: int) -> bool:
    before = text[max(0, start - BEFORE) : start].rstrip()
    # An arrow may introduce a call as a bullet does, and a line may begin with a dash.
    is_bullet = before.rpartition("\n")[2].strip() in ("-", "*", "•")
    if is_bullet or before.endswith(("->", "=>", ">>>")):
        return False
    return PART_OF_MORE.search(before) is not None


def _read_outcome(text: str, start: int, call: Call) -> Example | None:
    if raising := RAISES.match(text, call.end):
        if not is_meant(text, start, raising.end()):
            return None
        return Example(
            call.function,
            call.source,
            expected_error=raising[1],
            quoted=quote(text, start, raising.end()),
        )
    connector = CONNECTOR.match(text, call.end)
    if connector is None:
        return None
    literal = read_literal(text, connector.end(), loose=True)
    whole = whole_value(text, literal) if literal else None
    if whole is None or not is_meant(text, start, whole.end):
        return None
    return Example(
        call.function,
        call.source,
        whole.value,
        tolerance=tolerance_of(text, call.end, whole),
        quoted=quote(text, start, whole.end),
    )
