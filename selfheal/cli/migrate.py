"""`selfheal migrate`: bring a database of the operator's own to this version's schema."""

from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.lifecycle import friendly_errors, messages
from selfheal.runtime.assembly import build_external_database, uses_own_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.schema.roles import CONSOLE_ROLE, MANAGER_ROLE, read_or_create_passfile
from selfheal.runtime.secret_files import read_or_create_secret
from services.common.config import Settings


def migrate(
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
            help="Also make the database users of Manager and console, with the Manager's password "
            "in this file (as `passfile=` in its DATABASE_URL), written unless it is there.",
            metavar="FILE",
        ),
    ] = None,
    console_password_file: Annotated[
        Path | None,
        typer.Option(help="The same for the console and CONSOLE_DATABASE_URL.", metavar="FILE"),
    ] = None,
    console_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Also write what the Manager knows the console by into this file, unless it is "
            "there (CONSOLE_TOKEN_FILE reads it).",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Make the tables in the database of DATABASE_URL, or apply the migrations that it lacks.

    Run it before a new version starts. Running it twice does no harm. The embedded database needs
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
        files = {MANAGER_ROLE: manager_password_file, CONSOLE_ROLE: console_password_file}
        passwords = {
            role: read_or_create_passfile(file, role) for role, file in files.items() if file
        }
        applied = build_external_database(settings, progress=messages.print).upgrade(passwords)
        if internal_token_file is not None:
            read_or_create_secret(internal_token_file)
            # Prometheus reads it too, under an account of its own that is in the group.
            internal_token_file.chmod(0o640)
        if console_token_file is not None:
            read_or_create_secret(console_token_file)
        messages.print(f"Applied {', '.join(applied)}." if applied else "The schema is current.")
        if console_password_file is None and not settings.console_database_url:
            messages.print(
                "CONSOLE_DATABASE_URL isn't set, so there is no console: --console-password-file "
                "makes a database user for it, who may only read."
            )
