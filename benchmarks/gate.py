"""Measures the gate over incidents: how often it promotes what is no better, and what it finds.

Each incident is a dozen heals that go through the gate's own code (Gate, run_pairs, decide, the
wagers and their error rates); only the scores are drawn in place of Worker and Evaluator. Passing
answers score around 0.9, failing ones around 0.39. Beside it stands the old law on the same kind
of pairs: each heal for itself at alpha 0.05, nine tenths of the wealth on every pair.

Exits with 1 where an aim is missed.

examples:
  python -m benchmarks.gate
  python -m benchmarks.gate --incidents 200 --seed 7
"""

import argparse
import asyncio
import logging
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import comb
from statistics import fmean
from uuid import UUID

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.run_description import describe_run
from services.common.proof.betting import FIRST_ALPHA, PairedScore, follow_wealth, play
from services.optimizer.app.services.proof.paired_test import decide
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wagers import WagerBook
from services.optimizer.app.services.repair.candidates import Candidate
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.gate import Gate

PASSES, FAILS, NOISE = 0.88, 0.37, 0.04
INCUMBENT = "incumbent"
HEALS, PAIRS = 12, 12
OLD_STAKE = 0.9
MOST_FALSE, MOST_FALSE_BOUND = 0.05, 0.07
SEED = 17
TABLE_WIDTH = 132


@dataclass(frozen=True, slots=True)
class Scenario:
    """What incidents are made of.

    Attributes:
        incumbent: Chance that the incumbent passes an input; `candidate` likewise.
        aim: Least share of incidents in which the candidate is to be found; None under a tie.
        hard_alike: Whether an input has a difficulty of its own, the same for both texts: a few
            pass nearly always, others nearly never.
        golden: Inputs of each heal that are the same in all heals; the others are fresh.
        texts: `one` text in all heals, or a `new` one in each; `bet alone` bets on every pair of
            all heals, without a gate that gives up.
    """

    title: str
    incumbent: float
    candidate: float
    aim: float | None = None
    hard_alike: bool = False
    golden: int = 0
    texts: str = "one"


SCENARIOS = (
    Scenario("tie at 0.1, one text", 0.1, 0.1),
    Scenario("tie at 0.5, one text", 0.5, 0.5),
    Scenario("tie at 0.9, one text", 0.9, 0.9),
    Scenario("tie at 0.7, hard alike, one text", 0.7, 0.7, hard_alike=True),
    Scenario("tie at 0.7, hard alike, 8 golden, one text", 0.7, 0.7, hard_alike=True, golden=8),
    Scenario("tie at 0.5, a new text each heal", 0.5, 0.5, texts="new"),
    Scenario("tie at 0.9, 12 golden, a new text each heal", 0.9, 0.9, golden=12, texts="new"),
    Scenario(
        "tie at 0.5, hard alike, 12 golden, a new text each heal",
        0.5, 0.5, hard_alike=True, golden=12, texts="new",
    ),
    Scenario("0 to 1, one text", 0.0, 1.0, aim=1.0),
    Scenario("0.3 to 0.7, one text", 0.3, 0.7, aim=0.99),
    Scenario("0.7 to 0.9, one text", 0.7, 0.9, aim=0.9),
    Scenario("0.7 to 0.9, every pair bet on", 0.7, 0.9, aim=0.95, texts="bet alone"),
)  # fmt: skip


class DrawnReplays(TextReplays):
    """Draws scores: the chances are the scenario's, and an input's difficulty is its own."""

    def __init__(self, scenario: Scenario, generator: random.Random) -> None:
        self._scenario = scenario
        self._generator = generator
        self._scores: dict[str, dict[str, ReplayResult]] = {}

    @property
    def calls_left(self) -> int:
        """Enough for every pair."""
        return 1_000

    async def run(self, content: str, inputs: Sequence[ReplayInput]) -> dict[str, ReplayResult]:
        """Draw a score for each input that the text wasn't run on before."""
        known = self._scores.setdefault(content, {})
        for item in inputs:
            if item.id not in known:
                score = draw_score(self._scenario, content == INCUMBENT, item, self._generator)
                known[item.id] = ReplayResult(score, score >= PASSES, "drawn")
        return {item.id: known[item.id] for item in inputs}

    def known(self, content: str) -> dict[str, ReplayResult]:
        """Return all results of a text so far."""
        return dict(self._scores.get(content, {}))


def draw_score(
    scenario: Scenario, is_incumbent: bool, item: ReplayInput, generator: random.Random
) -> float:
    """Draw one score; where inputs are hard alike, the chance is near 0 or 1 by the input."""
    chance = scenario.incumbent if is_incumbent else scenario.candidate
    if scenario.hard_alike:
        is_easy = random.Random(item.text).random() < chance
        chance = 0.9 * is_easy + 0.1 * chance
    return (PASSES if generator.random() < chance else FAILS) + NOISE * generator.random()


def plan_inputs(scenario: Scenario, incident: str, heal: int) -> tuple[ReplayInput, ...]:
    """List a heal's proving inputs: fresh ones first, then golden ones."""
    golden = [f"{incident} golden {number}" for number in range(scenario.golden)]
    fresh = [f"{incident} {heal} {number}" for number in range(PAIRS - scenario.golden)]
    texts = [*((text, FAILING) for text in fresh), *((text, GOLDEN) for text in golden)]
    return tuple(ReplayInput(text, text, text, source) for text, source in texts)


