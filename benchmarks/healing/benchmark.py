"""One benchmark from start to end: lanes up, what counts measured, all runs, the report."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.progress import Progress, TaskID

from benchmarks.healing.extents import order_for
from benchmarks.healing.false_alarms import measure_false_alarms
from benchmarks.healing.inputs import LOCAL
from benchmarks.healing.lane import Lane, LanePlan, open_lane, serve_local_model, start_lane
from benchmarks.healing.peer_comparison import Comparison, compare_peers
from benchmarks.healing.peers import available_peers
from benchmarks.healing.program import (
    Extent,
    Selection,
    prepare_bench,
    run_all,
    select_scenarios,
)
from benchmarks.healing.records import RunRecord
from benchmarks.healing.report import Report, describe_machine
from benchmarks.healing.running import Bench
from benchmarks.healing.scenarios import Scenarios
from benchmarks.healing.schedule import WITHOUT_HISTORY, plan_runs
from services.common.logging import configure_logging

# One lane keeps a core busy; the local model takes all that one leaves.
LANES: Final = {"simulated": 2, LOCAL: 1}
OPTIMIZER_LOG: Final = "optimizer.log"


class UnknownScenarioError(Exception):
    """No scenario has the name."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run.

    Attributes:
        model: The model at hand.
        extent: How much.
        only: Names of the scenarios; empty for all.
        with_peers: Whether others try one repair too.
        logs: Where logs are kept; None for nowhere.
        command: What the user typed, for the record.
    """

    model: str
    extent: Extent
    only: Sequence[str]
    with_peers: bool
    logs: Path | None
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report, and what ended the runs that aren't in it."""

    report: Report
    failures: Sequence[str]


def run_benchmark(task: Task, console: Console) -> Outcome:
    """Run it; progress goes to the console.

    Raises:
        MeasurementError: If the system can't be started or measured.
        EmbeddedRuntimeError: If the database or the local model can't be.
        UnknownScenarioError: If `task.only` names no scenario.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(_log_directory(task.logs))
        stack.enter_context(_quiet_logs(directory))
        progress = stack.enter_context(Progress(console=console, transient=True))
        bar = progress.add_task("starting the system", total=None)
        model_url = ""
        if task.model == LOCAL:
            model_url = stack.enter_context(serve_local_model(directory))
        plans = [
            stack.enter_context(start_lane(number, task.model, model_url, directory))
            for number in range(LANES[task.model])
        ]
        runner = _Runner(task, plans, progress, bar)
        return uvloop.run(runner.run())


class _Runner:
    def __init__(
        self, task: Task, plans: Sequence[LanePlan], progress: Progress, bar: TaskID
    ) -> None:
        self._task = task
        self._plans = plans
        self._progress = progress
        self._bar = bar

    async def run(self) -> Outcome:
        started_at, started = datetime.now(UTC), time.monotonic()
        task = self._task
        async with AsyncExitStack() as stack:
            lanes = [await stack.enter_async_context(open_lane(plan)) for plan in self._plans]
            self._tell("measuring the seed prompt")
            bench, everything = await prepare_bench(lanes[0], task.model)
            scenarios = order_for(_only(everything, task.only), task.extent)
            selection = await select_scenarios(
                lanes, bench, scenarios, task.extent, tell=self._tell
            )
            records, failures = await self._do_runs(lanes, bench, scenarios, selection)
            comparison = None
            if task.with_peers:
                comparison = await self._compare(lanes[0], bench, selection, records)
        report = Report(
            model=task.model,
            command=task.command,
            started_at=started_at,
            seconds=time.monotonic() - started,
            machine=describe_machine(),
            selection=selection,
            records=records,
            false_alarms=measure_false_alarms(),
            comparison=comparison,
        )
        return Outcome(report, failures)

    async def _do_runs(
        self, lanes: Sequence[Lane], bench: Bench, scenarios: Scenarios, selection: Selection
    ) -> tuple[list[RunRecord], list[str]]:
        regressions = selection.counting(selection.regressions)
        runs = list(
            plan_runs(
                regressions,
                selection.counting(selection.controls),
                scenarios.faults,
                regression_seeds=self._task.extent.regression_seeds,
                other_seeds=self._task.extent.other_seeds,
            )
        )
        self._progress.update(self._bar, total=len(runs), completed=0)
        self._tell(f"{len(runs)} runs")
        return await run_all(
            lanes,
            bench,
            runs,
            regressions,
            done=lambda run: self._progress.update(
                self._bar, advance=1, description=f"{len(runs)} runs, last {run.title}"
            ),
        )

    async def _compare(
        self, lane: Lane, bench: Bench, selection: Selection, records: Sequence[RunRecord]
    ) -> Comparison | None:
        """Others on the first regression; the Optimizer's own record of it stands beside them."""
        regressions = selection.counting(selection.regressions)
        if not regressions:
            return None
        scenario = regressions[0]
        ours = next(
            (
                one
                for one in records
                if one.scenario == scenario.name and one.mode == WITHOUT_HISTORY
            ),
            None,
        )
        self._tell(f"others repair {scenario.name}")
        return await compare_peers(
            lane, bench, scenario, model=self._task.model, peers=available_peers(), ours=ours
        )

    def _tell(self, what: str) -> None:
        self._progress.update(self._bar, description=what)


def _only(scenarios: Scenarios, names: Sequence[str]) -> Scenarios:
    """The scenarios of those names; all where none is named.

    Raises:
        UnknownScenarioError: If a name is no scenario's.
    """
    unknown = sorted(set(names) - set(scenarios.names))
    if unknown:
        raise UnknownScenarioError(
            f"no scenario is called {', '.join(unknown)}; there are {', '.join(scenarios.names)}"
        )
    if not names:
        return scenarios
    return Scenarios(
        tuple(one for one in scenarios.regressions if one.name in names),
        tuple(one for one in scenarios.controls if one.name in names),
        tuple(one for one in scenarios.faults if one.name in names),
    )


@contextmanager
def _log_directory(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="selfheal-healing-") as directory:
        yield Path(directory)


@contextmanager
def _quiet_logs(directory: Path) -> Iterator[None]:
    """Send what the Optimizer logs in this process to a file."""
    with (directory / OPTIMIZER_LOG).open("w", encoding="utf-8") as log:
        with contextlib.redirect_stdout(log):
            configure_logging("optimizer", level="INFO")
        yield
