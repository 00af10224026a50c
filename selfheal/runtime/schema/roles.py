"""The database users of the services: what each may do, and their passwords."""

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
from selfheal.runtime.schema.exclusion import Connection, alone
from selfheal.runtime.secret_files import SECRET_BYTES, read_secret
from services.common.private_files import write_private

SERVICES: Final[tuple[str, ...]] = ("manager", "worker", "optimizer", "console")
# PostgreSQL cuts a longer name, and two that are cut may be one.
_LONGEST_NAME: Final = 63
_FILE: Final = "roles.sql"
_ATTEMPTS: Final = 10
_ITERATIONS: Final = 4096
_CAN_APPLY: Final = "SELECT to_regclass('selfheal.trusted_roles') IS NOT NULL"
_NAME_ROLE: Final = "SELECT set_config('selfheal.' || $1 || '_role', $2, TRUE)"
_HAS_ROLE: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
_TRUST_OWN_USER: Final = """
    INSERT INTO selfheal.trusted_roles (role)
    SELECT session_user WHERE NOT EXISTS (SELECT FROM selfheal.trusted_roles)
"""
_DISTRUST_OWN_USER: Final = """
    DELETE FROM selfheal.trusted_roles WHERE role = session_user AND role <> $1
"""
# The console's own. What a page asks about may be an hour or a month: one plan doesn't fit both.
_CONSOLE_SETTINGS: Final = {
    "statement_timeout": "'5s'",
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_custom_plan",
}
_PASSFILE_LINE: Final = re.compile(r"\*:\*:\*:([^:\\]+):([\w-]+)")


def name_role(database: str, service: str) -> str:
    """Name a service's user of a database: users belong to the whole server.

    Raises:
        PostgresError: If the name is none that a server and a password file can hold.
    """
    name = f"{database}_{service}"
    if len(name.encode()) > _LONGEST_NAME or set(name) & set(":\\\n"):
        raise PostgresError(
            f"The database's name makes none for the {service}'s user: {name}.",
            remedy=f"Name a user in {service.upper()}_DATABASE_URL.",
        )
    return name


async def update_roles(
    connection: Connection,
    schema: Path,
    names: Mapping[str, str],
    passwords: Mapping[str, str] | None = None,
) -> None:
    """Make the users that are given a password, and grant all what this version's tables need.

    Another start waits meanwhile; one for another database of the server may be at it too, and
    fail where both change the same.

    Args:
        schema: The schema's file; that of the grants lies beside it, as the migrations do.
        names: The users' names, by service; one that isn't there is passed over.
        passwords: Passwords to give, by service.

    Raises:
        PostgresError: If the rights to do so are lacking.
    """
    file = schema.parent / _FILE
    if not file.is_file() or not await connection.fetchval(_CAN_APPLY):
        return
    sql = file.read_text(encoding="utf-8")
    for left in reversed(range(_ATTEMPTS)):
        try:
            async with alone(connection):
                for service, name in names.items():
                    await connection.execute(_NAME_ROLE, service, name)
                for service, password in (passwords or {}).items():
                    await _make_role(connection, service, names[service], password)
                await connection.execute(sql)
        except (
            asyncpg.InternalServerError,  # "tuple concurrently updated", which has no code
            asyncpg.DuplicateObjectError,
            asyncpg.UniqueViolationError,
        ):
            if not left:
                raise
        except asyncpg.InsufficientPrivilegeError as error:
            raise PostgresError(
                f"The services' database users can't be made: {error}.",
                remedy="Have somebody with CREATEROLE make them, and name them in "
                "MANAGER_DATABASE_URL, WORKER_DATABASE_URL, OPTIMIZER_DATABASE_URL and "
                "CONSOLE_DATABASE_URL: selfheal migrate then grants what they need, without "
                "the options for password files.",
            ) from error
        else:
            return


async def _make_role(connection: Connection, service: str, name: str, password: str) -> None:
    quoted = '"{}"'.format(name.replace('"', '""'))
    if not await connection.fetchval(_HAS_ROLE, name):
        await connection.execute(f"CREATE ROLE {quoted}")
        settings = _CONSOLE_SETTINGS if service == "console" else {}
        for setting, value in settings.items():
            await connection.execute(f"ALTER ROLE {quoted} SET {setting} = {value}")
    encrypted = encrypt_password(password)
    await connection.execute(f"ALTER ROLE {quoted} LOGIN PASSWORD '{encrypted}'")


async def update_own_roles(
    connection: Connection,
    schema: Path,
    named: Mapping[str, str],
    password_files: Mapping[str, Path],
) -> None:
    """See to the users of a database of the operator's own, and to whose word is believed.

    Whose word on who acts is believed: that of the Manager's own user where it has one, and until
    then that of the user who migrates, as whom the Manager connects.

    Args:
        named: The users that settings name, by service.
        password_files: Where to keep passwords, by service: those users are made.

    Raises:
        PostgresError: If the rights to make users are lacking, or a file is of another kind.
    """
    database = await connection.fetchval("SELECT current_database()")
    wanted = {*password_files, *named}
    names = {one: named.get(one) or name_role(database, one) for one in SERVICES if one in wanted}
    passwords = {
        service: read_or_create_passfile(file, names[service])
        for service, file in password_files.items()
    }
    if "manager" in names:
        await connection.execute(_DISTRUST_OWN_USER, names["manager"])
    else:
        await connection.execute(_TRUST_OWN_USER)
    await update_roles(connection, schema, names, passwords)


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
    """Return a user's password in a file that libpq and asyncpg take as `passfile`.

    It is added if need be; other users' lines stay, for who still connects as one of them.

    Raises:
        PostgresError: If the file is there, and not of this kind.
    """
    lines = (read_secret(path) or "").splitlines()
    matches = [_PASSFILE_LINE.fullmatch(line) for line in lines]
    kept = {match[1]: match[2] for match in matches if match}
    if not all(matches):
        raise PostgresError(
            f"{path} isn't a password file that this command wrote.",
            remedy="Remove it, or name another file.",
        )
    if role not in kept:
        kept[role] = secrets.token_urlsafe(SECRET_BYTES)
        lines.append(f"*:*:*:{role}:{kept[role]}")
        write_private(path, "\n".join(lines) + "\n")
    return kept[role]
