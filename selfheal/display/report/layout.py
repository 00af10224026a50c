"""What the parts of a run's report are laid out with: sections, tables, figures in words."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfheal.display.verdict_rendering import INDENT, heading
from services.common.presentation.detail_reading import Detail, read_number, show_line


def section(title: str, lines: Sequence[str]) -> Iterator[RenderableType]:
    """Lay out a heading with its lines; nothing where there are none."""
    shown = [line for line in lines if line]
    if shown:
        yield heading(title)
        for line in shown:
            yield Padding(Text(line), INDENT)


def make_table(*columns: tuple[str, str]) -> Table:
    """Make a table of narrow columns that keep their width; a column added later takes the rest.

    Args:
        columns: Titles, and `r` for those that are flush right.
    """
    made = Table(box=None, pad_edge=False, expand=True)
    for title, side in columns:
        made.add_column(title, justify="right" if side == "r" else "left", no_wrap=True)
    return made


def against(
    record: Detail, ours: str, theirs: str, *, digits: int = 0, of: float | None = None
) -> str:
    """Say a count before and after, as `0 -> 6 of 6`."""
    after, before = read_number(record, ours), read_number(record, theirs)
    if after is None and before is None:
        return ""
    shown = (f"{one:.{digits}f}" if one is not None else "?" for one in (before, after))
    return " -> ".join(shown) + (f" of {of:g}" if of is not None else "")


def pair_counts(record: Detail) -> str:
    """Say how many pairs were won and lost."""
    wins, losses = read_number(record, "wins"), read_number(record, "losses")
    return f"{wins:g}/{losses:g}" if wins is not None and losses is not None else ""


def and_more(count: int, shown: int) -> str:
    """Say how many more there are than are shown; nothing where all are."""
    return f", and {count - shown} more" if count > shown else ""


def more_line(count: int, shown: int, *, what: str = "") -> Iterator[RenderableType]:
    """Lay out how many more there are than are shown; nothing where all are."""
    if count > shown:
        yield Padding(Text(f"and {count - shown} more{what}"), INDENT)


def show_words(code: object) -> str:
    """Write a code such as `no_gain` as words."""
    return show_line(code).replace("_", " ")
