"""Reads the audit: what was changed, by whom, when."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any, Final

import asyncpg

PAGE_ROWS: Final = 500
SELECT_EVENTS: Final = """
    SELECT id, at, person, database_user, action, object, task_type, before, after
    FROM selfheal.audit
    WHERE ($1::text IS NULL OR person = $1 OR (person IS NULL AND database_user = $1))
      AND ($2::text[] IS NULL OR task_type = ANY($2))
      AND ($3::timestamptz IS NULL OR at >= $3)
      AND id < $4
      AND ($5::text IS NULL OR object LIKE $5 || ' %')
      AND (NOT $6 OR task_type IS NOT NULL)
    ORDER BY id DESC
    LIMIT $7
"""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are meant, in the order in which the query takes it; None for all of that kind.

    Attributes:
        person: A person's name, or a database user's where no person is known.
        before_id: Older than this event.
        task_types: Those of these task types, and none that has no task type.
        kind: What was changed: `prompt`, `run`, `key` or `user`.
        hides_access: Leaves out who may do what: keys, people and their sessions.
    """

    person: str | None = None
    task_types: Sequence[str] | None = None
    since: datetime | None = None
    before_id: int = 2**63 - 1
    kind: str | None = None
    hides_access: bool = False


EVERY_EVENT: Final = AuditFilter()


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A change, or another thing that somebody did.

    Attributes:
        person: Who, where somebody whose word is believed said it.
        database_user: Whose connection it was; always known.
        before: The row as it was, without secrets; None where there was none, or no row is meant.
        after: The row as it became.
    """

    id: int
    at: datetime
    person: str | None
    database_user: str
    action: str
    object: str
    task_type: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What differs, by column: before and after."""
        before, after = self.before or {}, self.after or {}
        return {
            name: (before.get(name), after.get(name))
            for name in {**before, **after}
            if before.get(name) != after.get(name)
        }


async def load_events(
    connection: asyncpg.Connection, meant: AuditFilter = EVERY_EVENT, *, limit: int
) -> list[AuditEvent]:
    """Load events, the latest first."""
    records = await connection.fetch(SELECT_EVENTS, *astuple(meant), limit)
    return [AuditEvent(**record) for record in records]


async def read_events(
    connection: asyncpg.Connection, meant: AuditFilter = EVERY_EVENT
) -> AsyncIterator[AuditEvent]:
    """Read all events page by page, the latest first."""
    while events := await load_events(connection, meant, limit=PAGE_ROWS):
        for event in events:
            yield event
        meant = replace(meant, before_id=events[-1].id)
