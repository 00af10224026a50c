"""`selfheal migrate`: bring a database of the operator's own to this version's schema."""

import time
from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.terminal import (
    friendly_errors,
    messages,
)
from selfheal.runtime.assembly import build_external_database, uses_own_database
from selfheal.runtime.errors import EmbeddedRuntimeError, PostgresError
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.secret_files import read_or_create_secret
from services.common.config import Settings

_POLL_SECONDS = 2.0

_PasswordFile = Annotated[
    Path | None,
    typer.Option(help="Likewise for the database user of that service.", metavar="FILE"),
]


def migrate(
    *,
    internal_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Also write the token by which the services know one another into this file, "
            "unless it is there (INTERNAL_TOKEN_FILE reads it).",
            metavar="FILE",
        ),
    ] = None,
    manager_password_file: Annotated[
        Path | None,
        typer.Option(
            help="Also make the Manager's database user, with its password in this file (as "
            "`passfile=` in its DATABASE_URL), written unless it is there.",
            metavar="FILE",
        ),
    ] = None,
    worker_password_file: _PasswordFile = None,
    optimizer_password_file: _PasswordFile = None,
    console_password_file: _PasswordFile = None,
    end_user_key_file: Annotated[
        Path | None,
        typer.Option(
            help="Also write what the Manager hashes names of end users with into this file, "
            "unless it is there (END_USER_KEY_FILE reads it). Keep it: nobody is found without it.",
            metavar="FILE",
        ),
    ] = None,
    console_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Also write what the Manager knows the console by into this file, unless it is "
            "there (CONSOLE_TOKEN_FILE reads it).",
            metavar="FILE",
        ),
    ] = None,
    wait_seconds: Annotated[
        float | None,
        typer.Option(
            "--wait",
            min=0,
            help="Change nothing: wait, at most so long, until another one has made the schema "
            "this version's. Any service's user may ask.",
            metavar="SECONDS",
        ),
    ] = None,
) -> None:
    """Make the tables in the database of DATABASE_URL, or apply the migrations that it lacks.

    Run it before a new version starts. Running it twice does no harm. Users that
    MANAGER_DATABASE_URL and its like name are granted what they need. The embedded database needs
    none of this: `selfheal up` sees to it.

    Example: DATABASE_URL=postgresql://agent:password@db.example/agent_system selfheal migrate
    """
    with friendly_errors():
        settings = Settings()
        if not uses_own_database(settings):
            raise EmbeddedRuntimeError(
                "DATABASE_URL isn't set, and the embedded database is migrated when it starts.",
                remedy="Run selfheal up, or set DATABASE_URL to a database of your own.",
            )
        if wait_seconds is not None:
            _wait_for_schema(build_external_database(settings), wait_seconds)
            return
        files = {
            "manager": manager_password_file,
            "worker": worker_password_file,
            "optimizer": optimizer_password_file,
            "console": console_password_file,
        }
        applied = build_external_database(settings, progress=messages.print).upgrade(
            {service: file for service, file in files.items() if file}
        )
        if internal_token_file is not None:
            read_or_create_secret(internal_token_file)
            # Prometheus reads it too, under an account of its own that is in the group.
            internal_token_file.chmod(0o640)
        for file in filter(None, (console_token_file, end_user_key_file)):
            read_or_create_secret(file)
        messages.print(f"Applied {', '.join(applied)}." if applied else "The schema is current.")
        if console_password_file is None and not settings.console_database_url:
            messages.print(
                "CONSOLE_DATABASE_URL isn't set, so there is no console: --console-password-file "
                "makes a database user for it, who may only read."
            )


def _wait_for_schema(database: ExternalDatabase, seconds: float) -> None:
    """Look until the database has all that this version needs, and say what it waits for.

    Raises:
        PostgresError: If that takes longer, or the database can't be reached so long.
    """
    end = time.monotonic() + seconds
    told = ""
    while True:
        try:
            database.start()
        except PostgresError as error:
            if time.monotonic() >= end:
                raise
            if error.message != told:
                messages.print(f"waiting: {error.message}", markup=False)
            told = error.message
            time.sleep(_POLL_SECONDS)
        else:
            messages.print("The schema is current.")
            return
