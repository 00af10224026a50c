"""Cuts a prompt into sentences and clauses, and tells which of their words are negated."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = "\N{OBJECT REPLACEMENT CHARACTER}"
QUOTED = re.compile(
    r"\"([^\"\n]{0,500})\"|“([^”\n]{0,500})”|‘([^’\n]{0,500})’|«([^»\n]{0,500})»"
    r"|「([^」\n]{0,500})」|『([^』\n]{0,500})』|(?<!`)`([^`\n]{1,500})`(?!`)"
    r"|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w)){1,500})'(?!\w)"
)
BULLET = re.compile(r"^\s*(?:[-*•+>#]+|\d{1,3}[.)])\s+|^\s*[#>*]+")
SENTENCE_END = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<=[.!?])[\"')\]*]*\s+|(?<=[。！？])")  # noqa: RUF001
ENDS_SENTENCE = re.compile(r"[.!?:;。]\W*$")

MAX_SENTENCE_CHARACTERS = 600

IMPERATIVE = (
    r"(?:always|only|just|simply|instead|never|please|use|answer|reply|respond|return|write|"
    r"explain|describe|output|give|keep|provide|include|add|leave|put|say|print|make|define|"
    r"handle|produce|generate|show|speak|talk|refuse|end|start|begin|you|do|don't|wrap|avoid)\b"
)
CLAUSE_END = re.compile(
    r"[;()]|\s[-–—]+\s|—|(?<!nothing )(?<!anything )\bbut\b|\binstead\b(?! of)|\botherwise\b"
    rf"|\bhowever\b|,\s*(?:and\s+|or\s+)?(?={IMPERATIVE})|\band\s+(?={IMPERATIVE})"
    r"|,\s*(?=not\b|no\b|never\b|without\b|rather\b|whatever\b|even\b|regardless\b)|(?<!말)고,?\s+|되,?\s+",
    re.I,
)
NEGATOR = re.compile(
    r"\b(?:(?:do|does|must|should|shall|will|may|need|are|is|can)\s+not|(?:do|does|must|should|wo|"
    r"is|are|ca|need)n't|dont|cannot|never|not(?!\s+only)|without|avoid(?:ing)?|neither|nor|stop|"
    r"refrain|instead\s+of|rather\s+than|skip(?:ping)?|omit(?:ting)?|drop|free\s+of|forget|fail|"
    r"no(?!\s+(?:matter|more|less|fewer|exceptions?|longer|doubt|other|later))|exclude|"
    r"zero|leave\s+out|forbidden\s+to|refuse\s+to)\b",
    re.I,
)
# What a further negation of the same kind follows: "no comments and | no examples".
ANOTHER_NEGATION = re.compile(
    r"(?:,|\b(?:and|or)\b),?\s+(?=(?:no|not|never|without|neither|don't|do\s+not)\b)|(?=\bnor\b)",
    re.I,
)
NEGATED_AFTER = re.compile(
    r"^[^.;,]{0,40}?(?:\b(?:is|are|must be|should be)\s+(?:strictly\s+)?(?:forbidden|prohibited|"
    r"banned|not allowed|not needed|unnecessary|avoided|omitted|left out|disallowed)\b)"
    r"|^[^.;,]{0,14}?(?:지\s*(?:마|말|않)|금지|없이|빼고|말고|아니라|는 안)",
    re.I,
)
CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|in case|should the|while)\b|(?:으면|하면|라면|경우)", re.I
)
# Conditions that a request for code always meets, or that ask for as much as can be done.
MET_CONDITION = re.compile(
    r"\b(?:if|when(?:ever)?|in case)\s+(?:(?:it is|it's|ever|at all)\s+)?(?:possible|applicable|"
    r"appropriate|needed|available|sensible|useful|helpful|necessary|you (?:write|answer|reply|"
    r"respond)|writing|answering|replying|responding|generating|producing|asked (?:for|to|about|"
    r"any|some|a)|(?:the|a) user (?:asks|says|wants|requests|writes|sends|messages)|(?:some|any)"
    r"(?:one|body)|they ask|you are asked|you're asked)\b"
    r"(?!\s+(?:for|about)\s+(?:something|anything)\s+(?:else|other|un|off))",
    re.I,
)
UNMET_CONDITION = re.compile(
    r"\b(?:unclear|ambiguous|unsure|not|no|un\w+|invalid|harmful|illegal|dangerous|empty|wrong|"
    r"missing|else|impossible|off-topic|other than|greet\w*|thank\w*|weather|poems?|jokes?|"
    r"explanations?|help|opinion|instead)\b|n't\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence, or a part of one as far as one negation reaches, and its offset in the prompt.

    In `masked`, quoted text is replaced by marks.
    """

    position: int
    text: str
    masked: str

    def is_negated(self, start: int, end: int) -> bool:
        """Whether an odd number of negations apply to the words from `start` to `end`.

        "No this and no that" denies both, since each has a negation of its own.
        """
        before = self.masked[:start]
        own = max((match.end() for match in ANOTHER_NEGATION.finditer(before)), default=0)
        negations = len(NEGATOR.findall(before[own:]))
        negations += NEGATED_AFTER.search(self.masked[end:]) is not None
        return negations % 2 == 1


