"""Runs the plays for the noisy model on all lanes, and writes the report."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Final

from benchmarks.healing.inputs import NOISY, read_pools
from benchmarks.healing.journal import Journal
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.noisy.appraisal import Appraiser
from benchmarks.healing.noisy.figures import LEAST_TIES
from benchmarks.healing.noisy.incident import Incident
from benchmarks.healing.noisy.plays import (
    LANES,
    MEDIOCRE_HISTORY,
    TIE,
    TIMED,
    Play,
    PlayWriter,
)
from benchmarks.healing.noisy.records import PlayRecord, read_play
from benchmarks.healing.noisy.report import NoisyReport
from benchmarks.healing.noisy.stage import NoisyBench
from benchmarks.healing.noisy.texts import read_lexicon
from benchmarks.healing.noisy.timing import TimedRepair
from benchmarks.healing.program import describe_failure
from benchmarks.healing.progress import Teller
from benchmarks.healing.reporting.origin import Origin, describe_machine, find_commit
from benchmarks.healing.scenarios import PromptScenario, read_scenarios
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY
from benchmarks.healing.selection import one_of_each_kind
from services.common.task_types import open_task_types
from services.manager.app.services.refinement.rules import refine

# Models whose good prompts fail often enough that the Optimizer finds work.
LUCKY: Final = ("wild", "rough")
ALL: Final = ("firm", "loose", "wild")
STEADY: Final = ("firm", "loose")
# What was looked at while the healer was worked on had smaller seeds.
FIRST_SEED: Final = 400


@dataclass(frozen=True, slots=True)
class NoisyExtent:
    """How much is played.

    Attributes:
        models: Models of each lane that are played on, the first so many.
        ties: Decisions of the gate under a tie that are wanted.
        most_tie_plays: Plays for them at most.
        harmful_seeds: Plays of each lure on each model, with and without a canary.
        regressions: Prompts that go bad, in each mode on each model.
        own: Prompts of a second seed prompt that go bad, with and without history on each model.
        innocent_seeds: Plays of each other fault on each model.
        timed_seeds: Repairs that are timed, on each model that has any.
    """

    models: int
    ties: int
    most_tie_plays: int
    harmful_seeds: int
    regressions: int
    own: int
    innocent_seeds: int
    timed_seeds: int


EXTENT: Final = NoisyExtent(3, LEAST_TIES, 160, 5, 12, 2, 1, 5)
QUICK: Final = NoisyExtent(1, 10, 3, 1, 1, 0, 1, 1)
FULL: Final = NoisyExtent(3, 3 * LEAST_TIES, 600, 20, 43, 2, 6, 20)


def choose_noisy_extent(*, full: bool, quick: bool) -> NoisyExtent:
    """Choose how much is played."""
    return FULL if full else QUICK if quick else EXTENT


def plan_plays(
    extent: NoisyExtent, seed_prompt: str, regressions: Sequence[PromptScenario]
) -> Iterator[Play]:
    """Plan all plays but the ties, of which as many are played as it takes."""
    for writer in _writers(LUCKY[: extent.models], extent.harmful_seeds, seed_prompt):
        for lure in writer.lexicon.lures:
            yield writer.write_harmful(lure)
            yield writer.write_harmful(lure, at_once=True)
    for writer in _writers(ALL[: extent.models], 1, seed_prompt):
        for bad in one_of_each_kind(regressions)[: extent.regressions]:
            for mode in (WITH_HISTORY, WITHOUT_HISTORY, MEDIOCRE_HISTORY):
                yield writer.write_regression(bad, mode)
        for harm in list(writer.lexicon.harms)[: extent.own]:
            for mode in (WITH_HISTORY, WITHOUT_HISTORY):
                yield writer.write_own_regression(harm, mode)
    for writer in _writers(ALL[: extent.models], extent.innocent_seeds, seed_prompt):
        yield from writer.write_innocent()
        yield writer.write_restart(regressions[0])
    for writer in _writers(STEADY[: extent.models], extent.timed_seeds, seed_prompt):
        yield writer.write_timed(regressions[0])


def plan_ties(extent: NoisyExtent, seed_prompt: str) -> Iterator[Play]:
    """Plan the plays under a tie."""
    models = LUCKY[: extent.models]
    for writer in _writers(models, extent.most_tie_plays // len(models), seed_prompt):
        yield writer.write_tie()


def _writers(mixtures: Sequence[str], seeds: int, seed_prompt: str) -> Iterator[PlayWriter]:
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for mixture in mixtures:
            yield PlayWriter(read_lexicon(), seed_prompt, mixture, seed)


def list_lanes() -> list[str]:
    """List what may be played alone."""
    return list(LANES)


class NoisyProgram:
    """Runs plays on lanes.

    Args:
        journal: Keeps what was played, so that a run that was cut short can go on.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        extent: NoisyExtent,
        teller: Teller,
        journal: Journal,
        only: Sequence[str] = (),
    ) -> None:
        self._lanes = lanes
        self._extent = extent
        self._teller = teller
        self._journal = journal
        self._only = only
        self._lexicon = read_lexicon()
        pools = read_pools(NOISY)
        self._bench = NoisyBench(pools, Appraiser(pools.held_out), self._lexicon)
        self.records: list[PlayRecord] = []
        self.failures: list[str] = []

    async def run(self, command: Sequence[str]) -> NoisyReport:
        """Play everything that is asked for."""
        started_at, started = datetime.now(UTC), time.monotonic()
        seed_prompt = await self._lanes[0].database.seed_prompt()
        regressions = read_scenarios(seed_prompt).regressions
        plays = [
            play
            for play in plan_plays(self._extent, seed_prompt, regressions)
            if not self._only or play.lane in self._only
        ]
        self._teller.begin(f"{len(plays)} plays, and ties", total=len(plays))
        await self._play_all(iter(plays))
        if not self._only or TIE in self._only:
            await self._play_all(self._enough_ties(seed_prompt))
        origin = Origin(
            command, find_commit(), started_at, time.monotonic() - started, describe_machine()
        )
        return NoisyReport(origin, self._measure_model(seed_prompt), tuple(self.records))

    def _enough_ties(self, seed_prompt: str) -> Iterator[Play]:
        """Give plays under a tie until there are as many decisions as are wanted."""
        for play in plan_ties(self._extent, seed_prompt):
            decided = sum(
                heal.candidate is not None and heal.candidate.is_tie(heal.incumbent)
                for record in self.records
                for heal in record.heals
            )
            if decided >= self._extent.ties:
                return
            self._teller.tell(f"{decided} decisions under a tie", may_be_left_out=True)
            yield play

    async def _play_all(self, plays: Iterator[Play]) -> None:
        async def work(lane: Lane) -> None:
            for play in plays:
                try:
                    known = self._journal.find(play.title)
                    if known is not None:
                        self.records.append(read_play(known))
                    else:
                        kind = TimedRepair if play.lane == TIMED else Incident
                        record = await kind(lane, play, self._bench).run()
                        self.records.append(record)
                        self._journal.add(play.title, record.as_json())
                except Exception as error:  # noqa: BLE001 - whatever ends one play ends no other
                    self.failures.append(f"{play.title}: {describe_failure(error)}")
                    self._teller.tell(self.failures[-1])
                self._teller.advance(play.title)

        async with asyncio.TaskGroup() as workers:
            for lane in self._lanes:
                workers.create_task(work(lane))

    def _measure_model(self, seed_prompt: str) -> Mapping[str, Mapping[str, float]]:
        """Compute what a good prompt earns of each kind of input, and how much isn't known."""
        golden = open_task_types(None).golden_inputs("code_generation")
        pools = self._bench.pools
        kinds = {
            "live": [refine(text, task_type="code_generation") for text in pools.live],
            "held out": [refine(text, task_type="code_generation") for text in pools.held_out],
            "golden": [*golden.choosing, *golden.verdict],
        }
        shares: dict[str, dict[str, float]] = {}
        for name in self._lexicon.mixtures:
            model = self._lexicon.make_model(name, 0)
            shares[name] = {}
            for kind, texts in kinds.items():
                rates = [model.pass_rate(seed_prompt, text) for text in texts]
                unknown = [not model.is_known(text) for text in texts]
                shares[name][kind] = round(fmean(rates), 3)
                shares[name][f"{kind}, unknown"] = round(fmean(unknown), 3)
        return shares
