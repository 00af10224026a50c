"""`selfheal canary`: proven texts that serve a share of traffic before they serve all of it."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Final

import asyncpg
import typer
from rich.console import Console
from rich.text import Text

from selfheal.cli.reports import LEAST_DIGITS, AnyTaskType
from selfheal.cli.short_ids import parse_short_id
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.display.report.rollout import render_canary
from selfheal.operator_database import ask_about, ask_database, find_operator, refuse_alone
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.presentation.detail_reading import show_line
from services.common.record.rollouts import endings, steps
from services.common.record.rollouts.arms import load_arm_figures
from services.common.record.rollouts.rollout import (
    Rollout,
    load_open_rollouts,
    load_rollouts,
    load_rollouts_by_id,
)

SEE: Final = "selfheal canary list"
CanaryId = Annotated[
    str | None,
    typer.Argument(help="Id of a canary, or its first digits.", show_default="the open one"),
]

app = typer.Typer(
    no_args_is_help=True, help="See and steer repairs that serve a share of traffic first."
)
output = Console()


@app.command("list")
def list_canaries(
    task_type: AnyTaskType = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Rows.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List canaries, the latest first: those under way, and how the others ended.

    Example: selfheal canary list
    """
    with friendly_errors():
        found = ask_about(
            task_type, lambda connection: load_rollouts(connection, task_type, limit=limit)
        )
    if as_json:
        print_json([_describe(rollout) for rollout in found])
        return
    for rollout in found:
        output.print(_headline(rollout))
    if not found:
        messages.print("No repair has served a share of traffic yet.")


@app.command()
def show(canary_id: CanaryId = None, as_json: AsJson = False) -> None:
    """Show one canary: its step and share, what its answers show so far, what it waits for.

    Example: selfheal canary show 3f2c9a71
    """
    with friendly_errors():
        rollout = _find(canary_id)
        arms = ask_database(Settings(), lambda connection: load_arm_figures(connection, rollout.id))
    if as_json:
        whole = {"content": rollout.content, "detail": rollout.detail}
        print_json(_describe(rollout) | whole | {"arms": [asdict(one) for one in arms]})
        return
    output.print(_headline(rollout))
    for part in render_canary(rollout, arms):
        output.print(part)
    output.print(Text(f"why: selfheal reports show {str(rollout.run_id)[:8]}", style="dim"))


@app.command()
def promote(canary_id: CanaryId = None) -> None:
    """Let a canary's text serve all of the traffic now, whatever its answers show so far.

    Example: selfheal canary promote 3f2c9a71
    """

    async def act(connection: asyncpg.Connection, rollout: Rollout, person: str) -> str:
        _, activation = await endings.promote_rollout(connection, rollout, person=person)
        return f"Version {activation.version} serves all of the traffic now, and is watched."

    with friendly_errors():
        refuse_alone(Settings(), "whoever promotes may not be who asked")
        _steer(canary_id, act)


@app.command()
def abort(canary_id: CanaryId = None) -> None:
    """End a canary: what served before serves all; its text isn't tried again for a day.

    Example: selfheal canary abort 3f2c9a71
    """

    async def act(connection: asyncpg.Connection, rollout: Rollout, person: str) -> str:
        await endings.abort(connection, rollout, endings.BY_PERSON, person=person)
        return "Aborted: what served before serves all of the traffic."

    with friendly_errors():
        _steer(canary_id, act)


@app.command()
def pause(canary_id: CanaryId = None) -> None:
    """Let a canary serve nobody until you resume it; no heal of the task type begins meanwhile.

    Example: selfheal canary pause 3f2c9a71
    """

    async def act(connection: asyncpg.Connection, rollout: Rollout, person: str) -> str:
        await steps.pause(connection, rollout.id, person=person)
        return "Paused: it serves nobody, and nothing is healed. Go on: selfheal canary resume"

    with friendly_errors():
        _steer(canary_id, act)


@app.command()
def resume(canary_id: CanaryId = None) -> None:
    """Let a paused canary serve its share again.

    Example: selfheal canary resume 3f2c9a71
    """

    async def act(connection: asyncpg.Connection, rollout: Rollout, person: str) -> str:
        resumed = await steps.resume(connection, rollout.id, person=person)
        return f"It serves {resumed.share:.3g} of the traffic again."

    with friendly_errors():
        _steer(canary_id, act)


def _steer(
    canary_id: str | None, act: Callable[[asyncpg.Connection, Rollout, str], Awaitable[str]]
) -> None:
    rollout = _find(canary_id)
    if not rollout.is_open:
        raise EmbeddedRuntimeError(
            f"The canary {str(rollout.id)[:8]} has ended: it was {rollout.outcome}.",
            remedy=f"See what there is with: {SEE}",
        )
    said = ask_database(Settings(), lambda connection: act(connection, rollout, find_operator()))
    messages.print(Text(f"{show_line(rollout.task_type)}: {said}"))


def _find(canary_id: str | None) -> Rollout:
    """Load the one that is meant: the named one, or the only one that is open."""
    if canary_id is None:
        found = ask_database(Settings(), load_open_rollouts)
        nothing = "No canary is under way."
    else:
        span = parse_short_id(canary_id, least=LEAST_DIGITS, of="a canary", see=SEE)
        found = ask_database(Settings(), lambda connection: load_rollouts_by_id(connection, *span))
        nothing = f"There is no canary {show_line(canary_id, most=80)}."
    if not found:
        raise EmbeddedRuntimeError(nothing, remedy=f"See what there is with: {SEE}")
    if len(found) > 1:
        ids = ", ".join(f"{str(one.id)[:8]} ({show_line(one.task_type)})" for one in found)
        raise EmbeddedRuntimeError(f"{len(found)} canaries: {ids}.", remedy="Name one of them.")
    return found[0]


def _headline(rollout: Rollout) -> Text:
    shares = ", ".join(f"{share:.3g}" for share in rollout.steps)
    state = f"step {rollout.step + 1} of {shares}: serves {rollout.share:.3g} of the traffic"
    if rollout.is_paused:
        state = f"paused at step {rollout.step + 1} of {shares}"
    elif not rollout.is_open:
        why = f", {rollout.reason.replace('_', ' ')}" if rollout.reason else ""
        state = f"{rollout.outcome} at step {rollout.step + 1} of {shares}{why}"
    by = f" (by {show_line(rollout.person)})" if rollout.person else ""
    began = f"{rollout.started_at.astimezone():%Y-%m-%d %H:%M}"
    return Text.assemble(
        (f"{str(rollout.id)[:8]}  {show_line(rollout.task_type)}", "bold"),
        f"  {began}  {show_line(state)}{by}",
    )


def _describe(rollout: Rollout) -> dict[str, Any]:
    return {
        "id": rollout.id,
        "task_type": rollout.task_type,
        "run_id": rollout.run_id,
        "steps": [round(share, 4) for share in rollout.steps],
        "step": rollout.step,
        "share": round(rollout.share, 4),
        "paused": rollout.is_paused,
        "reserved_version": rollout.reserved_version,
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
        "outcome": rollout.outcome,
        "reason": rollout.reason,
        "person": rollout.person,
        "shown": rollout.detail.get("shown"),
    }
