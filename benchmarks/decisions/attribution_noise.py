"""Whose fault failures are, and what a repair breaks, under noise: what the Optimizer's code says.

Models answer by luck: each passes an input at its own rate, known here and to nothing else. Cases
of a known cause go through the code that attributes (confusion matrix, precision and recall), and
candidates of a known harm through the one that looks for damage. No model, service or database.

What a case is: a prompt passes a task at the model's rate where nothing is wrong. `prompt`: it was
replaced by one that passes a fifth of that, and the last good one is known in half of the cases;
`drift`: the model passes a fifth, under the last good prompt too; `input`: what fails is asked for
in vain, at a tenth of the rate, and the rest is as ever; `unknown`: nothing is wrong but luck.
Spread is how much the rates of single inputs differ (standard deviation on the logit scale).

examples:
  python -m benchmarks.decisions.attribution_noise
  python -m benchmarks.decisions.attribution_noise --cases 200
"""

import argparse
import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from benchmarks.healing.reporting.intervals import Rate
from services.common.record.surprise import Record
from services.common.task_types import open_task_types
from services.optimizer.app.services.diagnosis.attribution import DRIFT, INPUT, PROMPT, UNKNOWN
from services.optimizer.app.services.diagnosis.first_looks import attribute_by_looking
from services.optimizer.app.services.log.log_records import LoggedResult, PastPrompt, Window
from services.optimizer.app.services.proof.damage import Damage
from services.optimizer.app.services.proof.guard_run import run_guards
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GUARD,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import plan_trial

SEED = 17
MAX_CALLS = 120
ATTRIBUTION_CALLS = 48
RATES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
FAULTS = (PROMPT, DRIFT, INPUT, UNKNOWN)
INCUMBENT, OTHER = "incumbent", "other"
ANSWERS_BEFORE = 200
WORDS = (
    "amber birch cedar delta ember fjord grove heron ivory jetty knoll lemon maple north".split()
)
GOLDEN_INPUTS = open_task_types(None).golden_inputs("code_generation")


@dataclass(slots=True)
class LuckyReplays:
    """Stands for `TextReplays`: an answer passes at the rate of its text and input."""

    rate: Callable[[str, ReplayInput], float]
    luck: random.Random
    budget: int = MAX_CALLS
    calls: int = 0
    results: dict[str, dict[str, ReplayResult]] = field(default_factory=dict)

    @property
    def calls_left(self) -> int:
        """Calls that the budget still allows."""
        return self.budget - self.calls

    async def run(self, content: str, inputs: Sequence[ReplayInput]) -> dict[str, ReplayResult]:
        """Draw an answer for each input that the text wasn't run on."""
        results = self.results.setdefault(content, {})
        for item in inputs:
            if item.id not in results and self.calls_left > 0:
                self.calls += 1
                passed = self.luck.random() < self.rate(content, item)
                results[item.id] = ReplayResult(0.9 if passed else 0.3, passed, "f")
        return {item.id: results[item.id] for item in inputs if item.id in results}

    def known(self, content: str) -> dict[str, ReplayResult]:
        """Return all results of a text so far."""
        return dict(self.results.get(content, {}))


def spread_rate(rate: float, spread: float, luck: random.Random) -> float:
    """Draw an input's own rate around a model's; one that never or always passes stays."""
    if rate in (0.0, 1.0) or not spread:
        return rate
    return 1 / (1 + math.exp(-(math.log(rate / (1 - rate)) + luck.gauss(0, spread))))


def draw_attribution(
    fault: str, rate: float, spread: float, luck: random.Random
) -> tuple[str, bool, int]:
    """Draw one case; tell the verdict, whether a repair is tried, and the calls it took."""
    failing = [_failure(f"ask {word} {luck.random()}") for word in luck.sample(WORDS, 8)]
    trial = plan_trial(failing, GOLDEN_INPUTS)
    knows_last_good = luck.random() < 1 / 2
    own = {item.id: spread_rate(rate, spread, luck) for item in _inputs(trial)}

    def passes(content: str, item: ReplayInput) -> float:
        now = own[item.id]
        if fault == DRIFT or (fault == PROMPT and content == INCUMBENT):
            return now / 5
        return now / 10 if fault == INPUT and item.source == FAILING else now

    before = Record(ANSWERS_BEFORE, sum(luck.random() < rate for _ in range(ANSWERS_BEFORE)))
    window = Window(tuple(failing), earlier=Record() if fault == PROMPT else before)
    last_good = PastPrompt(OTHER, 1, before.scored, before.passed) if knows_last_good else None
    replays = LuckyReplays(passes, luck)
    found = asyncio.run(
        attribute_by_looking(
            cast(TextReplays, replays),
            trial,
            window,
            incumbent=INCUMBENT,
            last_good=last_good,
            most_calls=ATTRIBUTION_CALLS,
        )
    )
    return found.fault, found.calls_for_repair, replays.calls


@dataclass(frozen=True, slots=True)
class Harm:
    """What a candidate does to guards that the incumbent passes at a rate.

    Attributes:
        broken: Share of what works that it breaks, in [0, 1].
        guards: Guards that are run at all events.
        spare: Guards that may be asked after them.
    """

    rate: float
    broken: float
    guards: int = 10
    spare: int = 30
    spread: float = 0.0

    @property
    def mean_rate(self) -> float:
        """The rate at which guards pass under the incumbent, in the mean of all that there are."""
        luck = random.Random(SEED)
        return fmean(spread_rate(self.rate, self.spread, luck) for _ in range(10_000))


