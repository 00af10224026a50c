"""Moments that are named on the command line."""

from datetime import datetime
from typing import Annotated, Final

import typer

EXAMPLES: Final = "2026-01-01, 2026-01-01T08:00 or 2026-01-01T08:00+09:00"


def _read_moment(text: str) -> datetime:
    """Read a day or a moment, of this machine's zone where it names none.

    Raises:
        BadParameter: If it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} is no day and no moment. Write it as one of: {EXAMPLES}."
        ) from error


Since = Annotated[
    datetime | None,
    typer.Option(
        help="Not before: 2026-01-01 or 2026-01-01T08:00, in this machine's zone.",
        parser=_read_moment,
        metavar="TIME",
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        help="Before, likewise; that moment isn't in it.", parser=_read_moment, metavar="TIME"
    ),
]
