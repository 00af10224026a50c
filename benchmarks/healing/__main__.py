"""The healing benchmark: are bad prompts found and repaired, and innocent ones left alone?

Whole systems run, database and all. Regressions (bad prompts) are deployed while the Optimizer
watches, with a good version in history and without; controls (odd prompts that do no harm) and
faults (of model, evaluator, callers, database) tempt it to change a prompt that isn't to blame.
What counts on the model at hand is measured first, on inputs that no heal ever sees. Beside it
runs the naive healer: three failures, one rewrite, activated unproven.

Exits 1 where a figure of the simulated model misses its aim.

examples:
  selfheal bench heal --model simulated
  selfheal bench heal --model simulated --quick
  selfheal bench heal --model local --json local.json --plot local.png
  selfheal bench heal --read benchmarks/healing/results/simulated.json
  selfheal bench heal --model simulated --only javascript garbage_flood --seeds 3
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.healing.benchmark import Outcome, Task, run_benchmark
from benchmarks.healing.extents import choose_extent
from benchmarks.healing.inputs import LOCAL, MODELS, NOISY, SIMULATED
from benchmarks.healing.journal import JournalError
from benchmarks.healing.noisy.program import choose_noisy_extent, list_lanes
from benchmarks.healing.noisy.report import NoisyReport, read_report
from benchmarks.healing.records import read_record
from benchmarks.healing.reporting.plot import PlotUnavailableError, draw
from benchmarks.healing.reporting.report import Report, show, show_runs, show_unusual
from benchmarks.healing.scenarios import list_names
from benchmarks.measured_system import MeasurementError
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.errors import ServiceError

WIDTH_OF_FILES: Final = 122
INTERRUPTED_EXIT_CODE: Final = 130

messages = Console(stderr=True)


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="selfheal bench heal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        choices=MODELS,
        default=SIMULATED,
        help="simulated: 5 minutes, no key (default); noisy: one that obeys by chance, and whose "
        "truth is known, half an hour; local: a real model, 30 minutes or, with --full, two hours",
    )
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--full", action="store_true", help="run everything, however long")
    extent.add_argument(
        "--quick", action="store_true", help="run a subset in 2 or 3 minutes, for CI"
    )
    extent.add_argument(
        "--read", type=Path, metavar="FILE", help="run nothing: show what the runs in FILE say"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and runs")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures (.png, .svg)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="run only these scenarios"
    )  # not `choices`, which would print all of them in the usage
    parser.add_argument(
        "--with-history",
        action="store_true",
        help="run regressions with a good version in history alone, not without",
    )
    parser.add_argument(
        "--seeds",
        type=_count,
        metavar="N",
        help="runs of each regression in each mode; with the simulated model, five times as many "
        "of each control and fault (default 2 and 10)",
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="don't let GEPA and COPRO try a repair (local)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where a run that was to write --json was cut short",
    )
    parser.add_argument("--logs", type=Path, metavar="DIRECTORY", help="keep all logs there")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line.

    Returns:
        0; 1 where an aim is missed or a run came to nothing; 2 for a wrong argument.
    """
    typed = sys.argv[1:] if arguments is None else list(arguments)
    parser = make_parser()
    options = parser.parse_args(typed)
    if options.read:
        return _show_recorded(options.read)
    for file in filter(None, (options.json, options.plot)):
        if not file.absolute().parent.is_dir():
            parser.error(f"there is no directory {file.absolute().parent}")
    if options.resume and not options.json:
        parser.error("--resume needs --json: beside that file the runs are kept")
    names = list_lanes() if options.model == NOISY else list_names()
    if unknown := sorted(set(options.only) - set(names)):
        parser.error(f"no scenario is called {', '.join(unknown)}; there are {', '.join(names)}")
    task = Task(
        model=options.model,
        extent=choose_extent(
            SIMULATED if options.model == NOISY else options.model,
            full=options.full,
            quick=options.quick,
            seeds=options.seeds,
            chosen_by_name=bool(options.only),
            with_history=options.with_history,
        ),
        only=options.only,
        with_peers=options.model == LOCAL and not (options.no_peers or options.quick),
        logs=options.logs,
        command=("selfheal", "bench", "heal", *typed),
        noisy_extent=choose_noisy_extent(full=options.full, quick=options.quick),
        journal=options.json.with_suffix(".runs") if options.json else None,
        resume=options.resume,
    )
    # Before the event loop runs, and after it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        outcome = run_benchmark(task, messages)
    except EmbeddedRuntimeError as error:
        messages.print(f"error: {error.message} {error.remedy}", markup=False)
        return 1
    except (JournalError, MeasurementError, ServiceError, OSError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        messages.print("interrupted: nothing was measured to the end")
        return INTERRUPTED_EXIT_CODE
    try:
        _tell(outcome, options.json, options.plot)
    except OSError as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    return judge(outcome, is_quick=options.quick)


def _show_recorded(file: Path) -> int:
    try:
        recorded = json.loads(file.read_text(encoding="utf-8"))
        if recorded["model"] == NOISY:
            read_report(recorded).show(_choose_output())
            return 0
        records = [read_record(one) for one in recorded["runs"]]
        model = recorded["model"]
    except (OSError, ValueError, KeyError) as error:
        messages.print(f"error: {file} holds no runs ({type(error).__name__})", markup=False)
        return 1
    show_runs(records, model, _choose_output())
    return 0


def _choose_output() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_OF_FILES)


def judge(outcome: Outcome, *, is_quick: bool) -> int:
    """Return the exit code: 1 where a run failed, or the simulated model misses an aim.

    A quick run is too short for medians; there only what must never happen counts, and with the
    noisy model, where it misses by more than chance.
    """
    model, aims = outcome.report.model, outcome.report.aims
    if is_quick:
        aims = [aim for aim in aims if aim.is_essential]
    if is_quick and model == NOISY:
        is_missed = any(aim.is_refuted for aim in aims)
    else:
        is_missed = model != LOCAL and any(aim.reached is False for aim in aims)
    return int(bool(outcome.failures) or is_missed)


def _tell(outcome: Outcome, json_file: Path | None, plot_file: Path | None) -> None:
    """Print the tables, list what is unusual, write the files.

    Raises:
        OSError: If a file can't be written.
    """
    report = outcome.report
    if isinstance(report, NoisyReport):
        report.show(_choose_output())
    else:
        show(report, _choose_output())
        show_unusual(report.records, messages)
    for failure in outcome.failures:
        messages.print(f"came to nothing: {failure}", markup=False, highlight=False)
    if json_file is not None:
        content = lay_out(report.as_json())
        json_file.write_text(content + "\n", encoding="utf-8")
        json_file.with_suffix(".runs").unlink(missing_ok=True)
    if plot_file is not None and isinstance(report, Report):
        try:
            draw(report, plot_file)
        except PlotUnavailableError as error:
            messages.print(f"no plot: {error}", markup=False)


def lay_out(report: Mapping[str, Any]) -> str:
    """Write a report as JSON, a run a line: that is short, and shows which runs differ."""
    parts = []
    for name, value in report.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            runs = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value)
            text = f"[\n{runs}\n ]"
        parts.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}"


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


if __name__ == "__main__":
    sys.exit(main())
