"""Recognises limits on the length of the answer."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Limit, Unit
from simulated_model.instructions.sentences import Clause

NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
} | {"a": 1, "single": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100}
NUMBER = rf"(?P<number>\d{{1,7}}|{'|'.join(NUMBERS)})"
UNIT = (
    r"(?P<unit>characters?|chars?|letters?|words?|lines?|sentences?|tokens?|자|글자|단어|줄|문장)"
)
UNITS = {
    Unit.CHARACTERS: ("char", "letter", "자", "글자"),
    Unit.WORDS: ("word", "token", "단어"),
    Unit.LINES: ("line", "줄"),
    Unit.SENTENCES: ("sentence", "문장"),
}
AT_MOST = (
    r"(?:at\s+most|no\s+more\s+than|not\s+more\s+than|(?:fewer|less|shorter)\s+than|no\s+longer\s+than|"
    r"not\s+(?:longer|exceed)(?:\s+than)?|up\s+to|under|below|within|max(?:imum)?(?:\s+of)?|exactly|"
    r"(?:limit\w*|keep|restrict\w*|cap\w*|cut|shorten)\b[^.;\d]{0,40}?\bto|not\s+exceed(?:ing)?|"
    r"(?:never|not|don't)\s+(?:use|write|exceed|output)(?:\s+more\s+than)?|in|using|with|only)"
)
LIMITS = (
    re.compile(rf"\b{AT_MOST}\s+(?:only\s+|just\s+|a\s+)?{NUMBER}[\s-]+{UNIT}\b", re.I),
    re.compile(
        rf"\b{NUMBER}[\s-]+{UNIT}\s+(?:or\s+(?:less|fewer)|max(?:imum)?|at\s+(?:the\s+)?most|only|"
        r"limit)\b",
        re.I,
    ),
    re.compile(
        r"(?P<number>\d{1,7})\s?(?P<unit>자|글자|단어|줄|문장)\s?"
        r"(?:이내|이하|안에|까지|로만|만|로)"
    ),
)
# Limits on a part of the answer, or on a line, aren't limits on the answer.
OF_A_PART = re.compile(
    r"\b(?:docstrings?|comments?|summary|summaries|names?|identifiers?|variables?|per\s+line|line\s+length|"
    r"explanations?|each\s+line|every\s+line|lines?\s+(?:\w+\s+){0,3}?(?:under|below|within|no\s+longer|at\s+most|"
    r"shorter|to|must|should)|indent\w*|functions?\s+(?:\w+\s+){0,2}?(?:under|below|within|at\s+most|to)|"
    r"at\s+least|headings?|input|strings?)\b",
    re.I,
)
AT_LEAST = ("at least", "minimum", "or more", "more than")
NEGATIONS = frozenset({"no", "not", "never", "don't"})
ONE_LINER = re.compile(
    r"\b(?:as|in|with|only|write)\s+(?:a\s+)?(?:one-liner|single\s+line|one\s+line)\b", re.I
)


def find_limits(clause: Clause) -> Iterator[Directive]:
    """Find the greatest lengths that a clause sets for the whole answer."""
    if OF_A_PART.search(clause.masked):
        return
    for pattern in LIMITS:
        for match in pattern.finditer(clause.masked):
            until_here = clause.masked[: match.end()].lower().split()
            told = " ".join(match[0].lower().split())
            if any(words in told for words in AT_LEAST) and NEGATIONS.isdisjoint(until_here):
                continue
            unit, number = match["unit"].lower(), match["number"].lower()
            kind = next(kind for kind, words in UNITS.items() if unit.startswith(words))
            count = int(number) if number.isdecimal() else NUMBERS[number]
            limits = (Limit(kind, max(1, count)),)
            yield Directive(clause.position + match.start(), {"limits": limits})
    one_liner = ONE_LINER.search(clause.masked)
    if one_liner and not clause.is_negated(*one_liner.span()):
        yield Directive(clause.position + one_liner.start(), {"limits": (Limit(Unit.LINES, 1),)})
