"""Reads ids that are given by their first digits."""

import re

from selfheal.display.visible_text import make_visible_line
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.optimizer.app.services.record.stored_runs import UUID_DIGITS


def parse_digits(text: str, *, least: int, of: str, see: str) -> str:
    """Return the hexadecimal digits of an id of something, or of its beginning.

    Raises:
        EmbeddedRuntimeError: If it is no such id; says which command to `see` for one.
    """
    digits = text.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{least},{UUID_DIGITS}}}", digits):
        raise EmbeddedRuntimeError(
            f"{make_visible_line(text)[:80]!r} is not the id of {of}.",
            remedy=f"Give its first {least} digits, or more: {see}",
        )
    return digits
