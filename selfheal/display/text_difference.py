"""What differs between two prompts' texts, safe to show in a terminal."""

import difflib

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from selfheal.display.visible_text import make_visible


def compare_texts(
    before: str, after: str, *, before_name: str = "", after_name: str = "", context_lines: int = 3
) -> list[str]:
    """Return the lines of a unified diff; none where the texts are the same."""
    return list(
        difflib.unified_diff(
            make_visible(before).splitlines(),
            make_visible(after).splitlines(),
            before_name,
            after_name,
            lineterm="",
            n=context_lines,
        )
    )


def show_difference(lines: list[str], console: Console) -> Syntax | Text:
    """Lay out the lines of a diff: with colours in a terminal, as they are elsewhere."""
    text = "\n".join(lines)
    if console.is_terminal:
        return Syntax(text, "diff", background_color="default", word_wrap=True)
    return Text(text)


def list_changes(before: str, after: str) -> list[str]:
    """Return the lines that were removed and added, each after its `-` or `+`."""
    difference = compare_texts(before, after, context_lines=0)[2:]
    return [line for line in difference if line[:1] in ("-", "+")]
