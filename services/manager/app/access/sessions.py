"""Sessions of people who signed in: begun, found by their secret, and ended."""

from datetime import timedelta
from typing import Final

import asyncpg

from services.common.access.accounts import Account
from services.common.access.keys import generate_session, hash_secret
from services.common.database import Database
from services.common.settings.people import PeopleSettings

# Of an account that was disabled or got another password meanwhile, none begins.
BEGIN: Final = """
    INSERT INTO selfheal.sessions (token_sha256, user_id, expires_at)
    SELECT $1, id, NOW() + $4 FROM selfheal.users
    WHERE id = $2 AND disabled_at IS NULL AND password_hash IS NOT DISTINCT FROM $3
    RETURNING user_id
"""
FIND: Final = """
    SELECT u.id, u.name, NULL AS password_hash, u.issuer, u.subject, u.role, u.task_types,
           u.created_at, u.disabled_at, s.last_seen_at < NOW() - $3::interval AS is_stale
    FROM selfheal.sessions AS s JOIN selfheal.users AS u ON u.id = s.user_id
    WHERE s.token_sha256 = $1 AND s.ended_at IS NULL AND s.expires_at > NOW()
      AND s.last_seen_at > NOW() - $2::interval AND u.disabled_at IS NULL
"""
TOUCH: Final = "UPDATE selfheal.sessions SET last_seen_at = NOW() WHERE token_sha256 = $1"
END: Final = """
    UPDATE selfheal.sessions SET ended_at = NOW()
    WHERE token_sha256 = $1 AND ended_at IS NULL
    RETURNING user_id
"""
SWEEP: Final = "DELETE FROM selfheal.sessions WHERE expires_at < NOW() - INTERVAL '7 days'"
# How often it is written down that somebody is still there.
TOUCH_EVERY: Final = timedelta(minutes=1)


class Sessions:
    """Keeps sessions in the database, where each request asks for its own."""

    def __init__(self, database: Database, settings: PeopleSettings) -> None:
        self._database = database
        self._idle = timedelta(minutes=settings.session_idle_minutes)
        self._whole = timedelta(hours=settings.session_hours)

    async def begin(
        self, connection: asyncpg.Connection, account: Account, *, earlier: str
    ) -> str | None:
        """Begin a session and end an earlier one that came along; gives the new one's secret.

        None where the account was disabled or changed since it was read.
        """
        secret = generate_session()
        await self.end(connection, earlier)
        await connection.execute(SWEEP)
        begun = await connection.fetchval(
            BEGIN, hash_secret(secret), account.id, account.password_hash, self._whole
        )
        return None if begun is None else secret

    async def find(self, secret: str, *, is_attended: bool = True) -> Account | None:
        """Return whose session this is; None where it has ended, or never was.

        Args:
            is_attended: Whether that somebody is still there is to be written down.

        Raises:
            DatabaseUnavailableError: If it can't be known.
        """
        digest = hash_secret(secret)
        stale_after = min(TOUCH_EVERY, self._idle / 2)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(FIND, digest, self._idle, stale_after)
            if row is None:
                return None
            found = dict(row)
            if found.pop("is_stale") and is_attended:
                await connection.execute(TOUCH, digest)
        return Account(**found)

    async def end(self, connection: asyncpg.Connection, secret: str) -> int | None:
        """End a session, and return the id of whose it was; None where there was none."""
        user_id: int | None = await connection.fetchval(END, hash_secret(secret))
        return user_id
