"""Reads ids that are given by their first digits."""

import re
from uuid import UUID

from services.common.presentation.visible_text import make_visible_line

UUID_DIGITS = 32


def parse_id_range(text: str, *, least: int, of: str) -> tuple[UUID, UUID]:
    """Return the first and the last id of something that begin with these digits.

    Raises:
        ValueError: If it is no such id; the message is a sentence for whoever gave it.
    """
    digits = text.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{least},{UUID_DIGITS}}}", digits):
        raise ValueError(f"{make_visible_line(text)[:80]!r} is not the id of {of}.")
    return UUID(digits.ljust(UUID_DIGITS, "0")), UUID(digits.ljust(UUID_DIGITS, "f"))
