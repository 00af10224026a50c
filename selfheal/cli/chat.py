"""`selfheal chat`: a conversation in the terminal, through the door that applications use."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from selfheal.cli.terminal import (
    friendly_errors,
)
from selfheal.manager_client import RequestFailedError, stream_chat, wait_for_score
from services.common.config import Settings
from services.common.presentation.visible_text import make_visible

# A score that takes longer is told by `selfheal explain`.
SCORE_SECONDS = 3.0

output = Console(highlight=False)


def chat(
    text: Annotated[
        str, typer.Argument(help="One message; without it a conversation begins.")
    ] = "",
    task_type: Annotated[
        str, typer.Option("--task-type", "-t", help="Task type whose prompt answers.")
    ] = "code_generation",
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--var", help="A variable of the prompt; may be given again.", metavar="NAME=VALUE"
        ),
    ] = None,
) -> None:
    """Talk to the running system: answers stream, and their scores follow.

    A conversation ends with an empty line or Ctrl-D.

    Example: selfheal chat -t code_generation

    Example: selfheal chat "Write a function to sort a list"
    """
    given = [pair.partition("=") for pair in variables or ()]
    if any(not equals for _, equals, _ in given):
        raise typer.BadParameter("write a variable as NAME=VALUE", param_hint="--var")
    values = {name: value for name, _, value in given}
    fields = {"selfheal": {"variables": values}} if values else None
    messages: list[dict[str, str]] = []
    with friendly_errors():
        settings = Settings()
        for said in [text] if text else _read_lines():
            messages.append({"role": "user", "content": said})
            with stream_chat(settings, messages, task_type=task_type, fields=fields) as answer:
                told = _show(answer.pieces)
                headers = answer.headers
            messages.append({"role": "assistant", "content": told})
            _tell_score(settings, headers)


def _read_lines() -> Iterator[str]:
    while True:
        try:
            line = output.input("[bold]you>[/bold] ").strip()
        except EOFError:
            output.print()
            return
        if not line:
            return
        yield line


def _show(pieces: Iterator[str]) -> str:
    told = []
    for piece in pieces:
        told.append(piece)
        output.print(Text(make_visible(piece)), end="", soft_wrap=True)
    output.print()
    return "".join(told)


def _tell_score(settings: Settings, headers: Mapping[str, str]) -> None:
    """Say under which prompt an answer came and how it scored, where that is known soon."""
    version, request_id = headers["x-selfheal-prompt-version"], headers["x-selfheal-request-id"]
    try:
        row = wait_for_score(settings, headers["x-selfheal-evaluation"], seconds=SCORE_SECONDS)
    except RequestFailedError as error:  # a key that may only serve, for one
        output.print(Text(f"prompt v{version} | no score: {error.message}"), style="dim")
        return
    verdict = row.evaluation
    if row.evaluation_score is not None:
        verdict = (
            f"{'passed' if row.evaluation_passed else 'failed'} with {row.evaluation_score:.3f}"
        )
    output.print(f"prompt v{version} | {verdict} | selfheal explain {request_id[:8]}", style="dim")
