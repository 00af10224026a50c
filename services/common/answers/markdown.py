"""Finds the fenced blocks of a text, as CommonMark has them."""

from dataclasses import dataclass

from markdown_it import MarkdownIt

MAX_NESTING = 20
_PARSER = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).disable("inline")


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


def find_fenced_blocks(text: str) -> list[FencedBlock]:
    """Find the fenced blocks of a text, in order; one that is left open runs to the end."""
    return [
        FencedBlock(token.info.strip(), token.content, *token.map)
        for token in _PARSER.parse(text)
        if token.type == "fence" and token.map
    ]
