"""`selfheal judge`: how well a judge tells right answers from wrong ones."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.terminal import (
    INTERRUPTED_EXIT_CODE,
    AsJson,
    friendly_errors,
    messages,
    print_json,
    showing_progress,
)
from selfheal.local_evaluation import open_evaluation
from selfheal.operator_database import ask_database
from selfheal.runtime.assembly import uses_own_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.errors import ServiceError
from services.common.oversight.records import CALIBRATION, EvaluatorRecord
from services.common.record.evaluator_records import merge_records
from services.evaluator.app.services.oversight.calibration.labelled_set import load_labelled_answers
from services.evaluator.app.services.oversight.calibration.run import run_calibration
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.calibration.trust import Calibration, Level

_STYLES: Final = {Level.RELIABLE: "green", Level.USABLE: "yellow", Level.UNRELIABLE: "bold red"}

app = typer.Typer(no_args_is_help=True, help="Measure judges, and see what was measured.")
output = Console()


@app.command("calibrate")
def calibrate_judge(
    judge: Annotated[
        str,
        typer.Option(
            "--judge", "-j", help="provider:name, or rubric; else the one that is configured."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Run a judge over answers of known truth, print how far it can be trusted, and keep that.

    A judge found unreliable is refused: an Evaluator that has it isn't ready any more, nor does it
    start again. Asks a model
    about 90 times, at its provider's prices. Exits with 0 when it measured, whatever came out.

    Example: selfheal judge calibrate --judge openai:gpt-4.1-mini
    """
    try:
        with friendly_errors():
            settings = Settings()
            try:
                with showing_progress("judging") as show:
                    calibration = asyncio.run(_calibrate(settings, judge, show))
            except ServiceError as error:
                raise EmbeddedRuntimeError(error.message, remedy="Nothing was kept.") from error
            store = CalibrationStore(settings.selfheal_home)
            store.keep(calibration)
    except KeyboardInterrupt:
        messages.print("Interrupted; nothing was kept.")
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    if uses_own_database(settings):
        _share(settings, calibration)
    if as_json:
        print_json(_as_json(calibration))
        return
    _show(calibration)
    messages.print(f"Kept in {store.path}.", soft_wrap=True)


@app.command("show")
def show_judges(as_json: AsJson = False) -> None:
    """Show every calibration that is kept.

    Example: selfheal judge show
    """
    with friendly_errors():
        calibrations = CalibrationStore(Settings().selfheal_home).load_all()
    if as_json:
        print_json([_as_json(one) for one in calibrations])
        return
    if not calibrations:
        messages.print("No judge is calibrated yet. Do so with: selfheal judge calibrate")
    for calibration in calibrations:
        _show(calibration)


def _share(settings: Settings, calibration: Calibration) -> None:
    """Tell all Evaluators, which the Manager hands it to."""
    record = EvaluatorRecord(
        kind=CALIBRATION,
        identity=calibration.identity,
        record=asdict(calibration),
        recorded_at=datetime.fromisoformat(calibration.calibrated_at),
    )
    try:
        ask_database(settings, lambda connection: merge_records(connection, [record]))
    except EmbeddedRuntimeError as error:
        messages.print(f"Evaluators elsewhere don't hear of it: {error.message}", soft_wrap=True)


async def _calibrate(settings: Settings, judge: str, show: Callable[[str], None]) -> Calibration:
    async with open_evaluation(settings, judge=judge) as evaluation:
        problem = evaluation.availability.problem
        if problem:
            messages.print(Text(f"Code isn't run here, which the judge misses: {problem}"))

        def report(done: int, total: int) -> None:
            if messages.is_terminal or done % 10 == 0 or done == total:
                show(f"judged {done} of {total} by {evaluation.judge.name}")

        return await run_calibration(
            evaluation.evaluate,
            evaluation.judge.identity,
            load_labelled_answers(),
            calibrated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            report_progress=report,
        )


def _as_json(calibration: Calibration) -> dict[str, Any]:
    level, verdict = calibration.level.value, calibration.summary
    return {**asdict(calibration), "level": level, "verdict": verdict}


def _describe(calibration: Calibration) -> Table:
    table = Table(box=None, pad_edge=False, title=None, show_header=False)
    table.add_row("judge", Text(calibration.identity, style="bold"))
    table.add_row("graded", f"{calibration.graded} of {calibration.items} labelled answers")
    table.add_row("AUROC", f"{_figure(calibration.auroc)} (0.5 can't tell, 1 always can)")
    table.add_row("Cohen's kappa", f"{_figure(calibration.kappa)} (0 is chance, 1 agrees)")
    table.add_row(
        "with the rules",
        f"AUROC {_figure(calibration.score_auroc)}, kappa {_figure(calibration.score_kappa)}",
    )
    moved = calibration.susceptibility
    shift = f"{moved.mean:+.3f} on average, {moved.largest:+.3f} at most" if moved else "unknown"
    table.add_row("told what to say", f"{shift} (0 is unmoved)")
    table.add_row("at", calibration.calibrated_at)
    return table


def _show(calibration: Calibration) -> None:
    output.print(_describe(calibration))
    verdict = Text(calibration.summary + "\n", style=_STYLES[calibration.level])
    output.print(verdict, soft_wrap=True)


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
