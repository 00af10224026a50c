"""What an incident's heals came to, where none of them found a repair."""

from collections.abc import Iterator

from rich.console import RenderableType

from selfheal.display.report.layout import section, show_words
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
    show_line,
)
from services.common.presentation.wordings import NEXT_STEPS

MAX_TEXT_CHARACTERS = 100
MAX_INPUTS = 5


def render_no_repair(told: Detail) -> Iterator[RenderableType]:
    """Show what still fails, the nearest texts, and what a person can do."""
    if not told:
        return
    rules = read_part(told, "rules")
    counts = ", ".join(f"{show_words(name)} {read_number(rules, name) or 0:g}" for name in rules)
    yield from section(
        f"No repair found in {read_number(told, 'heals') or 0:g} heals",
        [
            f"what fails: {counts}" if counts else "",
            *(f"  {_quote(text)}" for text in read_list(told, "inputs")[:MAX_INPUTS]),
            *(line for one in read_records(told, "nearest") for line in _tell_nearest(one)),
            NEXT_STEPS.get(read_line(told, "next_step"), ""),
        ],
    )


def _tell_nearest(one: Detail) -> Iterator[str]:
    pairs = read_number(one, "pairs")
    figures = [
        f"{name} {value:g}"
        for name in ("wins", "losses", "pairs", "e_value", "needed")
        if (value := read_number(one, name)) is not None
    ]
    how = ", ".join(figures) if pairs else "never came before the gate"
    yield f"near: {show_words(one.get('strategy') or '')} ({show_words(how)})"
    for kind in ("mends", "breaks"):
        yield from (f"  {kind} {_quote(text)}" for text in read_list(one, kind))


def _quote(text: object) -> str:
    return f"'{show_line(text, most=MAX_TEXT_CHARACTERS)}'"
