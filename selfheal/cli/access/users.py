"""`selfheal users`: who may sign in, and what each of them may do."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.access.accounts import (
    Account,
    change_account,
    create_account,
    list_accounts,
)
from services.common.access.passwords import MIN_CHARACTERS, hash_password
from services.common.admin.schemas import Role
from services.common.config import Settings

Answer = TypeVar("Answer")

Name = Annotated[str, typer.Argument(help="As it is typed to sign in.")]
RoleOption = Annotated[Role, typer.Option("--role", "-r", help="What they may do.")]
TaskTypes = Annotated[
    list[str] | None,
    typer.Option("--task-type", "-t", help="Only this one; may be given again.", metavar="NAME"),
]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]

app = typer.Typer(no_args_is_help=True, help="Make, list and change the accounts of people.")
output = Console()


@app.command("create")
def create_user(
    name: Name,
    role: RoleOption = "viewer",
    task_types: TaskTypes = None,
    password_stdin: FromInput = False,
) -> None:
    """Make an account; the password is asked for twice.

    From the first one on, console and admin API ask everybody to sign in, so make it an admin.

    Example: selfheal users create alice --role admin
    """
    password_hash = hash_password(_ask_password(password_stdin))
    bound = sorted(set(task_types)) if task_types else None

    async def create(connection: asyncpg.Connection) -> Account:
        return await create_account(
            connection, name=name, password_hash=password_hash, role=role, task_types=bound
        )

    _tell(_ask(create), "can sign in")


@app.command("list")
def show_users(as_json: AsJson = False) -> None:
    """List the accounts, the oldest first; those of an OpenID provider too.

    Example: selfheal users list
    """
    accounts = _ask(list_accounts)
    if as_json:
        print_json([asdict(account) | {"password_hash": None} for account in accounts])
        return
    titles = ("name", "role", "task types", "signs in", "made", "state")
    table = Table(*titles, box=None, pad_edge=False)
    for account in accounts:
        table.add_row(
            Text(account.name),
            account.role,
            Text(", ".join(account.task_types) if account.task_types else "all"),
            Text("with a password" if account.is_local else f"at {account.issuer}"),
            f"{account.created_at.astimezone():%Y-%m-%d %H:%M}",
            "disabled" if account.is_disabled else "enabled",
        )
    output.print(table)


@app.command("disable")
def disable_user(name: Name) -> None:
    """Keep somebody out, from now on: their sessions end too.

    Example: selfheal users disable alice
    """
    _tell(_change(name, is_disabled=True), "is disabled")


@app.command("enable")
def enable_user(name: Name) -> None:
    """Let somebody in again who was disabled.

    Example: selfheal users enable alice
    """
    _tell(_change(name, is_disabled=False), "can sign in again")


@app.command("password")
def set_password(name: Name, password_stdin: FromInput = False) -> None:
    """Give a local account another password; its sessions end.

    Example: selfheal users password alice
    """
    password_hash = hash_password(_ask_password(password_stdin))
    _tell(_change(name, password_hash=password_hash), "has another password")


@app.command("role")
def set_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do.")],
    task_types: TaskTypes = None,
) -> None:
    """Give a local account another role, for the task types named, or for all; its sessions end.

    Example: selfheal users role alice approver --task-type code_generation
    """
    _tell(_change(name, role=role, task_types=sorted(set(task_types or ()))), f"is {role} now")


def _change(name: str, **changes: Any) -> Account:
    async def change(connection: asyncpg.Connection) -> Account:
        accounts = await list_accounts(connection)
        found = [one for one in accounts if one.name.lower() == name.lower()]
        if not found:
            raise EmbeddedRuntimeError(
                "There is no account of this name.", remedy="See them with: selfheal users list"
            )
        return await change_account(connection, found[0].id, **changes)

    return _ask(change)


def _ask(question: Callable[[asyncpg.Connection], Awaitable[Answer]]) -> Answer:
    with friendly_errors():
        return ask_database(Settings(), question)


def _ask_password(from_input: bool) -> str:
    """Take a password from where no list of processes and no history shows it."""
    if from_input:
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < MIN_CHARACTERS:
        raise typer.BadParameter(f"the password must have {MIN_CHARACTERS} characters or more")
    return password


def _tell(account: Account, what: str) -> None:
    messages.print(Text(f"{account.name} {what} ({account.role})."))
