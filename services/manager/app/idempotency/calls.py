"""Holds a call for who is at it, and keeps its answer in the transaction of its row."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import uuid4

import asyncpg
from fastapi import Header
from pydantic import WithJsonSchema
from starlette.responses import Response
from starlette.types import Scope

from services.common.access.keys import ApiKey
from services.common.database import Database
from services.common.database.failures import surviving
from services.manager.app.idempotency.errors import (
    AnswerTooLargeError,
    CallInProgressError,
    InvalidIdempotencyKeyError,
    KeyReusedError,
)

# A process that dies keeps others from its calls for so long.
LEASE_SECONDS: Final = 30.0
KEPT_HOURS: Final = 24
MAX_KEPT_BYTES: Final = 8 << 20
REQUEST_ID_HEADER: Final = "x-selfheal-request-id"
_KEY_PATTERN: Final = "^[!-~]{1,255}$"
_MATCH_KEY: Final = re.compile(_KEY_PATTERN.encode()).fullmatch

# What it must match is told, and not checked: both doors refuse a key that is none alike.
_DescribedKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": _KEY_PATTERN})]
IdempotencyKey = Annotated[
    _DescribedKey | None,
    Header(
        description="Names this request, so that it is answered once however often it is tried: "
        "for 24 hours, the same key and body get the same answer.",
    ),
]

_CALL: Final = "api_key = $1 AND route = $2 AND task_type = $3 AND key_sha256 = $4"
_HELD: Final = f"{_CALL} AND holder = $5 AND status IS NULL"
CLAIM: Final = f"""
    INSERT INTO selfheal.idempotent_calls AS c
        (api_key, route, task_type, key_sha256, holder, body_sha256, held_until)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    ON CONFLICT (api_key, route, task_type, key_sha256) DO UPDATE SET
        body_sha256 = excluded.body_sha256, holder = excluded.holder,
        held_until = excluded.held_until, created_at = now(),
        status = NULL, headers = NULL, content = NULL
    WHERE c.created_at < now() - interval '{KEPT_HOURS} hours'
       OR c.status IS NULL AND c.held_until < now() AND c.body_sha256 = excluded.body_sha256
    RETURNING TRUE
"""
SELECT_CALL: Final = f"""
    SELECT body_sha256, status, headers, content,
           extract(epoch FROM now() - created_at)::float AS age_seconds,
           extract(epoch FROM held_until - now())::float AS held_seconds
    FROM selfheal.idempotent_calls WHERE {_CALL}
"""
RENEW: Final = f"""
    UPDATE selfheal.idempotent_calls SET held_until = now() + make_interval(secs => $6)
    WHERE {_HELD}
"""
KEEP: Final = f"""
    UPDATE selfheal.idempotent_calls SET status = $6, headers = $7, content = $8
    WHERE {_HELD} RETURNING TRUE
"""
RELEASE: Final = f"DELETE FROM selfheal.idempotent_calls WHERE {_HELD}"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a call was answered with, by an earlier try."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def as_response(self) -> Response:
        """Return the answer as it is given again."""
        headers = {**self.headers, "idempotent-replayed": "true"}
        return Response(self.content, self.status, headers)


class Call:
    """A call that this process is at; what it is answered with is collected as it is sent."""

    def __init__(self, database: Database, identity: tuple[str, str, str, bytes]) -> None:
        self._database = database
        self._held = (*identity, uuid4())
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    async def claim(self, connection: asyncpg.Connection, body_sha256: bytes) -> bool:
        """Take it, where nobody is at it and it has no answer."""
        return bool(await connection.fetchval(CLAIM, *self._held, body_sha256, LEASE_SECONDS))

    def collect(self, piece: bytes) -> None:
        """Take a piece of the answer, up to what is kept of one."""
        self._size_bytes += len(piece)
        if self._size_bytes <= MAX_KEPT_BYTES:
            self._pieces.append(piece)

    def keeping(
        self, headers: Mapping[str, str], rest: bytes
    ) -> Callable[[asyncpg.Connection], Awaitable[None]]:
        """Return what keeps the answer: what was collected, and the rest.

        It raises CallInProgressError where another process is at the call by now: the transaction
        that it stands in must not be committed then.
        """
        self.collect(rest)
        is_kept = self._size_bytes <= MAX_KEPT_BYTES
        content = b"".join(self._pieces) if is_kept else None
        kept = {name: value.encode("ascii", "replace").decode() for name, value in headers.items()}

        async def keep(connection: asyncpg.Connection) -> None:
            if not await connection.fetchval(KEEP, *self._held, 200, kept, content):
                raise CallInProgressError(wait_seconds=1)

        return keep

    async def renew(self) -> None:
        """Hold it for as long as this runs; while the database is away nobody can take it."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with surviving("call_not_renewed"):
                async with self._database.connection() as connection:
                    await connection.execute(RENEW, *self._held, LEASE_SECONDS)

    async def release(self) -> None:
        """Let the next try take it, unless it is answered; else that has to wait for the lease."""
        with surviving("call_not_released"):
            async with self._database.connection() as connection:
                await connection.execute(RELEASE, *self._held)


class IdempotentCalls:
    """The calls that came with a key, whichever Manager they came to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def enter(
        self, scope: Scope, task_type: str, content: bytes
    ) -> AsyncIterator[Call | KeptAnswer | None]:
        """Begin a call: gives what it was answered with before, if it was; None without a key.

        Args:
            scope: The request, whose caller may use the task type.
            task_type: The one that it is for.
            content: Its body.

        Raises:
            InvalidIdempotencyKeyError: If the key is none.
            CallInProgressError: If another try is under way.
            KeyReusedError: If the key came before, with another body.
            AnswerTooLargeError: If it was answered, with more than is kept.
            DatabaseUnavailableError: If the database gives no answer.
        """
        key = _read_key(scope)
        if key is None:
            yield None
            return
        api_key: ApiKey | None = scope["state"].get("api_key")
        whose = api_key.id if api_key else ""
        identity = (whose, scope["path"], task_type, hashlib.sha256(key).digest())
        body_sha256 = hashlib.sha256(content).digest()
        call = Call(self._database, identity)
        async with self._database.connection() as connection:
            is_ours = await call.claim(connection, body_sha256)
            found = None if is_ours else await connection.fetchrow(SELECT_CALL, *identity)
        if not is_ours:
            yield _read_answer(found, body_sha256)
            return
        renewing = asyncio.create_task(call.renew())
        try:
            yield call
        finally:
            renewing.cancel()
            await call.release()


def _read_key(scope: Scope) -> bytes | None:
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not keys:
        return None
    if len(keys) > 1 or not _MATCH_KEY(keys[0]):
        raise InvalidIdempotencyKeyError
    return bytes(keys[0])


def _read_answer(found: asyncpg.Record | None, body_sha256: bytes) -> KeptAnswer:
    """Return what a call was answered with, or raise why there is nothing to return."""
    if found is None:  # released just now
        raise CallInProgressError(wait_seconds=1)
    if found["body_sha256"] != body_sha256:
        raise KeyReusedError
    if found["status"] is None:
        # Nobody knows how much longer: a client that waits so doubles its waits. Whoever holds it
        # may be dead, and then the end of its lease is worth a try.
        raise CallInProgressError(wait_seconds=min(found["age_seconds"], found["held_seconds"]))
    if found["content"] is None:
        raise AnswerTooLargeError(
            request_id=found["headers"].get(REQUEST_ID_HEADER, ""), limit_bytes=MAX_KEPT_BYTES
        )
    return KeptAnswer(found["status"], found["headers"], found["content"])
