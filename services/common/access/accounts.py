"""The table of people: who makes, lists and changes accounts, and what each role may do.

An account is a local one, with a password, or one of an OpenID provider's, known by issuer and
subject. No two have the same name, since names say who did what.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import asyncpg

from services.common.access.keys import KeyScope
from services.common.errors import ServiceError
from services.common.record.people import MAX_NAME_CHARACTERS

# From the least to the most.
ROLE_SCOPES: Final[Mapping[str, tuple[KeyScope, ...]]] = {
    "viewer": (KeyScope.READ,),
    "operator": (KeyScope.READ, KeyScope.OPERATE),
    "approver": (KeyScope.READ, KeyScope.OPERATE, KeyScope.APPROVE),
    "admin": (KeyScope.ADMIN,),
}
LOCAL_PERSON: Final = "local"
_NAME = re.compile(r"\w[\w.@+#-]*")
_NO_NAME = re.compile(r"[^\w.@+-]+")

# Any number will do that nothing else locks.
LOCK_NAMES: Final = "SELECT pg_advisory_xact_lock(15000)"
COLUMNS: Final = (
    "id, name, password_hash, issuer, subject, role, task_types, created_at, disabled_at"
)
SELECT_ALL: Final = f"SELECT {COLUMNS} FROM selfheal.users ORDER BY created_at, id"
SELECT_BY_ID: Final = f"SELECT {COLUMNS} FROM selfheal.users WHERE id = $1 FOR UPDATE"
SELECT_LOCAL: Final = (
    f"SELECT {COLUMNS} FROM selfheal.users WHERE subject IS NULL AND lower(name) = lower($1)"
)
SELECT_SUBJECT: Final = (
    f"SELECT {COLUMNS} FROM selfheal.users WHERE issuer = $1 AND subject = $2 FOR UPDATE"
)
IS_TAKEN: Final = "SELECT EXISTS (SELECT FROM selfheal.users WHERE lower(name) = lower($1))"
INSERT: Final = f"""
    INSERT INTO selfheal.users (name, password_hash, issuer, subject, role, task_types)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING {COLUMNS}
"""
UPDATE: Final = f"""
    UPDATE selfheal.users
    SET password_hash = $2, role = $3, task_types = $4,
        disabled_at = CASE WHEN $5 THEN coalesce(disabled_at, NOW()) END
    WHERE id = $1
    RETURNING {COLUMNS}
"""
END_SESSIONS: Final = """
    UPDATE selfheal.sessions SET ended_at = NOW() WHERE user_id = $1 AND ended_at IS NULL
"""


class AccountRefusedError(ServiceError):
    """The account can't be made or changed like that."""

    status_code = 409
    code = "account_refused"


