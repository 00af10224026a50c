"""Selects the regressions and controls that count on the model at hand, by measurement. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.records import Measurement
from benchmarks.healing.scenarios import PromptScenario

# A regression counts if it costs a tenth of a point of mean score on held-out inputs, and breaks
# one in five of those that pass under the seed prompt.
LEAST_LOSS: Final = 0.1
LEAST_BROKEN_SHARE: Final = 0.2
# A control counts if it costs next to nothing and breaks no more than one in twenty.
MOST_LOSS: Final = 0.03
MOST_BROKEN_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Choice:
    """A scenario, how it does, and why it is left out; empty where it counts."""

    scenario: PromptScenario
    measurement: Measurement
    left_out: str = ""


def judge_regression(scenario: PromptScenario, good: Measurement, bad: Measurement) -> Choice:
    """Judge whether a regression counts, and note what speaks against it."""
    loss, broken = good.mean - bad.mean, _broken_share(good, bad)
    reason = ""
    if loss < LEAST_LOSS:
        reason = f"costs {loss:.3f} of mean score, less than {LEAST_LOSS:g}"
    elif broken < LEAST_BROKEN_SHARE:
        reason = f"breaks {broken:.0%} of the inputs, less than {LEAST_BROKEN_SHARE:.0%}"
    return Choice(scenario, bad, reason)


def judge_control(scenario: PromptScenario, good: Measurement, odd: Measurement) -> Choice:
    """Judge whether a control counts, and note what speaks against it."""
    loss, broken = good.mean - odd.mean, _broken_share(good, odd)
    reason = ""
    if loss > MOST_LOSS:
        reason = f"costs {loss:.3f} of mean score, more than {MOST_LOSS:g}"
    elif broken > MOST_BROKEN_SHARE:
        reason = f"breaks {broken:.0%} of the inputs, more than {MOST_BROKEN_SHARE:.0%}"
    return Choice(scenario, odd, reason)


def one_of_each_kind(scenarios: Sequence[PromptScenario]) -> list[PromptScenario]:
    """Order the scenarios so that the first of each kind comes before the second of any."""
    seen: Counter[str] = Counter()
    turns = []
    for scenario in scenarios:
        turns.append(seen[scenario.kind])
        seen[scenario.kind] += 1
    order = sorted(range(len(scenarios)), key=lambda index: turns[index])
    return [scenarios[index] for index in order]


def _broken_share(good: Measurement, other: Measurement) -> float:
    return other.newly_failing(good) / good.passed if good.passed else 0.0
