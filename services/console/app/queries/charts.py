"""What is drawn of a task type: how it did over time, and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import asyncpg

from services.common.record.traffic import TrafficPoint, load_traffic
from services.console.app.queries.now import Event, load_events

# How far back a chart goes, and how long a time a point of it stands for.
SPANS: Final = {
    "1h": (timedelta(hours=1), timedelta(minutes=5)),
    "24h": (timedelta(hours=24), timedelta(minutes=15)),
    "7d": (timedelta(days=7), timedelta(hours=2)),
    "30d": (timedelta(days=30), timedelta(hours=6)),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn of a task type.

    Attributes:
        points: A place for each step; None where nothing was logged, as `total` is for all.
        events: What happened, the latest first, and how often in a row.
    """

    start: datetime
    step: timedelta
    points: list[TrafficPoint | None]
    total: TrafficPoint | None
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


async def load_charts(
    connection: asyncpg.Connection, task_types: Sequence[str], span: str, now: datetime
) -> dict[str, Chart]:
    """Load what is drawn of task types: whole steps, the last of which has `now`."""
    length, step = SPANS[span]
    seconds = int(step.total_seconds())
    end = datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)
    start = end - length
    only = task_types[0] if len(task_types) == 1 else None
    load = partial(load_traffic, connection, only, start, end, by_task_type=True)
    totals = {point.task_type: point for point in await load(int(length.total_seconds()))}
    places: dict[str | None, list[TrafficPoint | None]] = {
        name: [None] * (length // step) for name in task_types
    }
    for point in await load(seconds):
        if point.task_type in places:
            places[point.task_type][(point.at - start) // step] = point
    events = await load_events(connection, task_types, since=start)
    return {
        name: Chart(start, step, places[name], totals.get(name), _group(events[name], step))
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
