"""Commands that bring the system up and down, tell how it is, and reach into its database."""

import os
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

import typer
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
    tell,
)
from selfheal.runtime.assembly import build_system, psql_environment
from selfheal.runtime.errors import EmbeddedRuntimeError, InterruptedStartError
from selfheal.runtime.foreground import in_foreground
from selfheal.runtime.interruption import Interruption
from selfheal.runtime.local_model import require_wheels
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.process_plan import (
    CONSOLE,
    OPTIMIZER,
    lacks_console_database,
    needs_local_model,
)
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.system import System
from services.common.access.networks import is_exposed, name_exposure
from services.common.config import Settings
from services.common.diagnosis.checks import CheckResult, check_provider, is_installed
from services.common.setting_checks import name_in_url

NOT_RUNNING_EXIT_CODE: Final = 3
# For registering PostgreSQL's programs, whose arguments are their own.
PASSTHROUGH: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

_STYLES: Final = {
    State.RUNNING: "green",
    State.STARTING: "yellow",
    State.UNHEALTHY: "red",
    State.CRASHED: "bold red",
    State.STOPPED: "dim",
}

output = Console()


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", "-f", help="Stay, and stop everything on Ctrl-C.")
    ] = False,
    llm: Annotated[
        str | None,
        typer.Option("--llm", help="Model provider: simulated, local, openai, ...", metavar="NAME"),
    ] = None,
    autopilot: Annotated[
        bool,
        typer.Option("--autopilot", help="Heal by itself, within seconds, until stopped."),
    ] = False,
) -> None:
    """Start the database, the model and the services; repair what doesn't run.

    What runs already and is configured the same is left alone, so running it twice does no harm.

    The console starts along, and shows in a browser what happened; CONSOLE=off leaves it out.

    With --autopilot the Optimizer runs too, all the time: it heals whenever failures pile up, and
    watches what it healed (`selfheal reports list` tells). It lasts until `selfheal down`, or
    until `selfheal up` is run without --autopilot.

    Example: selfheal up --llm local --autopilot
    """
    with friendly_errors():
        settings = choose_settings(llm)
        if autopilot and settings.optimizer_mode == "off":
            raise EmbeddedRuntimeError(
                "OPTIMIZER_MODE is off, so there is nothing for the autopilot to do.",
                remedy="Set it to auto, or to propose to be asked before a repair serves.",
            )
        if needs_local_model(settings):
            require_wheels()
        system = build_system(settings, autopilot=autopilot)
        if foreground:
            _run_in_foreground(system, settings)
            return
        had_autopilot = OPTIMIZER in system.processes.names()
        with showing_progress("starting") as progress, Interruption() as interruption:
            try:
                started = system.up(progress, interruption.requested)
            except EmbeddedRuntimeError:
                _tell_what_runs(system)
                raise
        messages.print(f"Started {', '.join(started)}." if started else "Everything ran already.")
        _show(system.status())
        messages.print(_hint(settings))
        _tell_of_console(system, settings)
        if had_autopilot and not autopilot:
            messages.print("The autopilot is off now; selfheal up --autopilot brings it back.")


def down() -> None:
    """Stop everything that runs, in order; the data stays.

    Example: selfheal down
    """
    with friendly_errors():
        system = build_system(Settings())
        with showing_progress("stopping") as progress, Interruption():
            stopped = system.down(progress)
        messages.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")


def status(as_json: AsJson = False) -> None:
    """Show what runs, what doesn't, and why; exits with 3 unless everything runs.

    The console may be stopped, since nothing depends on it.

    Example: selfheal status --json
    """
    with friendly_errors():
        parts = build_system(Settings()).status()
    is_running = all(
        part.state is State.RUNNING or (part.name == CONSOLE and part.state is State.STOPPED)
        for part in parts
    )
    if as_json:
        print_json({"running": is_running, "parts": [asdict(part) for part in parts]})
    else:
        _show(parts)
        if not is_running:
            messages.print("Start what doesn't run with [bold]selfheal up[/bold].")
    if not is_running:
        raise typer.Exit(NOT_RUNNING_EXIT_CODE)


def psql(context: typer.Context) -> None:
    """Open psql in the system's database; every argument is psql's own.

    Example: selfheal psql -c "SELECT version, is_active FROM prompts"
    """
    _become("psql", context)


