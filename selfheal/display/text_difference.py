"""Lays out in a terminal what differs between two prompts' texts."""

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text


def show_difference(lines: list[str], console: Console) -> Syntax | Text:
    """Lay out the lines of a diff: with colours in a terminal, as they are elsewhere."""
    text = "\n".join(lines)
    if console.is_terminal:
        return Syntax(text, "diff", background_color="default", word_wrap=True)
    return Text(text)
