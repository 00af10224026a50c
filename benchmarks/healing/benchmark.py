"""One benchmark from start to end: lanes up, what counts measured, all runs, the report."""

import asyncio
import contextlib
import signal
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

from benchmarks.healing.extents import order_for
from benchmarks.healing.inputs import LOCAL, NOISY, SIMULATED
from benchmarks.healing.journal import Journal
from benchmarks.healing.lane.lane import Lane, LanePlan, open_lane, serve_local_model, start_lane
from benchmarks.healing.noisy.program import EXTENT as NOISY_EXTENT
from benchmarks.healing.noisy.program import NoisyExtent, NoisyProgram
from benchmarks.healing.noisy.report import NoisyReport
from benchmarks.healing.peers import available_peers
from benchmarks.healing.peers.comparison import Comparison, compare_peers
from benchmarks.healing.program import (
    Extent,
    Selection,
    prepare_bench,
    run_all,
    select_scenarios,
)
from benchmarks.healing.progress import Teller, open_teller
from benchmarks.healing.records import RunRecord
from benchmarks.healing.reporting.origin import Origin, describe_machine, find_commit
from benchmarks.healing.reporting.report import Report
from benchmarks.healing.runs.running import Bench
from benchmarks.healing.scenarios import Fault, PromptScenario
from benchmarks.healing.schedule import WITHOUT_HISTORY, plan_runs
from services.common.logging import configure_logging

# One lane keeps a core busy; the local model takes all that one leaves.
LANES: Final = {SIMULATED: 2, NOISY: 2, LOCAL: 1}
OPTIMIZER_LOG: Final = "optimizer.log"


@dataclass(frozen=True, slots=True)
class Task:
    """The runs that are asked for, and the model to run them on.

    Attributes:
        model: The model at hand.
        extent: How much.
        only: Names of the scenarios; empty for all.
        with_peers: Whether others try one repair too.
        logs: Where logs are kept; None for nowhere.
        command: What the user typed, for the record.
        noisy_extent: How much is played with the noisy model.
        journal: Where runs are kept while the benchmark lasts; None for nowhere.
        resume: Whether to go on with what is kept there.
    """

    model: str
    extent: Extent
    only: Sequence[str]
    with_peers: bool
    logs: Path | None
    command: Sequence[str]
    noisy_extent: NoisyExtent = NOISY_EXTENT
    journal: Path | None = None
    resume: bool = False

    def open_journal(self) -> Journal:
        """Open the journal of these runs.

        Raises:
            JournalError: If the file is of other runs.
            OSError: If it can't be read or written.
        """
        extent = self.noisy_extent if self.model == NOISY else self.extent
        of = (self.model, repr(extent), *self.only, find_commit())
        return Journal(self.journal, of, resume=self.resume)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report, and what ended the runs that aren't in it."""

    report: Report | NoisyReport
    failures: Sequence[str]


def run_benchmark(task: Task, console: Console) -> Outcome:
    """Run it; progress goes to the console.

    Raises:
        MeasurementError: If the system can't be started or measured.
        EmbeddedRuntimeError: If the database or the local model can't be.
        JournalError: If runs are to be resumed that are others.
    """
    journal = task.open_journal()
    with ExitStack() as stack:
        directory = stack.enter_context(_log_directory(task.logs))
        stack.enter_context(_quiet_logs(directory))
        teller = stack.enter_context(open_teller(console))
        teller.tell("starting the system")
        model_url = ""
        if task.model == LOCAL:
            model_url = stack.enter_context(serve_local_model(directory))
        plans = [
            stack.enter_context(start_lane(number, task.model, model_url, directory))
            for number in range(LANES[task.model])
        ]
        return uvloop.run(_run_until_told(_Runner(task, plans, teller, journal)))


class _Runner:
    def __init__(
        self, task: Task, plans: Sequence[LanePlan], teller: Teller, journal: Journal
    ) -> None:
        self._task = task
        self._plans = plans
        self._teller = teller
        self._journal = journal

    async def run(self) -> Outcome:
        started_at, started = datetime.now(UTC), time.monotonic()
        task = self._task
        async with AsyncExitStack() as stack:
            lanes = [await stack.enter_async_context(open_lane(plan)) for plan in self._plans]
            if task.model == NOISY:
                return await self._play(lanes)
            self._teller.tell("measuring the seed prompt")
            bench, everything = await prepare_bench(lanes[0], task.model)
            scenarios = order_for(everything.only(task.only), task.extent)
            selection = await select_scenarios(
                lanes, bench, scenarios, task.extent, tell=self._teller.tell
            )
            records, failures = await self._do_runs(
                lanes, bench, selection, scenarios.faults, everything.regressions[:1]
            )
            comparison = None
            if task.with_peers:
                comparison = await self._compare(lanes[0], bench, selection, records)
        report = Report(
            model=task.model,
            origin=Origin(
                command=task.command,
                commit=find_commit(),
                started_at=started_at,
                seconds=time.monotonic() - started,
                machine=describe_machine(),
            ),
            selection=selection,
            records=records,
            comparison=comparison,
        )
        return Outcome(report, failures)

    async def _play(self, lanes: Sequence[Lane]) -> Outcome:
        program = NoisyProgram(
            lanes, self._task.noisy_extent, self._teller, self._journal, self._task.only
        )
        report = await program.run(self._task.command)
        return Outcome(report, program.failures)

    async def _do_runs(
        self,
        lanes: Sequence[Lane],
        bench: Bench,
        selection: Selection,
        faults: Sequence[Fault],
        stand_in: Sequence[PromptScenario],
    ) -> tuple[list[RunRecord], list[str]]:
        """Do all runs; without a regression, faults take the stand-in as their bad prompt."""
        regressions = selection.counting(selection.regressions)
        runs = list(
            plan_runs(
                regressions,
                selection.counting(selection.controls),
                faults,
                regression_seeds=self._task.extent.regression_seeds,
                other_seeds=self._task.extent.other_seeds,
                modes=self._task.extent.modes,
            )
        )
        self._teller.begin(f"{len(runs)} runs", total=len(runs))
        return await run_all(
            lanes,
            bench,
            runs,
            regressions or stand_in,
            self._journal,
            done=lambda run: self._teller.advance(run.title),
        )

    async def _compare(
        self, lane: Lane, bench: Bench, selection: Selection, records: Sequence[RunRecord]
    ) -> Comparison | None:
        """Have the peers repair the first regression, beside the Optimizer's own record of it."""
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
        return await compare_peers(
            lane,
            bench,
            scenario,
            model=self._task.model,
            peers=available_peers(),
            ours=ours,
            tell=self._teller.tell,
        )


async def _run_until_told(runner: _Runner) -> Outcome:
    """Run; SIGTERM ends it in order, as Ctrl-C does.

    Raises:
        CancelledError: If it was told to end.
    """
    running = asyncio.ensure_future(runner.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running


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
