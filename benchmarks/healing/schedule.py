"""Lists the runs, and draws from each one's seed: requests, their order, the moment."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.inputs import Pools
from benchmarks.healing.records import CONTROL, FAULT, REGRESSION
from benchmarks.healing.scenarios import Fault, PromptScenario

WITH_HISTORY: Final = "with history"
WITHOUT_HISTORY: Final = "without history"
MODES: Final = (WITH_HISTORY, WITHOUT_HISTORY)

# Share of the traffic that fails under any prompt, from seed to seed: before the change, and from
# then on. Users may happen to ask harder things just when an innocent prompt is deployed.
MOST_HARD_BEFORE: Final = 0.15
LEAST_HARD_AFTER, MOST_HARD_AFTER = 0.1, 0.6
LEAST_HARD_REQUESTS: Final = 3
STEADY_REQUESTS: Final = 16
FLOOD_REQUESTS: Final = 20


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one scenario; `mode` is empty for faults, where the good prompt serves."""

    group: str
    scenario: PromptScenario | Fault
    seed: int
    mode: str = ""

    @property
    def title(self) -> str:
        """Title that identifies the run: scenario, mode and seed."""
        return " / ".join(filter(None, (self.scenario.name, self.mode, f"seed {self.seed}")))

    def chance(self) -> random.Random:
        """Make a random generator whose seed is this run's own: the same each time."""
        return random.Random(f"{self.scenario.name}/{self.mode}/{self.seed}")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of a run.

    Attributes:
        before: What is asked before anything goes wrong.
        after: What is asked from then on.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


def plan_runs(
    regressions: Sequence[PromptScenario],
    controls: Sequence[PromptScenario],
    faults: Sequence[Fault],
    *,
    regression_seeds: int,
    other_seeds: int,
    modes: Sequence[str] = MODES,
) -> Iterator[Run]:
    """Plan all runs; the seed varies slowest, so that a run cut short has seen every scenario."""
    for seed in range(max(regression_seeds, other_seeds)):
        if seed < regression_seeds:
            for mode in modes:
                for scenario in regressions:
                    yield Run(REGRESSION, scenario, seed, mode)
        if seed < other_seeds:
            yield from (Run(CONTROL, scenario, seed, MODES[seed % 2]) for scenario in controls)
            yield from (Run(FAULT, fault, seed) for fault in faults)


def plan_healthy(run: Run, pools: Pools, *, before: tuple[int, int], requests: int) -> Traffic:
    """Plan requests that the good prompt does well, before and after a moment drawn by the seed.

    Args:
        before: How many come before it, at least and at most; here and below.
        requests: How many come after it.
    """
    chance = run.chance()
    earlier = _draw(chance, pools.live, chance.randint(*before))
    return Traffic(earlier, _draw(chance, pools.live, requests))


def plan_steady(
    run: Run, pools: Pools, *, before: tuple[int, int], requests: int = STEADY_REQUESTS
) -> Traffic:
    """Plan traffic some of which fails under any prompt, in shares that the seed decides.

    Three such requests at least come after the change: a naive healer always finds work.
    """
    chance = run.chance()
    earlier = chance.randint(*before)
    hard_before = round(chance.uniform(0, MOST_HARD_BEFORE) * earlier)
    hard_after = round(chance.uniform(LEAST_HARD_AFTER, MOST_HARD_AFTER) * requests)
    return Traffic(
        _mix(chance, pools, earlier, hard_before),
        _mix(chance, pools, requests, max(LEAST_HARD_REQUESTS, hard_after)),
    )


def plan_flood(run: Run, pools: Pools, *, before: tuple[int, int]) -> Traffic:
    """Plan healthy traffic, then one caller's garbage with a few healthy requests in between."""
    chance = run.chance()
    earlier = _draw(chance, pools.live, chance.randint(*before))
    garbage = chance.sample(pools.flood, k=chance.randint(1, 2))
    flood = [chance.choice(garbage) for _ in range(FLOOD_REQUESTS)]
    after = [*flood, *chance.sample(pools.live, k=FLOOD_REQUESTS // 3)]
    chance.shuffle(after)
    return Traffic(earlier, tuple(after))


def _mix(chance: random.Random, pools: Pools, requests: int, hard: int) -> tuple[str, ...]:
    mixed = [
        *_draw(chance, pools.hard, hard),
        *_draw(chance, pools.live, requests - hard),
    ]
    chance.shuffle(mixed)
    return tuple(mixed)


def _draw(chance: random.Random, pool: Sequence[str], count: int) -> tuple[str, ...]:
    """Draw requests in random order; none comes again before all were there."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn.extend(chance.sample(pool, k=len(pool)))
    return tuple(drawn[:count])
