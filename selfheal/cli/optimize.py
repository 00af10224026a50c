"""`selfheal optimize`: one run of the Optimizer, or its continuous mode."""

import json
from contextlib import nullcontext
from typing import Annotated, Final

import typer
from rich.console import Console

from selfheal.cli.terminal import (
    INTERRUPTED_EXIT_CODE,
    friendly_errors,
    messages,
)
from selfheal.display.dry_run import describe_dry_run
from selfheal.operator_database import start_remedy
from selfheal.optimizer_run import (
    DRY_RUN_FLAG,
    WATCH_FLAG,
    Event,
    OptimizerRun,
    describe_event,
    run_optimizer,
)
from selfheal.runtime.assembly import build_system
from selfheal.runtime.interruption import Interruption
from selfheal.runtime.process_plan import OPTIMIZER
from services.common.config import Settings
from services.common.errors import DatabaseUnavailableError
from services.common.presentation.visible_text import make_visible_line

FATAL_EVENTS: Final = ("optimization_failed", "continuous_run_failed")

output = Console()


def optimize(
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Go on until Ctrl-C: heal whenever failures pile up."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done; call no model, change nothing."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the Optimizer's own log, JSON a line.")
    ] = False,
) -> None:
    """Look for failing prompts once; repair what can be proven better, else hold.

    Exits with 0 when it healed or held, and with 1 when the run failed; then only those prompts
    were changed of which it says so (prompt_patched). With --watch it goes on until Ctrl-C or
    SIGTERM, and exits with 0 then; `selfheal up --autopilot` does the same in the background.

    Example: selfheal optimize --dry-run
    """
    if watch and dry_run:
        raise typer.BadParameter("give either --watch or --dry-run")
    remedy = DatabaseRemedy()
    flags = [flag for flag, given in ((WATCH_FLAG, watch), (DRY_RUN_FLAG, dry_run)) if given]

    def show(event: Event) -> None:
        if as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
        else:
            plain = describe_dry_run(event) if dry_run else ""
            described = make_visible_line(plain or describe_event(event))
            output.print(described, soft_wrap=True, markup=False, highlight=not plain)
        remedy.show(event)

    spinner = nullcontext() if watch or dry_run or as_json else output.status("replaying")
    try:
        with friendly_errors(), Interruption() as interruption, interruption.raising(), spinner:
            settings = Settings()
            if watch:
                _announce(settings)
            run = run_optimizer(settings, show, flags=flags)
    except KeyboardInterrupt:
        if watch:
            messages.print("Stopped watching.")
            return
        messages.print("Interrupted; what it says was patched serves, and nothing else changed.")
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    _judge(run, watch=watch, dry_run=dry_run)


class DatabaseRemedy:
    """Says once what to do where the database can't be reached."""

    def __init__(self) -> None:
        self._was_shown = False

    def show(self, event: Event) -> None:
        """Print the remedy at the first event that tells of it."""
        is_down = event.get("code") == DatabaseUnavailableError.code
        if is_down and event["event"] in FATAL_EVENTS and not self._was_shown:
            if remedy := start_remedy(Settings()):
                messages.print(remedy)
            self._was_shown = True


def _announce(settings: Settings) -> None:
    messages.print("Watching for failures; Ctrl-C ends it.")
    if build_system(settings).processes.process(OPTIMIZER).is_running():
        messages.print("The autopilot does this already; both together do no harm.")


def _judge(run: OptimizerRun, *, watch: bool, dry_run: bool) -> None:
    """Exit with the run's code, if it failed."""
    if not run.exit_code:
        return
    if watch:
        messages.print("The Optimizer ended by itself; its last lines say why.")
    elif not dry_run:
        patched = run.find("prompt_patched") is not None
        changed = "what it says was patched serves" if patched else "no prompt was changed"
        messages.print(f"The run failed; {changed}.")
    raise typer.Exit(run.exit_code)
