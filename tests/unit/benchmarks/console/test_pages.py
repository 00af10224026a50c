"""The console's benchmark: what a page loads is found, and the aims are judged by all pages."""

import io

from rich.console import Console
from support.rows import for_each

from benchmarks.console.__main__ import AIM_BYTES, AIM_MS, Report, show
from benchmarks.console.pages import PAGES, PageFigures, find_assets, percentile

HTML = """
<link rel="icon" href="/static/icon.svg">
<link href="/static/console.css?v=1" rel="stylesheet">
<script src="/static/console.js" defer></script><script>inline()</script><img src="/a.png">
"""


def make_report(page: PageFigures) -> Report:
    fine = PageFigures("/", 200, 10, 20, 5_000, 30_000)
    return Report(1_000, "2 cores", "2026-11-28T09:00:00+00:00", pages=[fine, page])


def test_scripts_and_style_sheets_are_found_and_nothing_else() -> None:
    assert find_assets(HTML) == ["/static/console.css?v=1", "/static/console.js"]


def test_percentiles_are_of_the_times_themselves() -> None:
    times = [float(number) for number in range(1, 101)]
    assert round(percentile(times, 50)) == 50
    assert round(percentile(times, 95)) == 95
    assert percentile([7.0, 7.0], 95) == 7


@for_each(
    [
        (PageFigures("/x", 200, 10, AIM_MS - 1, 5_000, AIM_BYTES), True),
        (PageFigures("/x", 404, 10, 20, 5_000, 30_000), False),
        (PageFigures("/x", 200, 10, AIM_MS, 5_000, 30_000), False),
        (PageFigures("/x", 200, 10, 20, 5_000, AIM_BYTES + 1), False),
    ]
)
def test_an_aim_is_missed_by_one_page(row: tuple[PageFigures, bool]) -> None:
    page, reaches = row
    report = make_report(page)
    assert report.reaches_aims is reaches
    output = io.StringIO()
    show(report, Console(file=output, width=120))
    assert ("reached" if reaches else "missed") in output.getvalue()
    assert "/x" in output.getvalue()


def test_every_kind_of_page_is_measured() -> None:
    kinds = {path.split("?")[0].split("/")[1] for path in PAGES}
    assert kinds == {"", "requests", "prompts", "heals", "task-types", "evaluator", "settings"}
