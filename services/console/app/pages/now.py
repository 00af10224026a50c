"""Now: whether all is well, and how each task type does."""

from datetime import UTC, datetime
from math import inf
from typing import Final, Literal

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from services.common.presentation.wordings import FAULTS
from services.common.schemas import TaskType
from services.console.app.queries.charts import load_charts
from services.console.app.queries.concerns import list_concerns
from services.console.app.queries.now import load_facts, load_serving, load_system
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

MAX_CARDS: Final = 12
SpanName = Literal["1h", "24h", "7d", "30d"]

router = APIRouter()


@router.get("/")
async def show_now(
    request: Request, viewer: Reader, span: SpanName = "24h", task_type: TaskType | None = None
) -> HTMLResponse:
    """Show the page."""
    now = datetime.now(UTC)
    async with request.app.state.database.connection() as connection:
        serving = await load_serving(connection, viewer.task_types)
        facts = {it.task_type: it for it in await load_facts(connection, serving, now=now)}
        system = await load_system(connection, viewer.task_types)
        concerns = list_concerns(facts.values(), now=now, **system)
        gravest = {concern.task_type: concern.gravity for concern in reversed(concerns)}
        serving.sort(key=lambda one: (gravest.get(one["task_type"], inf), one["task_type"]))
        shown = [one for one in serving if task_type in (None, one["task_type"])]
        charts = await load_charts(
            connection, [one["task_type"] for one in shown[:MAX_CARDS]], span, now
        )
    cards = [
        {
            "serving": one,
            "facts": facts[name],
            "chart": charts[name],
            "concerns": [concern for concern in concerns if concern.task_type == name],
        }
        for one, name in ((one, one["task_type"]) for one in shown[:MAX_CARDS])
    ]
    return render(
        request,
        "now.html",
        span=span,
        concerns=concerns,
        serving=serving,
        cards=cards,
        others=[one["task_type"] for one in shown[MAX_CARDS:]],
        task_type=task_type,
        faults=FAULTS,
        requests=sum(it.requests for it in facts.values()),
    )


@router.get("/now/series.json")
async def send_series(
    request: Request, viewer: Reader, task_type: TaskType, span: SpanName = "24h"
) -> JSONResponse:
    """Send what the chart of a task type is drawn of; times are seconds since 1970."""
    viewer.require_task_type(task_type)
    async with request.app.state.database.connection() as connection:
        charts = await load_charts(connection, [task_type], span, datetime.now(UTC))
    chart = charts[task_type]
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
