"""Finds the fenced blocks of a text, as CommonMark has them, and as models bend it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

# What a level costs is paid on every line.
MAX_NESTING = 8
MAX_BLOCKS = 20
MAX_OTHER_ENDS = 8
_PARSER = (
    MarkdownIt("zero", {"maxNesting": MAX_NESTING})
    .enable(["blockquote", "code", "fence", "heading", "hr", "list"])
    .disable("inline")
)
# A quote ends at the first line without its sign: where lines below it might go on with its
# paragraph, each quote looks through all of them, which takes the square of the time.
_PARSER.block.ruler.before(
    "code", "quote_end", lambda _state, _line, _end, silent: silent, {"alt": ["blockquote"]}
)
FENCE_LINE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*\S", re.M)
# No-break, zero-width and other blanks at a line's ends, where they are only layout.
ODD_BLANK = "\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
MARGIN = re.compile(rf"^[ \t{ODD_BLANK}]+|[{ODD_BLANK}][ \t{ODD_BLANK}]*$", re.M)
WIDTHLESS = re.compile("[\u200b-\u200d\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """A fenced block.

    Attributes:
        info: What stands after the opening fence, stripped; empty where nothing does.
        text: The lines between the fences, without the indentation of what holds the block.
        first_line: Index of the line of the opening fence.
        end_line: Index of the line after the block.
    """

    info: str
    text: str
    first_line: int
    end_line: int


def find_fenced_blocks(
    text: str, makes_sense: Callable[[FencedBlock], bool] = lambda _block: True
) -> list[FencedBlock]:
    """Find the fenced blocks of a text, in order; one that is left open runs to the end.

    A block that makes no sense as CommonMark cuts it may end at another fence, which stands in a
    docstring or behind the last line, or may hold blocks itself: a fence around the whole answer.

    Args:
        makes_sense: Tells whether a block is whole; at most a few readings of each are tried.
    """
    return _find(straighten(text).split("\n"), makes_sense, depth=2)


def find_indented_blocks(text: str) -> list[str]:
    """Find what CommonMark takes for code since it is indented."""
    return [
        token.content for token in _PARSER.parse(straighten(text)) if token.type == "code_block"
    ]


def straighten(text: str) -> str:
    """Write line ends as one character, and the blanks at both ends of a line as spaces."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return MARGIN.sub(_to_spaces, text)


def _to_spaces(margin: re.Match[str]) -> str:
    return re.sub(f"[{ODD_BLANK}]", " ", WIDTHLESS.sub("", margin[0]))


def _find(
    lines: list[str], makes_sense: Callable[[FencedBlock], bool], *, depth: int
) -> list[FencedBlock]:
    blocks: list[FencedBlock] = []
    start = 0
    if not any("```" in line or "~~~" in line for line in lines):
        return blocks
    while start < len(lines) and len(blocks) < MAX_BLOCKS:
        resumed = len(lines)
        for token in _PARSER.parse("\n".join(lines[start:])):
            if token.type not in ("fence", "code_block") or not token.map:
                continue
            first, end = token.map
            block = FencedBlock(token.info.strip(), token.content, first + start, end + start)
            found, resumed_at = _settle(block, token, lines, makes_sense, depth)
            blocks += found
            if resumed_at != block.end_line or len(blocks) >= MAX_BLOCKS:
                resumed = resumed_at
                break
        start = resumed
    return blocks[:MAX_BLOCKS]


def _settle(
    block: FencedBlock,
    token: Token,
    lines: list[str],
    makes_sense: Callable[[FencedBlock], bool],
    depth: int,
) -> tuple[list[FencedBlock], int]:
    """Find which blocks one block is, and the line after them."""
    is_fence = token.type == "fence"
    if is_fence and makes_sense(block):
        return [block], block.end_line
    others = _other_ends(block, token.markup, lines) if is_fence else ()
    for other in others:
        if makes_sense(other):
            return [other], other.end_line
    inner: list[FencedBlock] = []
    if depth and FENCE_LINE.search(block.text):
        first = block.first_line + is_fence
        inner = [
            replace(one, first_line=one.first_line + first, end_line=one.end_line + first)
            for one in _find(block.text.split("\n"), makes_sense, depth=depth - 1)
        ]
    if any(makes_sense(one) for one in inner) or not is_fence:
        return inner, block.end_line
    return [block], block.end_line


def _other_ends(block: FencedBlock, fence: str, lines: list[str]) -> Iterator[FencedBlock]:
    """Let a block end at each other line that ends with its fence, the nearest ones first."""
    first = block.first_line + 1
    margin = len(lines[first]) - len(block.text.partition("\n")[0]) if first < len(lines) else 0
    tried = 0
    for index in range(first, len(lines)):
        before, found, _ = lines[index].rstrip().rpartition(fence)
        if not found or not lines[index].rstrip().endswith(fence) or index + 1 == block.end_line:
            continue
        inside = [line[margin:] for line in (*lines[first:index], before.rstrip("`~"))]
        yield replace(block, text="\n".join(inside).rstrip(" "), end_line=index + 1)
        tried += 1
        if tried == MAX_OTHER_ENDS:
            return
