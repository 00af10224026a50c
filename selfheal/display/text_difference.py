"""What differs between two prompts' texts, safe to show in a terminal."""

import difflib

from selfheal.display.visible_text import make_visible


def compare_texts(
    before: str, after: str, *, before_name: str = "", after_name: str = "", context_lines: int = 3
) -> list[str]:
    """The lines of a unified diff; none where the texts are the same."""
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


def list_changes(before: str, after: str) -> list[str]:
    """The lines that were taken out and put in, each behind its `-` or `+`."""
    difference = compare_texts(before, after, context_lines=0)[2:]
    return [line for line in difference if line[:1] in ("-", "+")]
