"""The summary for the terminal: plain text, a bar a dimension, a line a deduction."""

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Final

from grading.reporting.texts import Texts, read_texts
from grading.result import FULL_MARKS, DimensionScore, Report

BAR_CELLS: Final = 20
TITLE_COLUMNS: Final = 22
LINE_COLUMNS: Final = 96


def render_summary(report: Report, language: str) -> str:
    """Render the summary of a report for the terminal."""
    texts = read_texts(language)
    meaning = texts.label(f"meaning_{report.grade}")
    total = f"{texts.label('total')}: {report.score:g} / {FULL_MARKS}"
    grade = f"{texts.label('grade')}: {report.grade}"
    lines = [
        texts.label("title"),
        "",
        *(_render_dimension(dimension, texts) for dimension in report.dimensions),
        "",
        f"{total}   {grade} ({meaning})",
        "",
        *_render_deductions(report, texts),
        *_render_rest(report, texts),
    ]
    return "\n".join(lines).rstrip() + "\n"


def columns_of(text: str) -> int:
    """Count the columns of a text in a terminal, where East Asian characters take two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _render_dimension(dimension: DimensionScore, texts: Texts) -> str:
    title = texts.dimension(dimension.name, "title")
    padding = " " * max(1, TITLE_COLUMNS - columns_of(title))
    filled = round(BAR_CELLS * dimension.points / dimension.max_points)
    bar = "█" * filled + "░" * (BAR_CELLS - filled)
    return f"  {title}{padding}{bar} {dimension.points:5.1f} / {dimension.max_points}"


def _render_deductions(report: Report, texts: Texts) -> Iterator[str]:
    lost = [dimension for dimension in report.dimensions if dimension.deductions]
    if not lost:
        yield texts.label("nothing_lost")
        return
    yield f"{texts.label('lost')}:"
    for dimension in lost:
        yield f"  {texts.dimension(dimension.name, 'title')}"
        for deduction in dimension.deductions:
            yield from _wrap(f"-{deduction.points:g}  {texts.deduction(deduction)}", "    ")
            yield from _wrap(f"→ {texts.hint(deduction.hint)}", "        ")


def _render_rest(report: Report, texts: Texts) -> Iterator[str]:
    if report.cheating:
        yield f"\n{texts.label('cheating')}:"
        for cheating in report.cheating:
            yield from _wrap(texts.cheating(cheating), "  ")
    if report.insights:
        yield f"\n{texts.label('insights')}:"
        for insight in report.insights:
            yield from _wrap(texts.insight(insight), "  ")
    if report.backup:
        yield ""
        yield from _wrap(texts.label("backup", path=report.backup), "")


def _wrap(text: str, indent: str) -> list[str]:
    """Wrap a text into lines; wide characters count as one, which leaves lines short enough."""
    width = LINE_COLUMNS if columns_of(text) == len(text) else LINE_COLUMNS * 2 // 3
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,  # a path stays one that can be copied
        break_on_hyphens=False,
    )
