"""Finds requests in the log: newest first, looking at so many and no more."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError
from services.common.evaluation_detail import show_text
from services.console.app.queries.request_filters import Filters

# Grows, since most pages are full after few rows, and a batch is what the budget can't cut.
FIRST_BATCH: Final = 200
LARGEST_BATCH: Final = 1_000
MAX_BATCH_SECONDS: Final = 4.0
# So many at once, and no more: long ones leave connections to the other pages.
MAX_SEARCHES: Final = 3
MAX_WAIT_SECONDS: Final = 10.0
EXPORTED_CHARACTERS: Final = 2_000

Position = tuple[datetime, int]

CONVERSATION = "(SELECT {} FROM selfheal.conversations AS c WHERE c.execution_id = l.id)"
# What became of an answer: as the Manager's `GET /api/v1/requests/{request_id}` says it.
OUTCOME = f"""CASE
    WHEN l.evaluation_passed THEN 'passed' WHEN NOT l.evaluation_passed THEN 'failed'
    WHEN EXISTS (SELECT FROM selfheal.pending_scores AS p WHERE p.execution_id = l.id)
        THEN 'pending'
    WHEN l.error_message IS NOT NULL THEN 'unscored'
    WHEN 'client_closed' IN (l.evaluation_detail #>> '{{error,code}}',
        {CONVERSATION.format("finish_reason")}) THEN 'client_closed'
    ELSE 'not_chosen' END"""
MODEL = f"""coalesce(l.evaluation_detail #>> '{{worker,model}}',
    {CONVERSATION.format("model_answered")})"""
EVIDENCE = "l.evaluation_detail ->> 'evidence'"
INPUT = show_text("left(l.user_input, $2)", "l.evaluation_detail")
OUTPUT = show_text("left(l.worker_output, $2)", "l.evaluation_detail")
SELECT_ROWS = f"""
    SELECT l.id, l.request_id, l.created_at, l.task_type, {OUTCOME} AS outcome,
           l.evaluation_score AS score, l.prompt_version, left({MODEL}, 300) AS model,
           {EVIDENCE} AS evidence, l.worker_latency_ms AS latency_ms,
           left({CONVERSATION.format("session_id")}, 300) AS session,
           left(l.error_message, $2) AS error, {INPUT} AS user_input,
           {OUTPUT} AS worker_output
    FROM execution_logs AS l WHERE l.id = ANY($1::bigint[])
"""
EXPORTED_COLUMNS: Final = (
    "request_id created_at task_type outcome score prompt_version model evidence latency_ms "
    "session error user_input worker_output"
).split()


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may find, look at, and take."""

    page_rows: int
    rows_looked_at: int
    seconds: float


