"""Reads people without what they sign in with."""

import asyncpg

MAX_PEOPLE = 500
SELECT_PEOPLE = """
    SELECT id, name, issuer, role, task_types, created_at, disabled_at
    FROM selfheal.users
    ORDER BY disabled_at IS NOT NULL, lower(name), id
    LIMIT $1
"""


async def load_people(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Load who has an account here or came from an OpenID provider, by name."""
    rows: list[asyncpg.Record] = await connection.fetch(SELECT_PEOPLE, MAX_PEOPLE)
    return rows
