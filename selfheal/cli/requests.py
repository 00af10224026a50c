"""`selfheal request`: have a request answered and scored."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    showing_progress,
)
from selfheal.manager_client import send_request
from services.common.config import Settings
from services.common.schemas import AgentResponse

output = Console()


def request(
    text: Annotated[str, typer.Argument(help="What you want written.")],
    task_type: Annotated[
        str, typer.Option("--task-type", "-t", help="Task type whose prompt answers.")
    ] = "code_generation",
    as_json: AsJson = False,
) -> None:
    """Have a request answered by the running system, and show its score.

    Exits with 0 for an answer, good or bad, and with 1 where there is none.

    Example: selfheal request "Write a function to sort a list"
    """
    with friendly_errors():
        with showing_progress("waiting for an answer"):
            response = send_request(Settings(), text, task_type=task_type)
        if as_json:
            typer.echo(response.model_dump_json(indent=2))
        else:
            output.print(_show(response))
            output.print(f"request {response.request_id}", style="dim", highlight=False)


def _show(response: AgentResponse) -> Panel:
    verdict = (
        Text("passed", style="bold green")
        if response.evaluation_passed
        else Text("failed", style="bold red")
    )
    title = Text.assemble(verdict, f" with {response.evaluation_score:.3f}")
    return Panel(
        Markdown(response.worker_output),
        title=title,
        subtitle=f"prompt v{response.prompt_version} | model {response.model} | "
        f"judge {response.judge}",
    )