def split_sentences(text: str) -> Iterator[Clause]:
    """Split a prompt into sentences, line by line, bullets taken off.

    A line that begins in lower case goes on with the sentence of the line before.
    """
    text = text.replace("’", "'")
    position = 0
    paragraph, start = "", 0
    for line in text.split("\n"):
        begins = line.lstrip()[:1]
        goes_on = begins == "(" or (begins.isascii() and begins.islower())
        if paragraph and goes_on and not ENDS_SENTENCE.search(paragraph):
            paragraph += " " + line.lstrip()
        else:
            yield from _split_line(paragraph, start)
            paragraph, start = line, position
        position += len(line) + 1
    yield from _split_line(paragraph, start)


def _split_line(line: str, position: int) -> Iterator[Clause]:
    bullet = BULLET.match(line)
    begin = bullet.end() if bullet else 0
    masked = QUOTED.sub(_mask, line)
    for boundary in [*SENTENCE_END.finditer(masked, begin), None]:
        end = boundary.start() if boundary else len(line)
        for cut in range(begin, end, MAX_SENTENCE_CHARACTERS):
            part = slice(cut, min(end, cut + MAX_SENTENCE_CHARACTERS))
            if line[part].strip():
                yield Clause(position + cut, line[part], masked[part])
        begin = boundary.end() if boundary else end


def _mask(match: re.Match[str]) -> str:
    quoted = match.group()
    return quoted[0] + MASK * (len(quoted) - 2) + quoted[-1]


def split_clauses(sentence: Clause) -> Iterator[Clause]:
    """Split a sentence into clauses; those under an unmet condition are left out."""
    begin = 0
    is_first = True
    for boundary in [*CLAUSE_END.finditer(sentence.masked), None]:
        end = boundary.start() if boundary else len(sentence.text)
        masked = sentence.masked[begin:end]
        if masked.strip():
            if is_unmet(masked):
                if is_first and CONDITION.match(masked.strip()):
                    head, otherwise, rest = sentence.masked.partition("otherwise")
                    if otherwise:
                        start = len(head) + len(otherwise)
                        yield Clause(sentence.position + start, sentence.text[start:], rest)
                    return
            else:
                yield Clause(sentence.position + begin, sentence.text[begin:end], masked)
            is_first = False
        begin = boundary.end() if boundary else end


def is_unmet(clause: str) -> bool:
    """Whether a clause depends on a condition that a plain request for code doesn't meet."""
    condition = CONDITION.search(clause)
    if condition is None:
        return False
    told = clause[condition.start() :]
    return MET_CONDITION.search(told) is None or UNMET_CONDITION.search(told) is not None
