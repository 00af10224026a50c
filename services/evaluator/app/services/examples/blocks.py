"""Finds examples in blocks of lines: assignments, steps in between, then what is returned."""

import re

from services.evaluator.app.services.examples.example import (
    HEADING,
    Example,
    Found,
    line_offsets,
    quote,
)
from services.evaluator.app.services.examples.literals import Literal, read_literal

MAX_LINES = 400
MAX_BLOCK_LINES = 10
MAX_LINE_CHARACTERS = 500
MAX_ARGUMENTS = 6
HEADING_DISTANCE = 2
LABEL = re.compile(
    r"\s*(?:[-*•]\s+)?(?:(?:for\s+)?(?:example|e\.g\.|case|예시?|예제)\s*\d{0,2}\s*[:.)]?\s*)?",
    re.I,
)
ASSIGNMENT = re.compile(r"(?:\s*[,;]\s*)?([A-Za-z_]\w{0,40})\s*=\s*(?!=)", re.ASCII)
STEP_MARKS = ("->", "-->", "=>", "==>", "→", "#", "//")
OUTCOME = re.compile(
    r"\s*(?:(?:[-=]{1,2}>|→|#)\s*)?(?:the\s+)?(?:function\s+)?(?:should\s+)?"
    r"(?:returns?|results?|outputs?|answer|expected(?:\s+output)?|출력|결과|반환)"
    r"(?:\s*(?:=|:|is|should\s+be|[-=]{1,2}>|→))?\s+(?:is\s+)?|"
    r"\s*(?:returns?|results?|outputs?|answer|출력|결과|반환)\s*[=:]\s*",
    re.I,
)
OUTCOME_NAMES = frozenset(
    {"result", "results", "output", "outputs", "answer", "expected", "return"}
)


def find_block_examples(text: str) -> list[Found]:
    """Find every block below a line that announces an example."""
    lines = text.split("\n")[:MAX_LINES]
    offsets = line_offsets(lines)
    found: list[Found] = []
    index = 0
    while index < len(lines):
        block = _read_block(lines, index) if _is_announced(lines, index) else None
        if block is None:
            index += 1
            continue
        names, sources, value, end = block
        words = " ".join(lines[index:end])
        example = Example(
            "",
            ", ".join(sources),
            value.value,
            names=names,
            loose=True,
            quoted=quote(words, 0, len(words)),
        )
        found.append((offsets[index], example))
        index = end
    return found


def _is_announced(lines: list[str], index: int) -> bool:
    if index and ASSIGNMENT.match(lines[index - 1].lstrip()):
        # It would begin in the middle of another.
        return False
    above = lines[max(0, index - HEADING_DISTANCE) : index]
    return HEADING.match(lines[index][:MAX_LINE_CHARACTERS].lstrip()) is not None or any(
        HEADING.search(line[:MAX_LINE_CHARACTERS]) for line in above
    )


def _read_block(
    lines: list[str], index: int
) -> tuple[tuple[str, ...], tuple[str, ...], Literal, int] | None:
    """Read a block: names and sources of the arguments, the value, and the line after it."""
    names: list[str] = []
    sources: list[str] = []
    for position in range(index, min(index + MAX_BLOCK_LINES, len(lines))):
        line = lines[position]
        if len(line) > MAX_LINE_CHARACTERS:
            return None
        given = None if position > index and not names else _read_assignments(line)
        if given is not None and not {name.lower() for name, _ in given} & OUTCOME_NAMES:
            if any(map(_is_step, lines[index:position])):
                return None
            names += [name for name, _ in given]
            sources += [source for _, source in given]
        elif not names:
            return None
        elif outcome := _read_outcome(line):
            is_one_call = len(set(names)) == len(names) <= MAX_ARGUMENTS
            block = (tuple(names), tuple(sources), outcome, position + 1)
            return block if is_one_call else None
        elif line.strip() and not _is_step(line):
            return None
    return None


def _read_assignments(line: str) -> list[tuple[str, str]] | None:
    """Read names and literals of a line that holds nothing but assignments."""
    label = LABEL.match(line)
    position = label.end() if label else 0
    given: list[tuple[str, str]] = []
    while assignment := ASSIGNMENT.match(line, position):
        literal = read_literal(line, assignment.end())
        if literal is None:
            return None
        given.append((assignment[1], literal.source))
        position = literal.end
    return given if given and _is_rest(line[position:]) else None


def _read_outcome(line: str) -> Literal | None:
    opening = OUTCOME.match(line)
    literal = read_literal(line, opening.end(), loose=True) if opening else None
    return literal if literal and _is_rest(line[literal.end :]) else None


def _is_step(line: str) -> bool:
    """Whether a line shows a step on the way from the arguments to the value."""
    return line.lstrip().startswith(STEP_MARKS)


def _is_rest(text: str) -> bool:
    """Whether nothing follows on a line but its end, a comment or a remark in brackets."""
    rest = text.strip()
    return rest in ("", ".", ";") or rest.startswith(("#", "//", "("))
