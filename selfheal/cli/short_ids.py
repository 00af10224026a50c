"""Reads ids that a command is given by their first digits."""

from uuid import UUID

from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.presentation.short_ids import parse_id_range


def parse_short_id(text: str, *, least: int, of: str, see: str) -> tuple[UUID, UUID]:
    """Return the first and the last id of something that begin with these digits.

    Raises:
        EmbeddedRuntimeError: If it is no such id; says which command to `see` for one.
    """
    try:
        return parse_id_range(text, least=least, of=of)
    except ValueError as error:
        raise EmbeddedRuntimeError(
            str(error), remedy=f"Give its first {least} digits, or more: {see}"
        ) from None
