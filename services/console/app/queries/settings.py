"""Reads keys without their secrets, people without their passwords, and the audit."""

from dataclasses import dataclass
from typing import Any

import asyncpg

MAX_PEOPLE = 500
SELECT_PEOPLE = """
    SELECT id, name, issuer, role, task_types, created_at, disabled_at
    FROM selfheal.users
    ORDER BY disabled_at IS NOT NULL, lower(name), id
    LIMIT $1
"""
# Changes of keys and people have no task type: they are for administrators alone.
SELECT_AUDIT = """
    SELECT id, at, person, database_user, action, object, task_type, before, after
    FROM selfheal.audit
    WHERE ($1::bigint IS NULL OR id < $1)
      AND ($2 OR task_type IS NOT NULL)
      AND ($3::text[] IS NULL OR task_type = ANY ($3))
      AND ($4::text IS NULL OR person = $4 OR (person IS NULL AND database_user = $4))
      AND ($5::text IS NULL OR object LIKE $5 || ' %')
      AND ($6::text IS NULL OR task_type = $6)
    ORDER BY id DESC
    LIMIT $7
"""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes are asked for; None for all.

    Attributes:
        task_types: Those that whoever asks may see; None for all.
        is_for_admin: Whether they may see changes of keys and people.
        who: A person's name, or a database user's where no person is known.
        kind: What was changed: `prompt`, `run`, `key` or `user`.
        before_id: Only what was recorded before this one.
    """

    task_types: list[str] | None
    is_for_admin: bool
    who: str | None = None
    kind: str | None = None
    task_type: str | None = None
    before_id: int | None = None


async def load_people(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Load who has an account here or came from an OpenID provider, by name."""
    rows: list[asyncpg.Record] = await connection.fetch(SELECT_PEOPLE, MAX_PEOPLE)
    return rows


async def load_audit(
    connection: asyncpg.Connection, wanted: AuditFilter, *, most: int
) -> list[dict[str, Any]]:
    """Load what was changed, the newest first."""
    rows = await connection.fetch(
        SELECT_AUDIT,
        wanted.before_id,
        wanted.is_for_admin,
        wanted.task_types,
        wanted.who,
        wanted.kind,
        wanted.task_type,
        most,
    )
    return [dict(row) for row in rows]


def list_differences(before: object, after: object) -> list[tuple[str, object, object]]:
    """List the columns in which a row's two states differ, with both values.

    A row that was made or removed differs in all that it has.
    """
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    names = dict.fromkeys((*old, *new))
    return [
        (name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    ]
