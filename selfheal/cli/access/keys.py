"""`selfheal keys`: who may use the Manager from beyond this machine."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.access.users import TaskTypes
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.access.key_records import (
    KeyRecord,
    is_known,
    list_keys,
    revoke_key,
    store_key,
)
from services.common.access.keys import KEY_PREFIX, KeyScope, NewKey, generate_key, read_key
from services.common.config import Settings

SELECT_UNSERVED = """
    SELECT coalesce(array_agg(name), '{}')
    FROM unnest($1::text[]) AS name
    WHERE NOT EXISTS (SELECT FROM prompts WHERE task_type = name AND is_active)
"""

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of clients.")
output = Console()


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whom or what it is for.")],
    scopes: Annotated[
        list[KeyScope] | None,
        typer.Option("--scope", "-s", help="What it allows; may be given again. Default: serve."),
    ] = None,
    task_types: TaskTypes = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=36_500, help="Refused after so many days.")
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            exists=True,
            dir_okay=False,
            help="Take the key in this file, which was made elsewhere, and print none. One that is "
            "known, be it revoked, stays as it is.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this one time: only a hash of it is kept.

    Example: selfheal keys create chatbot --scope serve --task-type code_generation --days 90
    """
    if not name.strip():
        raise typer.BadParameter("give it a name, by which you will know it in the list")
    key = _read_key(file) if file else generate_key()
    chosen = sorted(set(scopes or [KeyScope.SERVE]))
    bound = sorted(set(task_types)) if task_types else None
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None

    async def keep(connection: asyncpg.Connection) -> list[str]:
        if file and await is_known(connection, key):
            return []
        await store_key(
            connection, key, name=name, scopes=chosen, task_types=bound, expires_at=expires_at
        )
        unserved: list[str] = await connection.fetchval(SELECT_UNSERVED, bound or [])
        return unserved

    with friendly_errors():
        unknown = ask_database(Settings(), keep)
    if unknown:
        messages.print(Text(f"Nothing is served yet under: {', '.join(unknown)}.", style="yellow"))
    if file:
        messages.print("The key in the file is known.")
        return
    if as_json:
        what = {"scopes": chosen, "task_types": bound, "expires_at": expires_at}
        print_json({"id": key.id, "key": key.text, "name": name} | what)
        return
    typer.echo(key.text)
    messages.print("It is shown this once: keep it now. Send it as: Authorization: Bearer sh_...")


@app.command("list")
def show_keys(as_json: AsJson = False) -> None:
    """List the keys, without their secrets, the oldest first.

    Example: selfheal keys list
    """
    with friendly_errors():
        records = ask_database(Settings(), list_keys)
    if as_json:
        print_json([asdict(record) | {"state": _state_of(record)} for record in records])
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=12)  # whole: it is what `revoke` takes
    for title in ("name", "state", "scopes", "task types", "made", "expires"):
        table.add_column(title)
    for record in records:
        table.add_row(
            record.id,
            Text(record.name),
            _state_of(record),
            ", ".join(record.scopes),
            Text(", ".join(record.task_types) if record.task_types is not None else "all"),
            _date(record.created_at),
            _date(record.expires_at),
        )
    output.print(table)


@app.command("revoke")
def revoke_keys(
    ids: Annotated[list[str], typer.Argument(help="Id as `keys list` shows it, or a whole key.")],
) -> None:
    """Have keys refused for good, within a second, by every Manager.

    Example: selfheal keys revoke 0123456789ab
    """
    with friendly_errors():
        for text in ids:
            key_id = text.removeprefix(KEY_PREFIX).partition("_")[0]
            name = ask_database(Settings(), partial(revoke_key, key_id=key_id))
            if name is None:
                raise EmbeddedRuntimeError(
                    "There is no key with this id.", remedy="See them with: selfheal keys list"
                )
            messages.print(Text(f"Revoked {key_id} ({name})."))


def _read_key(file: Path) -> NewKey:
    key = read_key(file.read_text(encoding="utf-8-sig", errors="replace").strip())
    if key is None:
        raise typer.BadParameter(
            "the file holds no key: sh_, 12 hexadecimal digits, _ and 43 letters and digits",
            param_hint="--from-file",
        )
    return key


def _state_of(record: KeyRecord) -> str:
    if record.revoked_at is not None:
        return "revoked"
    is_over = record.expires_at is not None and record.expires_at <= datetime.now(UTC)
    return "expired" if is_over else "valid"


def _date(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
