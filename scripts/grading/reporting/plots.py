"""The report's plots: SVG that stands in the page and takes its colours from the page's style."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from grading.guide import FULL_LATENCY_MS, PASS_THRESHOLD
from grading.reporting.texts import Texts
from grading.result import GradedRequest, Report

WIDTH: Final = 760
HEIGHT: Final = 240
LEFT: Final = 48
RIGHT: Final = 16
TOP: Final = 28
BOTTOM: Final = 28
ROW: Final = 34
BAR_LEFT: Final = 190
BAR_RIGHT: Final = 90
# Two figures of an axis that are closer would run into each other.
LEAST_DISTANCE: Final = 12


# A moment between two requests: the place, and "bad" for a bad prompt's injection or "heal".
Mark = tuple[int, str]


def list_requests(report: Report) -> tuple[list[GradedRequest], list[Mark]]:
    """List all requests in the order in which they were sent, with the events between them."""
    requests = list(report.healthy)
    marks: list[Mark] = []
    for cycle in report.cycles:
        marks.append((len(requests), "bad"))
        requests.extend(cycle.before)
        marks.append((len(requests), "heal"))
        requests.extend(cycle.after)
    return requests, marks


def plot_scores(report: Report, texts: Texts) -> str:
    """Score of each request over the cycles."""
    requests, marks = list_requests(report)
    values = [request.score for request in requests]
    return _plot("scores", values, marks, texts, top=1.0, line=PASS_THRESHOLD, unit="")


def plot_latency(report: Report, texts: Texts) -> str:
    """Plot the latency of each request."""
    requests, marks = list_requests(report)
    values = [request.latency_ms for request in requests]
    top = max([*values, FULL_LATENCY_MS]) * 1.1
    return _plot("latency", values, marks, texts, top=top, line=FULL_LATENCY_MS, unit=" ms")


def plot_dimensions(report: Report, texts: Texts) -> str:
    """Plot a bar for each dimension."""
    height = ROW * len(report.dimensions) + 8
    rows = []
    for number, dimension in enumerate(report.dimensions):
        middle = ROW * number + ROW / 2
        full = (WIDTH - BAR_LEFT - BAR_RIGHT) * dimension.max_points / 30
        filled = full * dimension.points / dimension.max_points
        title = escape(texts.dimension(dimension.name, "title"))
        kind = "good" if not dimension.deductions else "some" if filled else "none"
        rows.append(
            f'<text class="name" x="{BAR_LEFT - 12}" y="{middle + 5}">{title}</text>'
            f'<rect class="track" x="{BAR_LEFT}" y="{middle - 9}" width="{full:.1f}" '
            'height="18" rx="4"/>'
            f'<rect class="bar {kind}" x="{BAR_LEFT}" y="{middle - 9}" width="{filled:.1f}" '
            'height="18" rx="4"/>'
            f'<text class="value" x="{BAR_LEFT + full + 10:.1f}" y="{middle + 5}">'
            f"{dimension.points:g} / {dimension.max_points}</text>"
        )
    return _figure("dimensions", texts, height, rows)


def _plot(
    name: str,
    values: Sequence[float | None],
    marks: Sequence[Mark],
    texts: Texts,
    *,
    top: float,
    line: float,
    unit: str,
) -> str:
    def x(position: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (position + 0.5) / max(1, len(values))

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(value, top) / top)

    parts = [*_axis(y, top=top, line=line, unit=unit)]
    for position, kind in marks:
        at = x(position - 0.5)
        label = escape(texts.label(f"mark_{kind}"))
        parts.append(
            f'<line class="mark {kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 6}" '
            f'y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="mark {kind}" x="{at + 4:.1f}" y="{TOP - 10}">{label}</text>'
        )
    known = [(x(place), y(value)) for place, value in enumerate(values) if value is not None]
    if known:
        points = " ".join(f"{across:.1f},{down:.1f}" for across, down in known)
        parts.append(f'<polyline class="path" points="{points}"/>')
    for place, value in enumerate(values):
        if value is None:
            parts.append(
                f'<text class="lost" x="{x(place):.1f}" y="{HEIGHT - BOTTOM - 4}">&#215;</text>'
            )
        else:
            kind = "good" if (value >= line) is (name == "scores") else "none"
            parts.append(
                f'<circle class="dot {kind}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="4.5">'
                f"<title>{value:g}{unit}</title></circle>"
            )
    return _figure(name, texts, HEIGHT, parts)


def _axis(y: Callable[[float], float], *, top: float, line: float, unit: str) -> Iterator[str]:
    """Draw the bottom, the top and the dashed threshold line, each with its figure."""
    shown = top if unit == "" else round(top)
    for kind, value in (("grid", 0.0), ("grid", shown), ("line", line)):
        down = y(value)
        if kind == "grid" and value and abs(down - y(line)) < LEAST_DISTANCE:
            continue
        yield (
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down:.1f}" '
            f'y2="{down:.1f}"/>'
            f'<text class="tick" x="{LEFT - 8}" y="{down + 4:.1f}">{value:g}</text>'
        )


def _figure(name: str, texts: Texts, height: float, parts: Sequence[str]) -> str:
    title, about = escape(texts.label(f"plot_{name}")), escape(texts.label(f"plot_{name}_about"))
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-about"><title id="{name}-title">{title}</title>'
        f'<desc id="{name}-about">{about}</desc>{"".join(parts)}</svg><p>{about}</p></figure>'
    )
