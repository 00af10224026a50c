"""`selfheal erase`: take a person's texts out of all that is kept here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated
from uuid import UUID

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.terminal import (
    FAILURE_EXIT_CODE,
    AsJson,
    friendly_errors,
    messages,
    print_json,
    showing_progress,
)
from selfheal.erasure.erasing import Eraser, Person
from selfheal.erasure.receipt import NOT_REACHED, Receipt
from selfheal.operator_database import ask_database, find_operator
from selfheal.runtime.assembly import build_system
from services.common.config import Settings
from services.common.database import connect
from services.common.personal.names import list_stored_names

output = Console()


def erase(
    end_user: Annotated[
        str | None,
        typer.Option(
            help="The id that your application sent as the end user; asked for where it is left "
            "out, so that no history of commands has it.",
            metavar="ID",
            show_default=False,
        ),
    ] = None,
    request_ids: Annotated[
        list[UUID] | None,
        typer.Option(
            "--request", help="A request of theirs that names nobody; may be given again."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what there is, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person's texts for good: requests, answers, and what was made of them.

    Figures stay. A heal that has their texts in its hands is waited for. Cut off, it can be run
    again. Exits with 1 where something is left that takes your hand.

    Example: selfheal erase --end-user ann@example.com --dry-run
    """
    if end_user is None:
        with _saying_what_answers("--end-user ID"):
            end_user = typer.prompt("End user", err=True)
    if not end_user:
        raise typer.BadParameter("name an end user", param_hint="--end-user")
    with friendly_errors():
        settings = Settings()
        key = SecretStr(build_system(settings).credentials().end_user_key)
        if not key:
            messages.print("END_USER_KEY isn't set: whom a keyed hash stands for isn't found.")
        person = Person(list_stored_names(end_user, key), request_ids or ())
        if dry_run or not yes:
            receipt = _run(settings, person, is_dry=True)
            if dry_run or not as_json:
                _show(receipt, as_json=as_json, is_erased=False)
            if dry_run:
                return
            with _saying_what_answers("--yes"):
                is_agreed = typer.confirm("Erase this for good?", err=True)
            if not is_agreed:
                messages.print("Nothing was erased.")
                raise typer.Exit(FAILURE_EXIT_CODE)
        receipt = _run(settings, person, is_dry=False)
    _show(receipt, as_json=as_json, is_erased=True)
    if receipt.left:
        raise typer.Exit(FAILURE_EXIT_CODE)


@contextmanager
def _saying_what_answers(option: str) -> Iterator[None]:
    """Where nobody sits at a terminal to be asked, say which option answers the question."""
    try:
        yield
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        messages.print(f"\nNothing was erased. Nobody can be asked here; give {option}.")
        raise typer.Exit(FAILURE_EXIT_CODE) from None


def _run(settings: Settings, person: Person, *, is_dry: bool) -> Receipt:
    url = build_system(settings).credentials().database_url
    another = partial(connect, url, timeout_seconds=settings.database_timeout_seconds)
    places = {"spool": settings.spool_directory, "golden": settings.task_types_dir}
    with showing_progress("looking" if is_dry else "erasing") as progress:
        return ask_database(
            settings,
            lambda one: Eraser(one, another, find_operator(), progress, is_dry).erase(
                person, **places
            ),
            is_one_transaction=False,
        )


def _show(receipt: Receipt, *, as_json: bool, is_erased: bool) -> None:
    if not receipt.removed["execution_logs"]:
        messages.print("No request was found. Is END_USER_KEY the one that the Managers have, and "
                       "the name as they got it?")  # fmt: skip
    if as_json:
        print_json(receipt.as_json(is_erased=is_erased))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("where")
    table.add_column("erased in" if is_erased else "to erase in", justify="right")
    for place, count in receipt.removed.items():
        table.add_row(place, f"{count:,}")
    output.print(table)
    output.print(Text(f"Person {receipt.person}; spool {receipt.spool}", style="dim"))
    for sentence in receipt.left:
        output.print(Text(f"Left: {sentence}", style="yellow"))
    output.print("Not reached:")
    for name, what in NOT_REACHED.items():
        output.print(Text(f"  {name.replace('_', ' ')}: {what}"))