HARMS = (
    *(Harm(rate, 0.0) for rate in RATES),
    *(Harm(rate, 0.0, spread=1.5) for rate in (0.9, 0.7, 0.5)),
    *(Harm(rate, 0.3) for rate in (1.0, 0.95, 0.9)),
    *(Harm(rate, 0.3, spread=1.5) for rate in (0.97, 0.9)),
    Harm(1.0, 0.3, spare=0),
    Harm(0.9, 0.3, spare=0),
    Harm(0.5, 0.0, spare=0),
    *(Harm(rate, 0.0, guards=few, spare=0) for few in (1, 2) for rate in (0.9, 0.5)),
    *(Harm(1.0, 1.0, guards=few, spare=0) for few in (1, 2)),
)


def draw_damage(harm: Harm, luck: random.Random) -> tuple[Damage, int]:
    """Draw one candidate's guards; tell what is said of it, and the calls it took."""
    items = [
        ReplayInput(f"guard-{number}", "", "", GUARD) for number in range(harm.guards + harm.spare)
    ]
    own = {item.id: spread_rate(harm.rate, harm.spread, luck) for item in items}
    broken = {item.id for item in items if luck.random() < harm.broken}

    def passes(content: str, item: ReplayInput) -> float:
        return 0.0 if content == OTHER and item.id in broken else own[item.id]

    replays = LuckyReplays(passes, luck)
    damage = asyncio.run(
        run_guards(
            cast(TextReplays, replays),
            items[: harm.guards],
            items[harm.guards :],
            incumbent=INCUMBENT,
            candidate=OTHER,
            max_newly_failing=1,
        )
    )
    return damage, replays.calls


def _inputs(trial: Any) -> tuple[ReplayInput, ...]:
    return (*trial.choosing, *trial.spare_choosing)


def _failure(text: str) -> LoggedResult:
    return LoggedResult(text, text, 0.3, passed=False)


def _show(rate: Rate) -> str:
    if rate.share is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.share:.3f} [{rate.low:.3f}, {rate.high:.3f}]"


def tabulate_attribution(cases: int, spread: float) -> Sequence[Table]:
    """Draw cases of every cause at every rate, and count what is said of them."""
    luck = random.Random(SEED)
    said: Counter[tuple[str, str]] = Counter()
    tried: Counter[tuple[str, float]] = Counter()
    calls: dict[tuple[str, float], list[int]] = {}
    for rate in RATES:
        for fault in FAULTS:
            for _ in range(cases):
                verdict, repair, spent = draw_attribution(fault, rate, spread, luck)
                tried[fault, rate] += repair
                calls.setdefault((fault, rate), []).append(spent)
                if rate < 1:
                    said[fault, verdict] += 1
    matrix = Table(
        title=f"Pass rates of 40 to 95 %, spread {spread:g}: cause (rows) and verdict, "
        f"{cases} cases a cause and rate",
        title_justify="left",
    )
    for name in ("", *FAULTS, "recall [95 %]", "precision [95 %]"):
        matrix.add_column(name, justify="right")
    for fault in FAULTS:
        right = said[fault, fault]
        recall = Rate(right, sum(said[fault, verdict] for verdict in FAULTS))
        precision = Rate(right, sum(said[cause, fault] for cause in FAULTS))
        counts = [str(said[fault, verdict]) for verdict in FAULTS]
        matrix.add_row(fault, *counts, _show(recall), _show(precision))
    shares = Table(
        title="Share of cases in which a repair is tried (median calls)", title_justify="left"
    )
    for name in ("cause", *(f"{rate:.0%}" for rate in RATES)):
        shares.add_column(name, justify="right")
    for fault in FAULTS:
        cells = [
            f"{tried[fault, rate] / cases:.3f} ({median(calls[fault, rate]):g})" for rate in RATES
        ]
        shares.add_row(fault, *cells)
    return matrix, shares


def tabulate_damage(cases: int) -> Table:
    """Draw candidates of known harm, and count how many are held."""
    table = Table(
        title=f"Candidates that guards hold, {cases} of each [95 %]", title_justify="left"
    )
    for name in ("guards pass", "broken", "guards", "spread", "held", "mean calls", "most"):
        table.add_column(name, justify="right")
    for harm in HARMS:
        luck = random.Random(SEED)
        drawn = [draw_damage(harm, luck) for _ in range(cases)]
        held = Rate(sum(not damage.is_bearable for damage, _ in drawn), cases)
        spent = [calls for _, calls in drawn]
        asked = f"{harm.guards}" + (f" + {harm.spare}" if harm.spare else "")
        table.add_row(
            f"{harm.mean_rate:.0%}",
            f"{harm.broken:.0%}",
            asked,
            f"{harm.spread:g}",
            _show(held),
            f"{sum(spent) / cases:.1f}",
            str(max(spent)),
        )
    return table


def main() -> None:
    """Run the simulation from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.attribution_noise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=int, default=500, help="of a cause and rate (%(default)s)")
    parser.add_argument("--candidates", type=int, default=4_000, help="of each harm (%(default)s)")
    options = parser.parse_args()
    console = Console()
    for spread in (0.0, 1.5):
        for table in tabulate_attribution(options.cases, spread):
            console.print(table)
    console.print(tabulate_damage(options.candidates))


if __name__ == "__main__":
    main()