PAGE: Final = Budget(page_rows=50, rows_looked_at=20_000, seconds=0.1)
EXPORT: Final = Budget(page_rows=1_000, rows_looked_at=100_000, seconds=3)


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        keys: Where the rows are: of each the moment and the id, newest first.
        looked_at: How many rows were read for it.
        reached: Up to where it looked; None where the log ended before.
        following: Where to go on: after the last row of a full page, or where the budget ended.
        is_cut: Whether the budget ended the search.
    """

    keys: list[Position] = field(default_factory=list)
    looked_at: int = 0
    reached: Position | None = None
    following: Position | None = None
    is_cut: bool = False


@dataclass(slots=True)
class _Query:
    """A statement's conditions and values, built for a filter."""

    values: list[Any] = field(default_factory=list)

    def value(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def write(
        self, filters: Filters, task_types: list[str] | None, after: Position | None, rows: int
    ) -> str:
        """Write what reads the next rows by the index that suits, and says which of them fit."""
        source, at = "execution_logs AS l", "l.created_at"
        if filters.session is not None:
            source = "selfheal.conversations AS s JOIN execution_logs AS l ON l.id = s.execution_id"
            at = "s.created_at"
        bounds = ["TRUE"]
        if after:
            moment, id_ = map(self.value, after)
            bounds.append(f"({at}, l.id) < ({moment}, {id_}::bigint)")
        if filters.since:
            bounds.append(f"{at} >= {self.value(filters.since)}")
        if filters.until:
            bounds.append(f"{at} <= {self.value(filters.until)}")
        limit = self.value(rows)
        parts = " UNION ALL ".join(
            f"""SELECT * FROM (
                SELECT l.*, {at} AS at FROM {source} WHERE {" AND ".join([*part, *bounds])}
                ORDER BY {at} DESC, l.id DESC LIMIT {limit}
            ) AS part"""
            for part in self._list_parts(filters)
        )
        fits = " AND ".join(self._list_conditions(filters, task_types)) or "TRUE"
        return f"""
            SELECT l.id, l.at, ({fits}) IS TRUE AS fits
            FROM ({parts} ORDER BY at DESC, id DESC LIMIT {limit}) AS l
            ORDER BY l.at DESC, l.id DESC
        """

    def _list_parts(self, filters: Filters) -> list[list[str]]:
        """List the parts of the log that are read, each by the conditions that an index knows."""
        if filters.session is not None:
            return [[f"s.session_id = {self.value(filters.session)}"]]
        if filters.task_type is None or (filters.version is None and not filters.lacks_score):
            return [[]]
        of_task_type = f"l.task_type = {self.value(filters.task_type)}"
        parts = []
        if not filters.needs_score:
            parts.append([of_task_type, "l.evaluation_passed IS NULL"])
        if not filters.lacks_score:
            version = f"l.prompt_version = {self.value(filters.version)}"
            parts.append([of_task_type, version, "l.evaluation_passed IS NOT NULL"])
        return parts

    def _list_conditions(self, filters: Filters, task_types: list[str] | None) -> Iterator[str]:
        """List what a row must be: what is read quickly stands first."""
        if task_types is not None:
            yield f"l.task_type = ANY({self.value(task_types)}::text[])"
        for column, comparison, wanted in (
            ("l.task_type", "=", filters.task_type),
            ("l.prompt_version", "=", filters.version),
            ("l.evaluation_score", ">=", filters.score_from),
            ("l.evaluation_score", "<=", filters.score_to),
            (OUTCOME, "=", filters.outcome),
            (EVIDENCE, "=", filters.evidence),
        ):
            if wanted is not None:
                yield f"{column} {comparison} {self.value(wanted)}"
        for columns, searched in (
            (("l.error_message", "l.evaluation_detail #>> '{error,code}'"), filters.error),
            ((MODEL,), filters.model),
            (("l.user_input", "l.worker_output"), filters.text),
        ):
            if searched is not None:
                sought = f"lower({self.value(searched)}::text)"
                # No pattern: nothing in what is sought means anything but itself.
                each = [f"strpos(lower(coalesce({one}, '')), {sought}) > 0" for one in columns]
                yield f"({' OR '.join(each)})"


class TooManySearchesError(ServiceError):
    """Others' searches took so long that this one wasn't begun."""

    status_code = 503
    code = "too_many_searches"


@asynccontextmanager
async def take_turn(turns: asyncio.Semaphore) -> AsyncIterator[None]:
    """Wait for a search's turn, and hold it.

    Raises:
        TooManySearchesError: If none comes in time.
    """
    try:
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await turns.acquire()
    except TimeoutError as error:
        raise TooManySearchesError("Too many searches run. Try again in a moment.") from error
    try:
        yield
    finally:
        turns.release()


async def search(
    connection: asyncpg.Connection,
    filters: Filters,
    task_types: list[str] | None,
    after: Position | None = None,
    *,
    budget: Budget = PAGE,
) -> Found:
    """Find the newest requests that fit, after a position, within a budget.

    Args:
        task_types: The only ones that the viewer may see; None for all.
    """
    found, rows = Found(reached=after), FIRST_BATCH
    deadline = time.monotonic() + budget.seconds
    async with connection.transaction(readonly=True):
        # A bitmap is of all rows that an index knows, and here the newest ones are enough.
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        while True:
            rows = min(rows, budget.rows_looked_at - found.looked_at)
            query = _Query()
            statement = query.write(filters, task_types, found.reached, rows)
            records = await connection.fetch(statement, *query.values, timeout=MAX_BATCH_SECONDS)
            for record in records:
                if record["fits"] and len(found.keys) == budget.page_rows:
                    found.following = found.keys[-1]
                    return found
                found.looked_at += 1
                found.reached = record["at"], record["id"]
                if record["fits"]:
                    found.keys.append(found.reached)
            if len(records) < rows:
                found.reached = None
                return found
            if found.looked_at >= budget.rows_looked_at or time.monotonic() > deadline:
                found.following, found.is_cut = found.reached, True
                return found
            rows = min(4 * rows, LARGEST_BATCH)


async def read_rows(connection: asyncpg.Connection, found: Found) -> list[dict[str, Any]]:
    """Read what is shown of the requests that were found, in their order."""
    ids = [id_ for _, id_ in found.keys]
    records = await connection.fetch(SELECT_ROWS, ids, EXPORTED_CHARACTERS)
    rows = {record["id"]: dict(record) for record in records}
    return [rows[id_] for id_ in ids if id_ in rows]


async def find_ids(
    connection: asyncpg.Connection, first: UUID, last: UUID, task_types: list[str] | None
) -> list[UUID]:
    """List the first few ids of requests in a range, of those that the viewer may see."""
    records = await connection.fetch(
        "SELECT DISTINCT request_id FROM (SELECT request_id FROM execution_logs "
        "WHERE request_id BETWEEN $1 AND $2 AND ($3::text[] IS NULL OR task_type = ANY($3)) "
        "ORDER BY request_id LIMIT 500) AS l ORDER BY request_id LIMIT 20",
        first,
        last,
        task_types,
    )
    return [record["request_id"] for record in records]
