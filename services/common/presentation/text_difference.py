"""What differs between two prompts' texts, safe to show."""

import difflib

from services.common.presentation.visible_text import make_visible


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


def list_changes(before: str, after: str) -> list[str]:
    """Return the lines that were removed and added, each after its `-` or `+`."""
    difference = compare_texts(before, after, context_lines=0)[2:]
    return [line for line in difference if line[:1] in ("-", "+")]
