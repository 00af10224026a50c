"""Estimates how often healthy traffic alone makes work: the Optimizer's analysis, drawn windows."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.reporting.intervals import Rate, rate_of
from services.common.record.surprise import Record
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.log_analyzer import analyze_failures

WINDOWS: Final = 2000
REQUESTS: Final = 100
BASE_FAILURE_RATE: Final = 0.05
THRESHOLD: Final = 3
# What the version before is known by, where it is known at all.
EARLIER_REQUESTS: Final = 200
SEED: Final = 20_26


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Shares of healthy windows that make work.

    Attributes:
        floor: Three failures, and nothing else asked.
        fresh: With the Optimizer's test, and no earlier record to compare with.
        known: With its test, against 200 earlier answers.
    """

    floor: Rate
    fresh: Rate
    known: Rate

    def as_json(self) -> dict[str, dict[str, float | int | None]]:
        """Return the figures as plain values for JSON."""
        return {
            "three_failures": self.floor.as_json(),
            "optimizer_without_record": self.fresh.as_json(),
            "optimizer_with_record": self.known.as_json(),
        }


def measure_false_alarms(windows: int = WINDOWS) -> FalseAlarms:
    """Draw windows of 100 requests of which each fails with a chance of 5 %, and have them read."""
    floor, fresh, known = [], [], []
    for window, earlier in _draw(windows):
        alone = analyze_failures(window, threshold=THRESHOLD)
        floor.append(alone.reaches_floor)
        fresh.append(alone.needs_optimization)
        known.append(
            analyze_failures(window, threshold=THRESHOLD, usual=[earlier]).needs_optimization
        )
    return FalseAlarms(rate_of(floor), rate_of(fresh), rate_of(known))


def _draw(windows: int) -> Iterator[tuple[list[LoggedResult], Record]]:
    chance = random.Random(SEED)
    requests = [f"request {number}" for number in range(REQUESTS)]
    passes = [LoggedResult(request, request, 0.9, True) for request in requests]
    fails = [LoggedResult(request, request, 0.4, False) for request in requests]
    for _ in range(windows):
        window = [(fails if _fails(chance) else passes)[at] for at in range(REQUESTS)]
        failed = sum(_fails(chance) for _ in range(EARLIER_REQUESTS))
        yield window, Record(EARLIER_REQUESTS, EARLIER_REQUESTS - failed)


def _fails(chance: random.Random) -> bool:
    return chance.random() < BASE_FAILURE_RATE
