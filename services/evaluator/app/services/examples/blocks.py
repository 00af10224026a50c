"""Examples that are a block of lines: assignments, steps in between, then what is returned."""

import re

from services.evaluator.app.services.examples.example import Example, line_offsets, quote
from services.evaluator.app.services.examples.literals import Literal, read_literal

MAX_LINES = 400
MAX_BLOCK_LINES = 10
MAX_LINE_CHARACTERS = 500
MAX_ARGUMENTS = 6
HEADING = re.compile(
    r"\bexamples?\b|\be\.\s?g\.|\bfor instance\b|예시|예를 들|예제|^\s*예\s*[:)]", re.I
)
HEADING_DISTANCE = 2
LABEL = re.compile(
    r"\s*(?:[-*•]\s+)?(?:(?:for\s+)?(?:example|e\.g\.|case|예시?|예제)\s*\d{0,2}\s*[:.)]?\s*)?",
    re.I,
)
ASSIGNMENT = re.compile(r"([A-Za-z_]\w{0,40})\s*=\s*(?!=)", re.ASCII)
JOINT = re.compile(r"\s*[,;]\s*(?=[A-Za-z_]\w{0,40}\s*=)")
STEP = re.compile(r"\s*(?:[-=]{1,2}>|→|#|//)")
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
REST = re.compile(r"\s*(?:[.;]|(?:#|//|\().*)?\s*$")

Found = tuple[int, Example]


def find_block_examples(text: str) -> list[Found]:
    """All blocks below a line that announces an example; their arguments in order."""
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
    """Names and sources of the arguments, the value, and the line after the block."""
    names: list[str] = []
    sources: list[str] = []
    for position in range(index, min(index + MAX_BLOCK_LINES, len(lines))):
        line = lines[position]
        if len(line) > MAX_LINE_CHARACTERS:
            return None
        given = None if position > index and not names else _read_assignments(line)
        if given is not None and not {name.lower() for name, _ in given} & OUTCOME_NAMES:
            if any(STEP.match(earlier) for earlier in lines[index:position]):
                return None
            names += [name for name, _ in given]
            sources += [source for _, source in given]
        elif not names:
            return None
        elif outcome := _read_outcome(line):
            is_one_call = len(set(names)) == len(names) <= MAX_ARGUMENTS
            block = (tuple(names), tuple(sources), outcome, position + 1)
            return block if is_one_call else None
        elif line.strip() and not STEP.match(line):
            return None
    return None


def _read_assignments(line: str) -> list[tuple[str, str]] | None:
    """Names and literals of a line that holds nothing but assignments."""
    label = LABEL.match(line)
    position = label.end() if label else 0
    given: list[tuple[str, str]] = []
    while assignment := ASSIGNMENT.match(line, position):
        literal = read_literal(line, assignment.end())
        if literal is None:
            return None
        given.append((assignment[1], literal.source))
        joint = JOINT.match(line, literal.end)
        position = joint.end() if joint else literal.end
        if joint is None:
            break
    return given if given and REST.match(line, position) else None


def _read_outcome(line: str) -> Literal | None:
    opening = OUTCOME.match(line)
    literal = read_literal(line, opening.end(), loose=True) if opening else None
    return literal if literal and REST.match(line, literal.end) else None
