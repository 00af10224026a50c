"""`selfheal prompts`: the prompts that serve and have served."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

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
from selfheal.display.text_difference import show_difference
from selfheal.operator_database import ask_about, ask_database, refuse_alone
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.models import Prompt
from services.common.presentation.text_difference import compare_texts
from services.common.record.activation import Activation, Patch, patch_prompt
from services.common.record.changes import find_rollback, require_whole
from services.common.record.prompts import CREATED_BY, load_prompts

TaskType = Annotated[str, typer.Option("--task-type", "-t", help="Task type of the prompts.")]
DEFAULT_TASK_TYPE = "code_generation"

app = typer.Typer(no_args_is_help=True, help="See, compare and change the prompts that serve.")
output = Console()


@app.command("list")
def list_prompts(task_type: TaskType = DEFAULT_TASK_TYPE, as_json: AsJson = False) -> None:
    """List the versions of a task type, the latest first.

    Example: selfheal prompts list
    """
    with friendly_errors():
        prompts = _load(task_type)
    if as_json:
        print_json([asdict(prompt) for prompt in prompts])
        return
    longest = max(len(str(prompt.version)) for prompt in prompts)
    table = Table(box=None, pad_edge=False, expand=True)
    for title, width in (("version", max(7, longest)), ("serves", 6), ("since", 16), ("by", 9)):
        table.add_column(title, width=width, no_wrap=True)
    table.add_column("why", ratio=1, overflow="fold")
    table.add_column("text", ratio=1, overflow="ellipsis", no_wrap=True)
    for prompt in prompts:
        table.add_row(
            str(prompt.version),
            Text("yes", style="green") if prompt.is_active else "",
            f"{prompt.created_at.astimezone():%Y-%m-%d %H:%M}",
            prompt.created_by,
            Text(prompt.change_reason or ""),
            Text(prompt.content.split("\n")[0]),
        )
    output.print(table)


@app.command("show")
def show_prompt(
    version: Annotated[int | None, typer.Argument(help="Version; by default what serves.")] = None,
    task_type: TaskType = DEFAULT_TASK_TYPE,
    as_json: AsJson = False,
) -> None:
    """Print a prompt's text, and nothing else.

    Example: selfheal prompts show 1 > prompt.txt
    """
    with friendly_errors():
        prompts = _load(task_type)
        prompt = _serving(prompts) if version is None else _find(prompts, version)
    if as_json:
        print_json(asdict(prompt))
    else:
        typer.echo(prompt.content)


@app.command("diff")
def diff_prompts(
    old: Annotated[int, typer.Argument(help="Version to compare from.")],
    new: Annotated[int | None, typer.Argument(help="Version to compare to; else what serves.")] = (
        None
    ),
    task_type: TaskType = DEFAULT_TASK_TYPE,
) -> None:
    """Show what changed between two versions; exits with 1 if anything did, as diff does.

    Example: selfheal prompts diff 1 2
    """
    with friendly_errors():
        prompts = _load(task_type)
        before = _find(prompts, old)
        after = _serving(prompts) if new is None else _find(prompts, new)
    lines = compare_texts(
        before.content,
        after.content,
        before_name=f"version {before.version}",
        after_name=f"version {after.version}",
    )
    if lines:
        output.print(show_difference(lines, output), soft_wrap=not output.is_terminal)
        raise typer.Exit(1)
    messages.print("The two are the same.")


@app.command("activate")
def activate_prompt(
    version: Annotated[int | None, typer.Argument(help="Version whose text to serve.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="New text.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")] = "",
    task_type: TaskType = DEFAULT_TASK_TYPE,
) -> None:
    """Serve an earlier version's text, or a new one, as a new version from the next request on.

    Example: selfheal prompts activate --file prompt.txt --reason "new wording"
    """
    if (version is None) == (file is None):
        raise typer.BadParameter("give either a version or --file")
    with friendly_errors():
        refuse_alone(Settings(), "another person approves what is to serve")
        prompts = _load(task_type)
        if file is not None:
            content, why = _read_text(file), reason or f"from {file.name}"
        else:
            assert version is not None  # noqa: S101 - one of the two was given
            content = _find(prompts, version).content
            why = reason or f"text of version {version}"
        _activate(_serving(prompts), content, why, is_earlier=file is None)


@app.command("rollback")
def rollback_prompt(
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")] = "",
    task_type: TaskType = DEFAULT_TASK_TYPE,
) -> None:
    """Serve the text that served before the present one, as a new version.

    A text that the Optimizer proved worse than its repair is passed over: `prompts activate`
    brings even that one back. One that lost words to `selfheal erase` is passed over as well.

    Example: selfheal prompts rollback --reason "answers got worse"
    """
    with friendly_errors():
        serving = _serving(_load(task_type))
        earlier = ask_database(Settings(), lambda connection: find_rollback(connection, serving))
        if earlier is None:
            raise EmbeddedRuntimeError(
                f"No other text served {task_type!r} well before version {serving.version}.",
                remedy="Deploy one with: selfheal prompts activate --file FILE",
            )
        why = reason or f"rollback of version {serving.version} to version {earlier.version}"
        _activate(serving, earlier.content, why, is_earlier=True)


def _load(task_type: str) -> list[Prompt]:
    prompts = ask_about(task_type, lambda connection: load_prompts(connection, task_type))
    if not prompts:
        raise EmbeddedRuntimeError(
            f"There is no prompt for task type {task_type!r} yet.",
            remedy=f"Serve its own with: selfheal tasks enable {task_type}",
        )
    return prompts


def _find(prompts: list[Prompt], version: int) -> Prompt:
    """Find the latest prompt of that version: a number can be used more than once."""
    for prompt in prompts:
        if prompt.version == version:
            return prompt
    known = ", ".join(str(prompt.version) for prompt in prompts[:10])
    raise EmbeddedRuntimeError(f"There is no version {version}.", remedy=f"The latest: {known}")


def _serving(prompts: list[Prompt]) -> Prompt:
    active = [prompt for prompt in prompts if prompt.is_active]
    if not active:
        raise EmbeddedRuntimeError(
            "No version serves.", remedy="Mark one as active in the database: selfheal psql"
        )
    return max(active, key=lambda prompt: (prompt.version, prompt.id))


def _read_text(file: Path) -> str:
    try:
        content = file.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise EmbeddedRuntimeError(f"{file} is no UTF-8 text.") from error
    if not content or "\x00" in content:
        raise EmbeddedRuntimeError(f"{file} holds no text that could serve as a prompt.")
    return content


def _activate(serving: Prompt, content: str, reason: str, *, is_earlier: bool) -> None:
    async def activate(connection: asyncpg.Connection) -> Activation:
        text = require_whole(content, serving) if is_earlier else content
        return await patch_prompt(
            connection, incumbent=serving, patch=Patch(text, reason, CREATED_BY)
        )

    activation = ask_database(Settings(), activate)
    first_line = content.split("\n", 1)[0]
    messages.print(
        f"Version {activation.version} serves {serving.task_type} now ({reason}): {first_line}"
    )
