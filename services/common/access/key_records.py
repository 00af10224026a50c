"""The table of keys: who makes, lists and revokes them, and what a service reads of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.common.access.keys import ApiKey, NewKey

INSERT_KEY = """
    INSERT INTO selfheal.api_keys (id, secret_sha256, name, scopes, task_types, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
IS_KNOWN = "SELECT EXISTS (SELECT FROM selfheal.api_keys WHERE id = $1 AND secret_sha256 = $2)"
SELECT_ALL = """
    SELECT id, name, scopes, task_types, created_at, expires_at, revoked_at
    FROM selfheal.api_keys
    ORDER BY created_at, id
"""
SELECT_VALID = """
    SELECT id, secret_sha256, name, scopes, task_types, expires_at
    FROM selfheal.api_keys
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > NOW())
"""
REVOKE_KEY = """
    UPDATE selfheal.api_keys SET revoked_at = COALESCE(revoked_at, NOW())
    WHERE id = $1
    RETURNING name
"""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as its operator sees it; nothing of its secret is there."""

    id: str
    name: str
    scopes: list[str]
    task_types: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


async def store_key(
    connection: asyncpg.Connection,
    key: NewKey,
    *,
    name: str,
    scopes: Sequence[str],
    task_types: Sequence[str] | None,
    expires_at: datetime | None,
) -> None:
    """Keep what is to be kept of a new key."""
    await connection.execute(
        INSERT_KEY, key.id, key.secret_sha256, name, scopes, task_types, expires_at
    )


async def is_known(connection: asyncpg.Connection, key: NewKey) -> bool:
    """Tell whether a key was kept before, be it revoked since."""
    known: bool = await connection.fetchval(IS_KNOWN, key.id, key.secret_sha256)
    return known


async def list_keys(connection: asyncpg.Connection) -> list[KeyRecord]:
    """Return all keys, revoked ones too, the oldest first."""
    return [KeyRecord(**row) for row in await connection.fetch(SELECT_ALL)]


async def revoke_key(connection: asyncpg.Connection, key_id: str) -> str | None:
    """Revoke a key for good, and return its name; None where there is no such key."""
    name: str | None = await connection.fetchval(REVOKE_KEY, key_id)
    return name


async def load_valid_keys(connection: asyncpg.Connection) -> dict[str, ApiKey]:
    """Return the keys that may be used now, by their ids."""
    keys = {}
    for row in await connection.fetch(SELECT_VALID):
        bound = None if row["task_types"] is None else frozenset(row["task_types"])
        sets = {"scopes": frozenset(row["scopes"]), "task_types": bound}
        keys[row["id"]] = ApiKey(**dict(row) | sets)
    return keys
