"""Refines what a user typed into the request that the Worker gets; no I/O, no model.

What it does: Unicode to NFC, characters that can't be seen out, whitespace tidied, and, where code
is asked for without a language or a form of answer, one last line that states them. Refining what
is refined changes nothing.

What it leaves alone, and why:
- Code, fenced or between backticks, byte for byte: there a tab or a zero-width space may be the
  very point. A block that nothing closes is code to the end, and gets no last line.
- Indentation, tabs, and spaces in quotation marks: people paste code and tables without fences.
- A text without a word: there is no request in it to add anything to.
- Wording, courtesies, spelling, punctuation: meaning is the model's business.
"""

import re

from services.manager.app.services.refinement.characters import (
    clean_characters,
    collapse_whitespace,
)
from services.manager.app.services.refinement.code import split_code
from services.manager.app.services.refinement.defaults import add_code_defaults

CODE_GENERATION = "code_generation"
DEFAULT_LANGUAGE = "Python"

_WORD_CHARACTER = re.compile(r"\w")


def refine(user_input: str, *, task_type: str, language: str = DEFAULT_LANGUAGE) -> str:
    """Refine a user's input; idempotent, and linear in its length.

    Args:
        task_type: `code_generation` gets defaults for language and form.
        language: The language to state; empty to leave it to the prompt.

    Returns:
        The refined request. It is empty only if the input has nothing to see in it. It is
        longer than the input by the last line at most, save for the few characters that NFC
        writes as two or three.
    """
    parts, has_open_block = split_code(user_input)
    parts[::2] = [collapse_whitespace(clean_characters(prose)) for prose in parts[::2]]
    parts[0] = parts[0].lstrip()
    parts[-1] = parts[-1].rstrip()
    _keep_backticks_apart(parts)
    request = "".join(parts)
    if task_type == CODE_GENERATION and not has_open_block and _WORD_CHARACTER.search(request):
        return add_code_defaults(request, language=language)
    return request


def _keep_backticks_apart(parts: list[str]) -> None:
    """Put a space where dropped characters let the backticks of two parts meet."""
    for index in range(0, len(parts), 2):
        before = parts[index - 1] if index else ""
        after = parts[index + 1] if index + 1 < len(parts) else ""
        if before.endswith("`") and (parts[index] or after).startswith("`"):
            parts[index] = f" {parts[index]}"
        if parts[index].endswith("`") and after.startswith("`"):
            parts[index] = f"{parts[index]} "
