"""`selfheal prompts proposals|approve|reject|undo`: a person's answer to what a run came to."""

from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from selfheal.cli.reports import LATEST, AnyTaskType, find_report
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.display.report.rendering import make_undo_command
from selfheal.display.text_difference import show_difference
from selfheal.display.verdict_rendering import INDENT
from selfheal.operator_database import (
    ask_about,
    ask_database,
    find_operator,
    refuse_alone,
)
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.presentation.detail_reading import show_line
from services.common.presentation.text_difference import compare_texts
from services.common.record.activation import Activation
from services.common.record.changes import Request, load_serving, undo_run
from services.common.record.prompts import CREATED_BY
from services.common.record.proposals import (
    Proposal,
    approve_proposal,
    load_open_proposals,
    reject_proposal,
)

RunId = Annotated[
    str | None,
    typer.Argument(help="Run that proposed it, or its first digits.", show_default="the only one"),
]

output = Console()


def proposals(task_type: AnyTaskType = None, as_json: AsJson = False) -> None:
    """Show the repairs and drafts that wait for your answer, and what they would change.

    Example: selfheal prompts proposals
    """
    with friendly_errors():
        found = _load(task_type)
    if as_json:
        rows = [_describe(proposal) for proposal in found]
        print_json(rows)
        return
    for proposal in found:
        _show(proposal)
    if not found:
        messages.print("Nothing waits for an answer.")


def approve(run_id: RunId = None, task_type: AnyTaskType = None, as_json: AsJson = False) -> None:
    """Let a proven repair serve, if the prompt that it was proven against hasn't changed since.

    Example: selfheal prompts approve 3f2c9a71
    """
    with friendly_errors():
        settings = Settings()
        refuse_alone(settings, "whoever approves may not be who asked")
        proposal = _find(run_id, task_type)
        activation = ask_database(
            settings,
            lambda connection: approve_proposal(
                connection, proposal.run_id, person=find_operator()
            ),
        )
    if as_json:
        answer = _answer(proposal, "approved", version=activation.version)
        print_json(answer, indent=None)
        return
    assert proposal.incumbent is not None  # noqa: S101 - it was just replaced
    replaced = proposal.incumbent.version
    watched = ", and is watched" if proposal.is_proven else ""
    messages.print(
        Text(
            f"Version {activation.version} serves {show_line(proposal.task_type)} now, in place of "
            f"{replaced}{watched}. "
            f"Undo: {make_undo_command(replaced, proposal.task_type)}"
        )
    )


def reject(run_id: RunId = None, task_type: AnyTaskType = None, as_json: AsJson = False) -> None:
    """Turn a proven repair down; the same text isn't tried again for a day.

    Example: selfheal prompts reject 3f2c9a71
    """
    with friendly_errors():
        proposal = _find(run_id, task_type)
        ask_database(
            Settings(),
            lambda connection: reject_proposal(connection, proposal.run_id, person=find_operator()),
        )
    if as_json:
        print_json(_answer(proposal, "rejected"), indent=None)
    else:
        messages.print("Rejected; the same text isn't tried again for a day.")


def undo(
    run_id: Annotated[
        str, typer.Argument(help="Run to undo, or its first digits; or latest.")
    ] = LATEST,
    task_type: AnyTaskType = None,
) -> None:
    """Serve again what a run replaced, if nothing else serves since; its text waits for a day.

    Example: selfheal prompts undo 3f2c9a71
    """

    async def change(connection: asyncpg.Connection) -> Activation:
        serving = await load_serving(connection, report.task_type)
        asked = Request(find_operator(), author=CREATED_BY)
        return await undo_run(
            connection, report, asked, prompt_id=serving.id, digest=serving.digest
        )

    with friendly_errors():
        report = find_report(run_id, task_type=task_type)
        activation = ask_database(Settings(), change)
    messages.print(
        Text(
            f"Version {activation.version} serves {show_line(report.task_type)} now, with the text "
            f"of version {report.version}."
        )
    )


def _load(task_type: str | None) -> list[Proposal]:
    return ask_about(task_type, lambda connection: load_open_proposals(connection, task_type))


def _find(run_id: str | None, task_type: str | None) -> Proposal:
    """Find the open proposal that is meant: the named one, or the only one."""
    found = _load(task_type)
    if run_id is not None:
        report = find_report(run_id, task_type=task_type)
        named = [proposal for proposal in found if proposal.run_id == report.id]
        if not named:
            what = report.outcome.replace("_", " ")
            raise EmbeddedRuntimeError(
                f"The run {str(report.id)[:8]} isn't waiting for an answer: it was {what}.",
                remedy="See what is with: selfheal prompts proposals",
            )
        return named[0]
    if not found:
        raise EmbeddedRuntimeError(
            "Nothing waits for an answer.", remedy="See: selfheal reports list"
        )
    if len(found) > 1:
        ids = ", ".join(f"{str(one.run_id)[:8]} ({show_line(one.task_type)})" for one in found)
        raise EmbeddedRuntimeError(
            f"{len(found)} proposals wait for an answer: {ids}.", remedy="Name one of them."
        )
    return found[0]


def _show(proposal: Proposal) -> None:
    version = proposal.incumbent.version if proposal.incumbent else "?"
    short_id = str(proposal.run_id)[:8]
    asked = f", asked for by {show_line(proposal.requested_by)}" if proposal.requested_by else ""
    gained = f"{proposal.improvement_pct:+.1f} points on replays"
    output.print(
        Text.assemble(
            (f"{show_line(proposal.task_type)}, in place of version {version}", "bold"),
            f": {show_line(proposal.strategy) if proposal.is_proven else 'by hand'}{asked}, "
            f"{gained if proposal.is_proven else 'not proven'} "
            f"({proposal.created_at.astimezone():%Y-%m-%d %H:%M})",
        )
    )
    reject_it = f"selfheal prompts reject {short_id}"
    if proposal.staleness:
        output.print(Text(f"stale: {proposal.staleness}; it can't be approved", style="yellow"))
        answer = f"turn it down: {reject_it}"
    else:
        answer = f"then: selfheal prompts approve {short_id}, or: {reject_it}"
    output.print(Padding(_difference(proposal), INDENT))
    output.print(Text(f"why: selfheal reports show {short_id}; {answer}\n", style="dim"))


def _difference(proposal: Proposal) -> Syntax | Text:
    incumbent = proposal.incumbent
    named = f"version {incumbent.version}" if incumbent else "gone"
    lines = compare_texts(
        incumbent.content if incumbent else "",
        proposal.content,
        before_name=named if proposal.staleness else "serves now",
        after_name="proposed",
    )
    return show_difference(lines, output)


def _describe(proposal: Proposal) -> dict[str, Any]:
    return {
        "run_id": proposal.run_id,
        "task_type": proposal.task_type,
        "replaces_version": proposal.incumbent.version if proposal.incumbent else None,
        "strategy": proposal.strategy,
        "improvement_pct": round(proposal.improvement_pct, 1),
        "verdict": proposal.fault,
        "requested_by": proposal.requested_by,
        "proven": proposal.is_proven,
        "created_at": proposal.created_at,
        "stale": bool(proposal.staleness),
        "serving_version": proposal.serving.version if proposal.serving else None,
        "content": proposal.content,
    }


def _answer(proposal: Proposal, resolution: str, **more: int) -> dict[str, Any]:
    described = _describe(proposal)
    names = ("run_id", "task_type", "replaces_version")
    return {**{name: described[name] for name in names}, "resolution": resolution, **more}
