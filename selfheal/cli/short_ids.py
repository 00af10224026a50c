"""Reads ids that are given by their first digits."""

import re
from uuid import UUID

from selfheal.display.visible_text import make_visible_line
from selfheal.runtime.errors import EmbeddedRuntimeError

UUID_DIGITS = 32


def parse_short_id(text: str, *, least: int, of: str, see: str) -> tuple[UUID, UUID]:
    """Return the first and the last id of something that begin with these digits.

    Raises:
        EmbeddedRuntimeError: If it is no such id; says which command to `see` for one.
    """
    digits = text.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{least},{UUID_DIGITS}}}", digits):
        raise EmbeddedRuntimeError(
            f"{make_visible_line(text)[:80]!r} is not the id of {of}.",
            remedy=f"Give its first {least} digits, or more: {see}",
        )
    return UUID(digits.ljust(UUID_DIGITS, "0")), UUID(digits.ljust(UUID_DIGITS, "f"))
