"""`selfheal demo`: one whole healing cycle, live, on a system of its own."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from selfheal.cli.lifecycle import (
    choose_settings,
)
from selfheal.cli.terminal import (
    FAILURE_EXIT_CODE,
    INTERRUPTED_EXIT_CODE,
    AsJson,
    friendly_errors,
    print_json,
)
from selfheal.demo.outcome import Outcome
from selfheal.demo.performance import Narrator, perform, send_through_door
from selfheal.demo.story import choose_story
from selfheal.runtime.assembly import build_system, uses_own_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.foreground import ForegroundWatch, in_foreground
from selfheal.runtime.local_model import require_wheels
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.process_plan import SERVICES, needs_local_model
from selfheal.runtime.states import State
from services.common.config import Settings
from services.common.settings.model import LOCAL_PROVIDER

# The demo breaks a prompt on purpose, so it never touches the system that the operator runs.
DEMO_HOME = "demo"
RECORDING_WIDTH = 110
DOOR_TITLE = "The same story through the door: /v1/chat/completions, streamed, scored afterwards"


def demo(
    llm: Annotated[
        str,
        typer.Option(
            "--llm", help="Model that plays: local, simulated, openai, ...", metavar="NAME"
        ),
    ] = LOCAL_PROVIDER,
    as_json: AsJson = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", help="Also write what was shown as an SVG picture.", dir_okay=False
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay afterwards, and show the story in the console.")
    ] = False,
) -> None:
    """Play one healing story: healthy, a bad deploy, failures, the repair with its proof, healed.

    Starts a system of its own (database, model, services), and stops and forgets it afterwards.
    It is played twice: by the guide's route, and streamed through /v1/chat/completions. Exits with
    1 unless it came true both times: broken below 0.5, and 90 % of the loss won back.

    With --keep the system goes on until Ctrl-C, and the console shows what happened.

    Example: selfheal demo --llm simulated --keep
    """
    if record is not None and not record.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {record.absolute().parent}")
    console = Console(
        stderr=as_json, record=record is not None, width=RECORDING_WIDTH if record else None
    )
    try:
        with friendly_errors():
            outcome, through_door = _play(_choose_demo_settings(llm, keep=keep), console)
    except KeyboardInterrupt:
        console.print("Interrupted; everything is stopped.")
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    if not keep:
        console.print("\nLook at such a story in the console: [bold]selfheal demo --keep[/bold]")
    if record is not None:
        console.save_svg(str(record), title="selfheal demo")
    if as_json:
        print_json(outcome.as_dict() | {"through_door": through_door.as_dict()})
    if outcome.find_problems() or through_door.find_problems():
        raise typer.Exit(FAILURE_EXIT_CODE)


def _choose_demo_settings(llm: str, *, keep: bool) -> Settings:
    """Return the operator's settings, with a directory of the demo's own, on this machine alone.

    Its database is new and holds no key.
    """
    settings = choose_settings(llm)
    if uses_own_database(settings):
        raise EmbeddedRuntimeError(
            "DATABASE_URL is set, and the demo would break a prompt in that database.",
            remedy="Unset it for the demo: env -u DATABASE_URL selfheal demo",
        )
    if any(part.state is State.RUNNING for part in build_system(settings).status()):
        raise EmbeddedRuntimeError(
            "Your own system runs, on the ports that the demo needs.",
            remedy="Stop it with: selfheal down (its data stays).",
        )
    own = {"selfheal_home": settings.selfheal_home / DEMO_HOME, "selfheal_api_key": None}
    alone = {
        "bind_host": LOOPBACK,
        "published_host": None,
        "require_keys": False,
        "console": "on" if keep else "off",
        "console_bind_host": LOOPBACK,
        "console_published_host": None,
    }
    urls = {
        f"{name}_url": f"http://{LOOPBACK}:{getattr(settings, f'{name}_port')}" for name in SERVICES
    }
    return settings.model_copy(update={**own, **alone, **urls})


def _play(settings: Settings, console: Console) -> tuple[Outcome, Outcome]:
    """Play the story twice: by the guide's route, and streamed through the door."""
    if needs_local_model(settings):
        require_wheels()
    system = build_system(settings)

    def show(message: str) -> None:
        console.print(Text(message, style="dim"))

    system.reset(show)
    console.print(Rule(Text(f"Starting (model: {settings.llm_model})", style="bold"), align="left"))
    try:
        with in_foreground(system, show) as watch:
            story, narrator = choose_story(settings.llm_provider), Narrator(console)
            outcome = perform(story, settings, narrator)
            watch.check()
            console.print(Rule(Text(DOOR_TITLE, style="bold"), characters="=", align="left"))
            through_door = perform(story, settings, narrator, send_through_door)
            watch.check()
            _show(outcome, "What was measured in this run", console)
            _show(through_door, "The same, streamed through /v1/chat/completions", console)
            for error in system.left_out:
                console.print(
                    f"\nThere is no console: {error.message} {error.remedy}", markup=False
                )
            if settings.console == "on" and not system.left_out:
                _stay(settings, watch, console)
    finally:
        system.reset()
    return outcome, through_door


def _stay(settings: Settings, watch: ForegroundWatch, console: Console) -> None:
    """Let the story be looked at, until Ctrl-C."""
    url = f"http://{LOOPBACK}:{settings.console_port}"
    console.print(f"\nThe story in the console: {url}/heals. Ctrl-C stops and forgets it.")
    with suppress(KeyboardInterrupt):
        watch.wait()


def _show(outcome: Outcome, title: str, console: Console) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("", "mean score", "passes", "prompt", "seconds", "model calls"):
        table.add_column(column, justify="right" if column else "left")
    for act in (outcome.before, outcome.broken, outcome.healed):
        table.add_row(
            act.title,
            f"{act.mean_score:.3f}",
            f"{act.passes}/{len(act.responses)}",
            f"v{act.prompt_version}",
            f"{act.seconds:.1f}",
            str(act.model_calls),
        )
    console.print()
    console.print(table)
    console.print(
        f"The Optimizer took {outcome.optimizer_seconds:.1f} s; its replays are counted under "
        "'healed'.",
        style="dim",
    )
    problems = outcome.find_problems()
    if problems:
        console.print(Panel(Text("; ".join(problems)), title="The story did not come true"))
        return
    console.print(Panel(Text(outcome.explain_repair()), title="Repaired", border_style="green"))
