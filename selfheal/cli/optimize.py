"""`selfheal optimize`: one run of the Optimizer."""

import json
from typing import Annotated

import typer
from rich.console import Console

from selfheal.cli.lifecycle import INTERRUPTED_EXIT_CODE, friendly_errors, messages
from selfheal.optimizer_run import Event, describe_event, run_optimizer
from services.common.config import Settings

output = Console()


def optimize(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the Optimizer's own log, JSON a line.")
    ] = False,
) -> None:
    """Look for failing prompts once; repair what can be proven better, else hold.

    Exits with 0 when it healed or held, and with 1 when the run failed; then only those prompts
    were changed of which it says so (prompt_patched).

    Example: selfheal optimize
    """

    def show(event: Event) -> None:
        if as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
        else:
            output.print(describe_event(event), soft_wrap=True, markup=False)

    try:
        with friendly_errors(), output.status("replaying"):
            run = run_optimizer(Settings(), show)
    except KeyboardInterrupt:
        messages.print("Interrupted; what it says was patched serves, and nothing else changed.")
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    if run.exit_code:
        patched = run.find("prompt_patched") is not None
        changed = "what it says was patched serves" if patched else "no prompt was changed"
        messages.print(f"The run failed; {changed}.")
        raise typer.Exit(run.exit_code)