class UnknownAccountError(ServiceError):
    """There is no such account."""

    status_code = 404
    code = "unknown_account"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account; `task_types` are those that it is bound to, None for all."""

    id: int
    name: str
    password_hash: str | None = field(repr=False)
    issuer: str | None
    subject: str | None
    role: str
    task_types: Sequence[str] | None
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_local(self) -> bool:
        """Whether it has a password here, and no provider vouches for it."""
        return self.subject is None

    @property
    def is_disabled(self) -> bool:
        """Whether nobody may sign in with it."""
        return self.disabled_at is not None

    @property
    def scopes(self) -> tuple[KeyScope, ...]:
        """What its role may do."""
        return ROLE_SCOPES[self.role]


async def list_accounts(connection: asyncpg.Connection) -> list[Account]:
    """Return all accounts, disabled ones too, the oldest first."""
    return [Account(**row) for row in await connection.fetch(SELECT_ALL)]


async def find_local_account(connection: asyncpg.Connection, name: str) -> Account | None:
    """Return the local account of a name, in capitals or not; a disabled one too."""
    row = await connection.fetchrow(SELECT_LOCAL, name)
    return Account(**row) if row else None


async def create_account(
    connection: asyncpg.Connection,
    *,
    name: str,
    password_hash: str,
    role: str,
    task_types: Sequence[str] | None,
) -> Account:
    """Make a local account.

    Raises:
        AccountRefusedError: If the name is another's, or could be taken for something else.
    """
    if not _is_good_name(name):
        raise AccountRefusedError(
            f"A name has letters, digits and any of . _ @ + # -, {MAX_NAME_CHARACTERS} at most, "
            f"begins with a letter or a digit, and isn't {LOCAL_PERSON!r}."
        )
    async with connection.transaction():
        await connection.execute(LOCK_NAMES)
        if await connection.fetchval(IS_TAKEN, name):
            raise AccountRefusedError("There is an account of this name already.")
        values = (name, password_hash, None, None, role, task_types)
        [row] = await connection.fetch(INSERT, *values)
    return Account(**row)


async def keep_subject(
    connection: asyncpg.Connection,
    *,
    issuer: str,
    subject: str,
    name: str,
    role: str,
    task_types: Sequence[str] | None,
) -> Account:
    """Return a provider's subject's account, made at the first sign-in, with the role of today.

    Its name is chosen then, and stays: whoever could change it at the provider could approve what
    they asked for themselves. Where the role has changed, earlier sessions end.
    """
    async with connection.transaction():
        await connection.execute(LOCK_NAMES)
        row = await connection.fetchrow(SELECT_SUBJECT, issuer, subject)
        if row is None:
            chosen = await _choose_name(connection, name)
            values = (chosen, None, issuer, subject, role, task_types)
            [row] = await connection.fetch(INSERT, *values)
            return Account(**row)
        known = Account(**row)
        if (known.role, known.task_types) == (role, task_types):
            return known
        changed = replace(known, role=role, task_types=task_types)
        return await _update(connection, changed, is_disabled=known.is_disabled)


async def change_account(
    connection: asyncpg.Connection,
    account_id: int,
    *,
    role: str | None = None,
    task_types: Sequence[str] | None = None,
    password_hash: str | None = None,
    is_disabled: bool | None = None,
) -> Account:
    """Change an account, and end its sessions; what is None stays, no task types means all.

    Raises:
        UnknownAccountError: If there is none.
        AccountRefusedError: If a provider decides what is to be changed.
    """
    async with connection.transaction():
        row = await connection.fetchrow(SELECT_BY_ID, account_id)
        if row is None:
            raise UnknownAccountError("There is no such account.")
        account = Account(**row)
        if not account.is_local and (role or task_types is not None or password_hash):
            raise AccountRefusedError(
                f"{account.name} signs in at {account.issuer}, which decides on password and role; "
                "here the account can only be disabled."
            )
        changed = replace(
            account,
            role=role or account.role,
            task_types=account.task_types if task_types is None else task_types or None,
            password_hash=password_hash or account.password_hash,
        )
        disabled = account.is_disabled if is_disabled is None else is_disabled
        return await _update(connection, changed, is_disabled=disabled)


async def _update(
    connection: asyncpg.Connection, account: Account, *, is_disabled: bool
) -> Account:
    values = (account.password_hash, account.role, account.task_types, is_disabled)
    [row] = await connection.fetch(UPDATE, account.id, *values)
    await connection.execute(END_SESSIONS, account.id)
    return Account(**row)


def _is_good_name(name: str) -> bool:
    is_short = len(name) <= MAX_NAME_CHARACTERS
    return is_short and name.lower() != LOCAL_PERSON and _NAME.fullmatch(name) is not None


async def _choose_name(connection: asyncpg.Connection, wanted: str) -> str:
    """Return a name that nobody has: what the provider says, or that with a number."""
    base = _NO_NAME.sub("-", wanted).lstrip(".@+-")[: MAX_NAME_CHARACTERS - 10]
    base = base if _is_good_name(base) else f"user-{base}"
    name, number = base, 1
    while await connection.fetchval(IS_TAKEN, name):
        number += 1
        name = f"{base}#{number}"
    return name
