"""The database users of Manager and console: what each may do, and their passwords."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.migrations import Connection
from selfheal.runtime.secret_files import SECRET_BYTES, read_secret
from services.common.private_files import write_private

MANAGER_ROLE: Final = "selfheal_manager"
CONSOLE_ROLE: Final = "selfheal_console"
_FILE: Final = "roles.sql"
_ATTEMPTS: Final = 10
_ITERATIONS: Final = 4096
_CAN_APPLY: Final = "SELECT to_regclass('selfheal.trusted_roles') IS NOT NULL"
_IS_APPLIED: Final = "SELECT EXISTS (SELECT FROM selfheal.trusted_roles WHERE role = $1)"
_TRUST_OWN_USER: Final = """
    INSERT INTO selfheal.trusted_roles (role)
    SELECT session_user WHERE NOT EXISTS (SELECT FROM selfheal.trusted_roles)
"""
_DISTRUST_OWN_USER: Final = """
    DELETE FROM selfheal.trusted_roles WHERE role = session_user AND role <> $1
"""
_PASSFILE_LINE: Final = re.compile(r"\*:\*:\*:\w+:([\w-]+)")


async def update_roles(
    connection: Connection, schema: Path, passwords: Mapping[str, str] | None = None
) -> None:
    """Make the users that aren't there, and grant what this version's tables need.

    Users belong to the whole server, so another database's start may be at it too: PostgreSQL has
    one of two wait, and then fail where both change the same.

    Args:
        schema: The schema's file; that of the users lies beside it, as the migrations do.
        passwords: Passwords to give, by user.

    Raises:
        PostgresError: If the rights to do so are lacking.
    """
    file = schema.parent / _FILE
    if not file.is_file() or not await connection.fetchval(_CAN_APPLY):
        return
    sql = file.read_text(encoding="utf-8")
    for role, password in (passwords or {}).items():
        sql += f"ALTER ROLE {role} LOGIN PASSWORD '{encrypt_password(password)}';\n"
    for left in reversed(range(_ATTEMPTS)):
        try:
            async with connection.transaction():
                await connection.execute(sql)
        except asyncpg.InternalServerError:  # "tuple concurrently updated", which has no code
            if not left:
                raise
        except asyncpg.InsufficientPrivilegeError as error:
            raise PostgresError(
                f"The users {MANAGER_ROLE} and {CONSOLE_ROLE} can't be made: {error}.",
                remedy="Have somebody with CREATEROLE run db/roles.sql and give both a password, "
                "and name them in the DATABASE_URL of the Manager and in CONSOLE_DATABASE_URL.",
            ) from error
        else:
            return


async def update_trust(connection: Connection, schema: Path, passwords: Mapping[str, str]) -> None:
    """Settle whose word on who acts is believed, in a database of the operator's own.

    That of the Manager's own user where it is given a password, and until then that of the user
    who migrates, as whom the Manager connects. The users are made where a password is given, and
    kept up to date from then on.

    Raises:
        PostgresError: If the rights to make users are lacking.
    """
    if MANAGER_ROLE in passwords:
        await connection.execute(_DISTRUST_OWN_USER, MANAGER_ROLE)
    else:
        await connection.execute(_TRUST_OWN_USER)
    if passwords or await connection.fetchval(_IS_APPLIED, MANAGER_ROLE):
        await update_roles(connection, schema, passwords)


def encrypt_password(password: str) -> str:
    """Compute what PostgreSQL keeps of a password (SCRAM-SHA-256), as libpq's programs do.

    The password itself then never stands in a statement, which servers log.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    texts = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ITERATIONS, *texts)


def read_or_create_passfile(path: Path, role: str) -> str:
    """Return the password in a file that libpq and asyncpg take as `passfile`, made if need be.

    Raises:
        PostgresError: If the file is there, and not of this kind.
    """
    kept = read_secret(path)
    if kept is None:
        kept = f"*:*:*:{role}:{secrets.token_urlsafe(SECRET_BYTES)}"
        write_private(path, kept + "\n")
    match = _PASSFILE_LINE.fullmatch(kept)
    if match is None:
        raise PostgresError(
            f"{path} isn't a password file that this command wrote.",
            remedy="Remove it, or name another file.",
        )
    return match[1]