async def run_incident(scenario: Scenario, generator: random.Random) -> tuple[int, int]:
    """Heal until something is promoted, or through all heals.

    Returns:
        The heal that promoted, from 1, or 0; and how many pairs were run.
    """
    book, incident, pairs = WagerBook(), str(generator.random()), 0
    if scenario.texts == "bet alone":
        return run_bet(scenario, generator)
    for heal in range(1, HEALS + 1):
        text = "candidate" if scenario.texts == "one" else f"candidate {heal}"
        trial = TrialInputs(choosing=(), proving=plan_inputs(scenario, incident, heal))
        gate = Gate(
            DrawnReplays(scenario, generator), trial, INCUMBENT, book=book, max_newly_failing=1
        )
        contender = Contender(Candidate(text, "drawn", ""), UUID(int=0), {}, {}, decide([]), False)
        decision = await gate.judge(contender)
        pairs += len(decision.pairs)
        if decision.promote:
            return heal, pairs
    return 0, pairs


def run_bet(scenario: Scenario, generator: random.Random) -> tuple[int, int]:
    """Bet on all pairs of all heals; returns what `run_incident` does."""
    gains = [
        gain
        for heal in range(HEALS)
        for gain in draw_gains(scenario, plan_inputs(scenario, "", heal), generator)
    ]
    for count, wealth in enumerate(follow_wealth(gains), 1):
        if wealth >= 1 / FIRST_ALPHA:
            return 1 + (count - 1) // PAIRS, count
    return 0, len(gains)


def run_old_incident(scenario: Scenario, generator: random.Random) -> bool:
    """Tell whether the old law promotes: every heal for itself, on all of its inputs."""
    incident = str(generator.random())
    heals = (plan_inputs(scenario, incident, heal) for heal in range(HEALS))
    return any(
        play(draw_gains(scenario, inputs, generator), stake=OLD_STAKE).reaches() for inputs in heals
    )


def draw_gains(
    scenario: Scenario, inputs: Sequence[ReplayInput], generator: random.Random
) -> list[float]:
    """Draw both scores of each input, and give the candidate's gains."""
    return [
        PairedScore(
            item.id,
            draw_score(scenario, True, item, generator),
            draw_score(scenario, False, item, generator),
        ).gain
        for item in inputs
    ]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a scenario's incidents.

    Attributes:
        promoted: Incidents in which something was promoted, `first` in their first heal.
        old: Incidents in which the old law promotes.
    """

    scenario: Scenario
    incidents: int
    promoted: int
    first: int
    old: int
    pairs_a_heal: float

    @property
    def share(self) -> float:
        """Share of incidents in which something was promoted."""
        return self.promoted / self.incidents

    @property
    def meets_aim(self) -> bool:
        """Whether it is seldom enough under a tie, and often enough where there is a gain."""
        if self.scenario.aim is not None:
            return self.share >= self.scenario.aim
        bound = bound_above(self.promoted, self.incidents)
        return self.share <= MOST_FALSE and bound <= MOST_FALSE_BOUND


def measure(scenario: Scenario, *, incidents: int, seed: int) -> Measured:
    """Run a scenario's incidents."""
    generator = random.Random(f"{seed} {scenario.title}")

    async def run_all() -> list[tuple[int, int]]:
        return [await run_incident(scenario, generator) for _ in range(incidents)]

    ends = asyncio.run(run_all())
    return Measured(
        scenario,
        incidents,
        promoted=sum(heal > 0 for heal, _ in ends),
        first=sum(heal == 1 for heal, _ in ends),
        old=sum(run_old_incident(scenario, generator) for _ in range(incidents)),
        pairs_a_heal=fmean(pairs / (heal or HEALS) for heal, pairs in ends),
    )


def be_quiet() -> None:
    """Keep the gate's log of every verdict to itself."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def bound_above(times: int, of: int, *, confidence: float = 0.95) -> float:
    """Return the upper end of the one-sided Clopper-Pearson interval of a share."""
    if times == of:
        return 1.0
    low, high = times / of, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        chance = sum(
            comb(of, count) * middle**count * (1 - middle) ** (of - count)
            for count in range(times + 1)
        )
        low, high = (middle, high) if chance > 1 - confidence else (low, middle)
    return high


def tabulate(found: Sequence[Measured]) -> Table:
    """Lay the figures out beside their aims."""
    incidents = found[0].incidents
    table = Table(
        title=f"{incidents} incidents a row, of up to {HEALS} heals of up to {PAIRS} pairs",
        title_justify="left",
        caption="promoted: incidents, with the upper 95 % bound (Clopper and Pearson); "
        "pairs: in the mean of a heal; old law: each heal for itself at alpha 0.05",
    )
    table.add_column("pass rates")
    for name in ("promoted", "bound", "aim", "first heal", "pairs", "old law", ""):
        table.add_column(name, justify="right")
    for row in found:
        is_tie = row.scenario.aim is None
        table.add_row(
            row.scenario.title,
            f"{row.share:.3f}",
            f"{bound_above(row.promoted, incidents):.3f}" if is_tie else "",
            f"<= {MOST_FALSE} ({MOST_FALSE_BOUND})" if is_tie else f">= {row.scenario.aim:g}",
            f"{row.first / incidents:.3f}",
            f"{row.pairs_a_heal:.1f}",
            f"{row.old / incidents:.3f}",
            "" if row.meets_aim else "MISSED",
        )
    return table


def main() -> int:
    """Run the simulation from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--incidents", type=int, default=1_000, help="simulated incidents a row (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="what is drawn (%(default)s)")
    options = parser.parse_args()
    run = partial(measure, incidents=options.incidents, seed=options.seed)
    with ProcessPoolExecutor(os.cpu_count(), initializer=be_quiet) as processes:
        found = list(processes.map(run, SCENARIOS))
    output = Console(width=TABLE_WIDTH)
    output.print(tabulate(found))
    output.print(", ".join(describe_run().values()), highlight=False)
    return 0 if all(row.meets_aim for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
