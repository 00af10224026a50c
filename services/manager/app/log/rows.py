"""The rows of a request: as they are inserted, and as they are written down until they can be."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg

from services.common.costs import bill
from services.common.database import decode_json
from services.manager.app.scoring.sampling import Mark


@dataclass(slots=True)
class Execution:
    """What is known of a request so far, by column; a step that wasn't reached leaves None.

    `evaluation_score` is in [0, 1]; None means unscored, which is not zero.
    """

    request_id: UUID
    task_type: str
    user_input: str
    refined_input: str
    prompt_version: int | None = None
    worker_output: str | None = None
    worker_latency_ms: int | None = None
    evaluation_score: float | None = None
    evaluation_passed: bool | None = None
    evaluation_detail: dict[str, Any] | None = None
    error_message: str | None = None


def make_landing_id() -> UUID:
    """Make an id that sorts by its time, so that an index of them grows at one end (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | random >> 62 << 64 | 2 << 62 | random & (1 << 62) - 1
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `execution_logs`, and what belongs to it.

    Attributes:
        conversation: The row of `selfheal.conversations`, by column.
        mark: That the answer waits for its score.
        charges: What it cost, as `bill.as_json` writes it.
        trace_parent: The span that this score will belong to; None where nothing is traced.
        landing_id: By it the row is inserted once, however often that is tried.
        created_at: None for when it is inserted.
    """

    execution: Execution
    conversation: dict[str, Any] | None = None
    mark: Mark | None = None
    charges: list[dict[str, Any]] = field(default_factory=list)
    landing_id: UUID = field(default_factory=make_landing_id)
    created_at: datetime | None = None
    trace_parent: str | None = None


_COLUMNS = [column.name for column in fields(Execution)]
# Not `dataclasses.astuple`, which copies every value, deeply.
_read_columns = attrgetter(*_COLUMNS)
_VALUES = ", ".join(f"${number}" for number, _ in enumerate(_COLUMNS, 4))
_CONVERSATION, _WITH_JUDGE, _RULES, _JUDGE, _TRACE_PARENT = (
    f"${number}" for number in range(len(_COLUMNS) + 4, len(_COLUMNS) + 9)
)
_LANDING = """
    landing AS (
        INSERT INTO selfheal.landings (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
    )
"""
_CHARGED = f"""
    charged AS (
        INSERT INTO selfheal.spending (at, {bill.COLUMNS})
        SELECT coalesce($2, now()), {bill.COLUMNS}
        FROM landing, jsonb_populate_recordset(NULL::selfheal.spending, $3)
    )
"""
# One statement, so that no row is without its conversation, and none with a mark is forgotten.
_TEMPLATE = f"""
    WITH {_LANDING}, {{besides}}, execution AS (
        INSERT INTO execution_logs (created_at, {", ".join(_COLUMNS)})
        SELECT coalesce($2, now()), {_VALUES} FROM landing
        RETURNING id, request_id, task_type, created_at
    ), conversation AS (
        INSERT INTO selfheal.conversations
        SELECT c.* FROM execution, jsonb_populate_record(
            NULL::selfheal.conversations,
            {_CONVERSATION}::jsonb || jsonb_build_object(
                'execution_id', id, 'request_id', request_id, 'model_asked', task_type,
                'created_at', created_at
            )
        ) AS c
        WHERE {_CONVERSATION} IS NOT NULL
    )
    INSERT INTO selfheal.pending_scores
        (execution_id, task_type, with_judge, rules_share, judge_share, created_at{{column}})
    SELECT id, task_type, {_WITH_JUDGE}::boolean, {_RULES}::real, {_JUDGE}::real,
           created_at{{value}}
    FROM execution WHERE {_WITH_JUDGE} IS NOT NULL
"""
INSERT = _TEMPLATE.format(
    besides=_CHARGED, column=", trace_parent", value=f", {_TRACE_PARENT}::text"
)
# The schema before number 7 has no place for charges and for a trace: they are dropped.
INSERT_BEFORE_7 = _TEMPLATE.format(
    besides=f"dropped AS (SELECT $3::jsonb, {_TRACE_PARENT}::text)", column="", value=""
)


async def find_insert(connection: asyncpg.Connection) -> str:
    """Find the statement by which the schema takes rows in."""
    return INSERT if await bill.is_spending_kept(connection) else INSERT_BEFORE_7


async def insert_row(connection: asyncpg.Connection, row: Row, statement: str = INSERT) -> None:
    """Insert a row, unless it has landed before."""
    await connection.execute(statement, *_values_of(row))


async def insert_rows(
    connection: asyncpg.Connection, rows: Sequence[Row], *, timeout_seconds: float
) -> None:
    """Insert rows in their order, those alone that haven't landed before."""
    values = [_values_of(row) for row in rows]
    await connection.executemany(await find_insert(connection), values, timeout=timeout_seconds)


def encode_row(row: Row) -> bytes:
    """Write a row down, on one line.

    Raises:
        ValueError: If it holds NaN or an infinity.
    """
    # Not `dataclasses.asdict`, which goes as deep as a conversation does.
    told = {one.name: getattr(row, one.name) for one in fields(Row)} | {
        "execution": {name: getattr(row.execution, name) for name in _COLUMNS},
        "mark": row.mark and asdict(row.mark),
    }
    # Ids and times are written as texts.
    return json.dumps(told, default=str, allow_nan=False, separators=(",", ":")).encode()


def decode_row(written: bytes) -> Row:
    """Read a row that was written down.

    Raises:
        ValueError, TypeError, KeyError: If it is of another version, whose rows are otherwise.
    """
    told = decode_json(written.decode())
    execution = told["execution"]
    return Row(
        execution=Execution(**execution | {"request_id": UUID(execution["request_id"])}),
        conversation=told["conversation"],
        mark=Mark(**told["mark"]) if told["mark"] else None,
        charges=told.get("charges", []),
        landing_id=UUID(told["landing_id"]),
        created_at=datetime.fromisoformat(told["created_at"]) if told["created_at"] else None,
        # A row of the release before has none.
        trace_parent=told.get("trace_parent"),
    )


def _values_of(row: Row) -> tuple[Any, ...]:
    values = (row.landing_id, row.created_at, row.charges, *_read_columns(row.execution))
    chances = astuple(row.mark) if row.mark else (None, None, None)
    return (*values, row.conversation, *chances, row.trace_parent)