def pg_dump(context: typer.Context) -> None:
    """Run pg_dump on the system's database; every argument is pg_dump's own.

    Example: selfheal pg_dump --format=custom --file=selfheal.dump
    """
    _become("pg_dump", context)


def pg_restore(context: typer.Context) -> None:
    """Run pg_restore at the system's server; every argument is pg_restore's own.

    Example: selfheal pg_restore --no-owner --no-acl --dbname=agent_system selfheal.dump
    """
    _become("pg_restore", context)


def _become(name: str, context: typer.Context) -> None:
    with friendly_errors():
        program = find_binaries().program(name)
        environment = psql_environment(Settings())
    os.execve(program, [str(program), *context.args], environment)  # noqa: S606 - as intended


def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Stop everything and delete the embedded database with all its data, and the logs.

    Rows that wait on disk for that database go with it. The next `selfheal up` begins with an
    empty one. A server of your own (DATABASE_URL), and what waits for it, is left as it is.

    Example: selfheal reset --yes
    """
    with friendly_errors():
        system = build_system(Settings())
        if not yes and not typer.confirm(f"Delete the data and logs in {system.home}?"):
            messages.print("Nothing was deleted.")
            raise typer.Exit(FAILURE_EXIT_CODE)
        with showing_progress("deleting") as progress, Interruption():
            system.reset(progress)
        messages.print(f"Deleted the data and logs in {system.home}.")


def _tell_what_runs(system: System) -> None:
    """Say what goes on running after a start that failed."""
    names = [part.name for part in system.status() if part.state is State.RUNNING]
    if names:
        messages.print(f"Running: {', '.join(names)}. [bold]selfheal down[/bold] stops that.")


def choose_settings(llm: str | None) -> Settings:
    """Read the settings, with the provider that was asked for on the command line.

    A model and an address that are set for another provider don't go with it.
    """
    settings = Settings()
    if llm is not None and llm != settings.llm_provider:
        settings = Settings(llm_provider=llm, llm_model="", llm_base_url="")
    require_model(settings)
    return settings


def require_model(settings: Settings) -> None:
    """Refuse a model that can't be had, before anything that runs is touched for it.

    Raises:
        EmbeddedRuntimeError: If the provider lacks its key or its package.
    """
    check = check_provider(settings, has_langchain=is_installed("langchain"))
    if check.result is CheckResult.FAIL:
        raise EmbeddedRuntimeError(f"The model can't be used: {check.found}.", remedy=check.remedy)


def _run_in_foreground(system: System, settings: Settings) -> None:
    is_up = False
    try:
        with in_foreground(system, tell) as watch:
            is_up = True
            _show(system.status())
            messages.print(f"{_hint(settings)} Ctrl-C stops everything.")
            _tell_of_console(system, settings)
            watch.wait()
            messages.print("Another command stopped the system.")
    except KeyboardInterrupt:
        if not is_up:
            raise InterruptedStartError from None
        messages.print("Stopped.")


def _hint(settings: Settings) -> str:
    hint = f"Requests go to {settings.manager_url} (model: {settings.llm_provider})."
    if is_exposed(settings):
        hint += f" The network reaches it too: {name_exposure(settings)}."
    return hint


def _tell_of_console(system: System, settings: Settings) -> None:
    """Say where the console is, or why there is none."""
    if system.processes.process(CONSOLE).is_running():
        messages.print(f"Look at it in the console: {console_address(settings)}")
    elif settings.console == "on" and lacks_console_database(settings):
        messages.print(
            "There is no console: CONSOLE_DATABASE_URL isn't set. selfheal migrate "
            "--console-password-file FILE makes a database user for it, who may only read."
        )
    for error in system.left_out:
        tell(f"There is no console: {error.message} {error.remedy} All else runs.")


def console_address(settings: Settings) -> str:
    """Return where people open the console."""
    host = name_in_url(settings.console_bind_host)
    return settings.public_url or f"http://{host}:{settings.console_port}"


def _show(parts: list[ProcessStatus]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("part", "state", "address", "pid", "since"):
        table.add_column(title, no_wrap=True)
    for part in parts:
        state = Text(part.state.value, style=_STYLES[part.state])
        table.add_row(part.name, state, part.address, str(part.pid or ""), _local(part.started_at))
    output.print(table)
    for part in parts:
        if part.detail:
            output.print(Text.assemble((part.name, "bold"), f" {part.detail}"))


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""
