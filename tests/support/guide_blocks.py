"""The runnable commands of a Markdown document, and the output that it promises.

A fenced block that a test runs follows the comment `<!-- run: docker -->` or `<!-- run: local -->`.
The next fenced block, if it follows `<!-- expect -->`, is what the output must hold: each of its
lines, in order, with anything between them; `…` stands for any text within a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MARKER: Final = re.compile(r"^<!--\s*(?:run:\s*(docker|local)|(expect))\s*-->$")
_FENCE: Final = re.compile(r"^(`{3,})\s*(\w*)\s*$")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*)$")
ANY_TEXT: Final = "…"


class GuideError(Exception):
    """The document's markers don't fit its blocks."""


@dataclass(frozen=True)
class GuideBlock:
    """A block of commands.

    Attributes:
        kind: `docker` or `local`: what it takes to run it.
        script: The commands.
        expected: Lines that the output must hold, in order.
        heading: The heading that it stands under.
        line: Number of its first line in the document, from 1.
    """

    kind: str
    script: str
    expected: tuple[str, ...]
    heading: str
    line: int

    @property
    def name(self) -> str:
        """Name of the block in a test's id."""
        return f"line {self.line}: {self.heading}"


@dataclass(frozen=True)
class _Fence:
    marker: str
    text: str
    heading: str
    line: int


def parse_guide(text: str) -> list[GuideBlock]:
    """Read the runnable blocks of a document, in order.

    Raises:
        GuideError: If a marker has no block, or an expectation no commands before it.
    """
    blocks: list[GuideBlock] = []
    for fence in _find_fences(text):
        if fence.marker == "expect":
            if not blocks or blocks[-1].expected:
                raise GuideError(f"line {fence.line}: nothing is run before this expectation")
            expected = tuple(line.rstrip() for line in fence.text.splitlines() if line.strip())
            last = blocks.pop()
            blocks.append(GuideBlock(last.kind, last.script, expected, last.heading, last.line))
        elif fence.marker:
            blocks.append(GuideBlock(fence.marker, fence.text, (), fence.heading, fence.line))
    return blocks


def find_missing_line(expected: tuple[str, ...], output: str) -> str | None:
    """Find the first expected line that the output doesn't hold after the ones before it."""
    lines = iter(output.splitlines())
    for wanted in expected:
        pattern = re.compile(
            r"\s*" + ".*".join(re.escape(part) for part in wanted.strip().split(ANY_TEXT)) + r"\s*"
        )
        if not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None


def _find_fences(text: str) -> Iterator[_Fence]:
    heading = marker = ""
    opened: tuple[str, int] | None = None
    content: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if opened is not None:
            if line.strip() == opened[0]:
                yield _Fence(marker, "\n".join(content) + "\n", heading, opened[1])
                opened, marker = None, ""
            else:
                content.append(line)
        elif found := _MARKER.match(line.strip()):
            if marker:
                raise GuideError(f"line {number}: the marker before this one has no block")
            marker = found[1] or found[2]
        elif fence := _FENCE.match(line):
            opened, content = (fence[1], number), []
        elif title := _HEADING.match(line):
            heading = title[1]
        elif marker and line.strip():
            raise GuideError(f"line {number}: a block must follow its marker at once")
    if marker or opened:
        raise GuideError("the document ends within a block, or after a marker")
