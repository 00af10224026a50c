"""Now: whether all is well, and how each task type does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, JSONResponse

from services.common.database import Database
from services.common.presentation.wordings import FAULTS
from services.common.record.traffic import TrafficPoint, load_traffic
from services.console.app.queries.concerns import Concern, Facts, list_concerns
from services.console.app.queries.now import (
    Event,
    Serving,
    load_events,
    load_facts,
    load_serving,
    load_system,
)
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

MAX_CARDS: Final = 12
SpanName = Literal["1h", "24h", "7d", "30d"]
TaskTypeName = Query(default=None, min_length=1, max_length=64)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a chart goes, and how many minutes a point of it stands for."""

    length: timedelta
    step: timedelta

    def until(self, now: datetime) -> tuple[datetime, datetime]:
        """Return where a chart begins and ends: whole steps, the last of which has `now`."""
        end = datetime.fromtimestamp((now.timestamp() // self._seconds + 1) * self._seconds, UTC)
        return end - self.length, end

    @property
    def _seconds(self) -> float:
        return self.step.total_seconds()


SPANS: Final[dict[str, Span]] = {
    "1h": Span(timedelta(hours=1), timedelta(minutes=5)),
    "24h": Span(timedelta(hours=24), timedelta(minutes=15)),
    "7d": Span(timedelta(days=7), timedelta(hours=2)),
    "30d": Span(timedelta(days=30), timedelta(hours=6)),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn of a task type: a place for each step, None where nothing was logged."""

    start: datetime
    step: timedelta
    points: list[TrafficPoint | None]
    events: list[tuple[Event, int]]

    def path(self, name: str) -> str:
        """Write a line as an SVG path, 0 to 1 from bottom to top; a step without value is a gap."""
        drawn, pen = [], "M"
        for place, point in enumerate(self.points):
            value = getattr(point, name, None)
            if value is None:
                pen = "M"
            else:
                drawn.append(f"{pen}{place + 0.2:g} {100 - 100 * value:.1f}h.6")
                pen = "L"
        return "".join(drawn)

    def bars(self) -> str:
        """Write requests as an SVG path of lines that fill the lowest quarter at most."""
        counts = [(place, point.requests) for place, point in enumerate(self.points) if point]
        most = max((count for _, count in counts), default=1) or 1
        return "".join(
            f"M{place + 0.5:g} 100V{100 - 25 * count / most:.1f}" for place, count in counts
        )

    @property
    def end(self) -> datetime:
        """Where it ends."""
        return self.start + len(self.points) * self.step

    def has(self, kind: str) -> bool:
        """Tell whether anything of a kind happened."""
        return any(event.kind == kind for event, _ in self.events)

    def place(self, moment: datetime) -> float:
        """Return where a moment stands, in steps from the start."""
        return (moment - self.start) / self.step


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a task type; `total` is None where the span has no traffic."""

    serving: Serving
    facts: Facts
    chart: Chart
    total: TrafficPoint | None
    concerns: list[Concern]


@router.get("/")
async def show_now(
    request: Request,
    viewer: Reader,
    span: SpanName = "24h",
    task_type: str | None = TaskTypeName,
) -> HTMLResponse:
    """Show the page."""
    database: Database = request.app.state.database
    now = datetime.now(UTC)
    async with database.connection() as connection:
        serving = await load_serving(connection, viewer.task_types)
        facts = {it.task_type: it for it in await load_facts(connection, serving, now=now)}
        system = await load_system(connection, viewer.task_types)
        concerns = list_concerns(facts.values(), now=now, **system)
        graver = {one.task_type: -one.gravity for one in reversed(concerns)}
        serving.sort(key=lambda one: (-graver.get(one.task_type, -9), one.task_type))
        shown = [one for one in serving if task_type in (None, one.task_type)]
        charts = await _load_charts(
            connection, [one.task_type for one in shown[:MAX_CARDS]], SPANS[span], now
        )
    cards = [
        Card(
            one,
            facts[one.task_type],
            *charts[one.task_type],
            [concern for concern in concerns if concern.task_type == one.task_type],
        )
        for one in shown[:MAX_CARDS]
    ]
    return render(
        request,
        "now.html",
        span=span,
        spans=SPANS,
        concerns=concerns,
        serving=serving,
        cards=cards,
        others=[one.task_type for one in shown[MAX_CARDS:]],
        task_type=task_type,
        faults=FAULTS,
        requests=sum(it.requests for it in facts.values()),
    )


@router.get("/now/series.json")
async def send_series(
    request: Request, viewer: Reader, task_type: str, span: SpanName = "24h"
) -> JSONResponse:
    """Send what the chart of a task type is drawn of; times are seconds since 1970."""
    viewer.require_task_type(task_type)
    database: Database = request.app.state.database
    async with database.connection() as connection:
        charts = await _load_charts(connection, [task_type], SPANS[span], datetime.now(UTC))
    chart, _ = charts[task_type]
    first, step = int(chart.start.timestamp()), int(chart.step.total_seconds())
    return JSONResponse(
        {
            "step_seconds": step,
            "at": [first + step * place for place in range(len(chart.points))],
            "pass_rate": [point.pass_rate if point else None for point in chart.points],
            "mean_score": [point.score_mean if point else None for point in chart.points],
            "requests": [point.requests if point else 0 for point in chart.points],
            "events": [
                {
                    "at": event.at.timestamp(),
                    "kind": event.kind,
                    "version": event.version,
                    "times": times,
                }
                for event, times in reversed(chart.events)
            ],
        }
    )


async def _load_charts(
    connection: asyncpg.Connection, task_types: Sequence[str], span: Span, now: datetime
) -> dict[str, tuple[Chart, TrafficPoint | None]]:
    start, end = span.until(now)
    only = task_types[0] if len(task_types) == 1 else None
    load = partial(load_traffic, connection, only, start, end, by_task_type=True)
    totals = {point.task_type: point for point in await load(int(span.length.total_seconds()))}
    places: dict[str | None, list[TrafficPoint | None]] = {
        name: [None] * (span.length // span.step) for name in task_types
    }
    for point in await load(span.step.seconds):
        if point.task_type in places:
            places[point.task_type][(point.at - start) // span.step] = point
    events = await load_events(connection, task_types, since=start)
    return {
        name: (
            Chart(start, span.step, places[name], _group(events[name], span.step)),
            totals.get(name),
        )
        for name in task_types
    }


def _group(events: Sequence[Event], step: timedelta) -> list[tuple[Event, int]]:
    """Count alike events that follow one another within a step as one: the first of them.

    An outage is told every few minutes.
    """
    groups: list[tuple[Event, int]] = []
    for event in events:
        later, times = groups[-1] if groups else (None, 0)
        is_alike = later and (later.kind, later.version) == (event.kind, event.version)
        if later and is_alike and later.at - event.at <= step:
            groups[-1] = event, times + 1
        else:
            groups.append((event, 1))
    return groups
