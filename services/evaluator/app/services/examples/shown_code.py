"""Finds the Python that a request shows: starter code, helpers, definitions in comments."""

import ast
import re
from collections.abc import Iterator
from itertools import islice

from services.common.answers.markdown import find_fenced_blocks
from services.evaluator.app.services.examples.literals import parse_statements

MAX_CHARACTERS = 20_000
MAX_LINES = 400
MAX_CHUNKS = 40
# A docstring may have lines at the left margin.
MAX_GROWTH = 8
CODE_START = re.compile(
    r"(?:async def |def |class |import |from \w[\w.]* import |@\w|[A-Z]\w{0,60}[ ]?=[ ]?[^=])"
)
CLOSING = (" ", "\t", ")", "]", "}")
INDENTATION = "    "
FENCE = ("```", "~~~")


def find_shown_code(text: str) -> tuple[ast.stmt, ...]:
    """Find the statements that a request shows, a definition without a body among them.

    What it shows in comments (`# class TreeNode:`) counts as well.
    """
    lines = text[:MAX_CHARACTERS].splitlines()[:MAX_LINES]
    found: list[ast.stmt] = []
    for piece in _pieces("\n".join(lines)):
        for chunk in (*_chunks(_uncommented(piece)), *_chunks(piece)):
            found += chunk
    return tuple(found[:MAX_CHUNKS])


def _pieces(text: str) -> Iterator[list[str]]:
    """Yield the lines outside of fences, indented code among them, and those of each fence."""
    blocks = find_fenced_blocks(text)
    outside = text.splitlines()
    for block in blocks:
        outside[block.first_line : block.end_line] = [FENCE[0]] * (
            block.end_line - block.first_line
        )
    yield outside
    if not any(map(CODE_START.match, outside)):
        yield [line[4:] if line.startswith(INDENTATION) else FENCE[0] for line in outside]
    for block in blocks:
        yield block.text.splitlines()


def _uncommented(lines: list[str]) -> list[str]:
    """Keep what stands in comments at the left margin."""
    return [line[1:].removeprefix(" ") if line.startswith("#") else FENCE[0] for line in lines]


def _chunks(lines: list[str]) -> Iterator[list[ast.stmt]]:
    """Yield the statements of each run of lines that begins as code does."""
    done = 0
    starts = (index for index, line in enumerate(lines) if CODE_START.match(line))
    for start in islice(starts, MAX_CHUNKS):
        index = start
        for _ in range(MAX_GROWTH if start >= done else 0):
            index += 1
            while index < len(lines) and (not lines[index] or lines[index].startswith(CLOSING)):
                index += 1
            source = lines[start:index]
            if nodes := parse_statements("\n".join(source)) or parse_statements(_filled(source)):
                done = index
                yield nodes
                break
            if index == len(lines) or lines[index].startswith(FENCE):
                break


def _filled(lines: list[str]) -> str:
    """Put a body under each line that opens a block and has nothing below it."""
    written: list[str] = []
    for index, line in enumerate(lines):
        written.append(line)
        code = line.partition("#")[0].rstrip()
        below = (later for later in lines[index + 1 :] if later.partition("#")[0].strip())
        depth = len(line) - len(line.lstrip())
        following = next(below, "")
        if code.endswith(":") and len(following) - len(following.lstrip()) <= depth:
            written.append(f"{' ' * depth}{INDENTATION}pass")
    return "\n".join(written)
