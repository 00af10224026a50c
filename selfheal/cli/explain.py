"""`selfheal explain`: why a request scored as it did."""

from dataclasses import asdict
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from selfheal.cli.short_ids import parse_short_id
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.display.verdict_rendering import INDENT, block, heading, print_verdict
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.evaluation_detail import ErrorDetail, EvaluationDetail, read_detail
from services.common.models import EXECUTION_COLUMNS, ExecutionLog
from services.common.presentation.visible_text import make_visible_line
from services.common.presentation.wordings import UNSCORED_MEANINGS

# A range instead of a pattern, so that the index on request_id finds an abbreviated id too.
SELECT_EXECUTIONS = f"""
    SELECT {EXECUTION_COLUMNS} FROM execution_logs
    WHERE request_id BETWEEN $1 AND $2
    ORDER BY id DESC
    LIMIT 20
"""
# `selfheal logs` shows this many.
LEAST_DIGITS: Final = 8

NO_SCORE: Final = (
    "It waits for its score, wasn't among the answers that are chosen to be scored, or its client "
    "hung up. It counts for nothing meanwhile."
)

output = Console()


def explain(
    request_id: Annotated[
        str, typer.Argument(help="Id of the request, or its first 8 digits or more.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say why a request scored as it did: what was run, what came back, rules and judge.

    Example: selfheal explain 3f2c9a71
    """
    with friendly_errors():
        first, last = parse_short_id(
            request_id, least=LEAST_DIGITS, of="a request", see="selfheal logs"
        )
        row = _pick(_load(first, last), request_id)
    if as_json:
        print_json(asdict(row))
        return
    detail = read_detail(row.evaluation_detail)
    for part in _introduce(row, detail):
        output.print(part)
    if row.evaluation_score is None or row.evaluation_passed is None:
        for part in _tell_unscored(row, detail.error):
            output.print(part)
        return
    print_verdict(output, score=row.evaluation_score, passed=row.evaluation_passed, detail=detail)


def _load(first: UUID, last: UUID) -> list[ExecutionLog]:
    async def select(connection: asyncpg.Connection) -> list[ExecutionLog]:
        records = await connection.fetch(SELECT_EXECUTIONS, first, last)
        return [ExecutionLog(**record) for record in records]

    return ask_database(Settings(), select)


def _pick(rows: list[ExecutionLog], asked: str) -> ExecutionLog:
    """Return the latest row of the one request that is meant."""
    if not rows:
        raise EmbeddedRuntimeError(
            f"No request {make_visible_line(asked)} is logged.",
            remedy="See the latest with: selfheal logs",
        )
    ids = dict.fromkeys(str(row.request_id) for row in rows)
    if len(ids) > 1:
        raise EmbeddedRuntimeError(
            f"{len(ids)} requests begin like that: {', '.join(ids)}.",
            remedy="Give more digits.",
        )
    if len(rows) > 1:
        messages.print(f"It was logged {len(rows)} times; this is the latest.")
    return rows[0]


def _introduce(row: ExecutionLog, detail: EvaluationDetail) -> list[RenderableType]:
    """Show the request, the answer, and which prompt and model gave it."""
    model, arm = detail.worker.model, detail.worker.arm
    by = [
        f"prompt version {row.prompt_version}" if row.prompt_version is not None else "",
        f"{make_visible_line(arm)} arm of a rollout" if arm else "",
        f"model {make_visible_line(model)}" if model else "",
        f"{row.worker_latency_ms} ms" if row.worker_latency_ms is not None else "",
    ]
    parts: list[RenderableType] = [
        Text(
            f"request {row.request_id} ({make_visible_line(row.task_type)}), "
            f"{row.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
            style="dim",
        ),
        heading("Asked for"),
        block(f"removed by {detail.removed.by}" if detail.removed.by else row.user_input),
    ]
    if row.worker_output is not None:
        parts += [heading(f"Answered ({', '.join(filter(None, by))})"), block(row.worker_output)]
    return [*parts, Text("")]


def _tell_unscored(row: ExecutionLog, error: ErrorDetail) -> list[RenderableType]:
    """Say that there is no score, why, and what that means."""
    if not row.error_message:
        return [Text("no score", style="bold yellow"), Padding(Text(NO_SCORE), INDENT)]
    parts: list[RenderableType] = [
        Text("unscored", style="bold yellow"),
        Padding(Text(make_visible_line(row.error_message)), INDENT),
    ]
    if error.code:
        where = f"{make_visible_line(error.service)}, {make_visible_line(error.code)}: "
        meaning = UNSCORED_MEANINGS.get(error.code, "See the service's own log.")
        parts.append(Padding(Text(where + meaning), INDENT))
    parts.append(
        Padding(
            Text("Unscored is not zero: this doesn't count as a failure of the prompt."), INDENT
        )
    )
    return parts
