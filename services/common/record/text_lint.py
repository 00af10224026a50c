"""Tells why a text can't serve as a prompt, whoever wrote it. Pure."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from services.common.chat.variables import find_variables

MAX_BYTES: Final = 16 * 1024
# What `selfheal erase` leaves in the place of a person's words.
ERASED: Final = "[erased]"
_UNWANTED_CATEGORIES: Final = ("Cc", "Cf", "Co", "Cs")


def find_unservable(content: str, *, incumbent: str, variables: Sequence[str]) -> str:
    """Tell why a person's text mustn't be run, as the end of a sentence; empty where it may.

    Args:
        incumbent: The text in whose place it would serve.
        variables: Names that requests give values for, where the task type declares any.
    """
    return (
        find_blank(content)
        or find_unwanted_character(content)
        or find_changed_variable(content, incumbent, variables)
        or find_excess(content, MAX_BYTES)
    )


def find_blank(content: str) -> str:
    """Refuse a text that says nothing."""
    return "" if content.strip() else "it is blank"


def find_unwanted_character(content: str) -> str:
    """Refuse characters that can't be seen, NUL and lone surrogates among them."""
    for character in content:
        if character not in "\n\t" and unicodedata.category(character) in _UNWANTED_CATEGORIES:
            return f"it has the character U+{ord(character):04X}"
    return ""


def find_changed_variable(content: str, incumbent: str, variables: Sequence[str]) -> str:
    """Refuse a text without a variable of the incumbent's, or with one that no request gives."""
    if not variables:
        return ""
    used, known = find_variables(content), find_variables(incumbent)
    if dropped := known.intersection(variables) - used:
        return f"it drops the variable {{{{{min(dropped)}}}}}"
    added = used.difference(variables)
    return f"it has the variable {{{{{min(added)}}}}}, which no request gives" if added else ""


def find_erased(content: str, incumbent: str) -> str:
    """Refuse a text that lost words to `selfheal erase`: it isn't what once served or was tried."""
    is_torn = ERASED in content and ERASED not in incumbent
    return "it lost words to selfheal erase" if is_torn else ""


def find_excess(content: str, limit: int) -> str:
    """Refuse a text of more bytes than these."""
    size = len(content.encode("utf-8", "replace"))
    return f"it is over {limit} bytes" if size > limit else ""
