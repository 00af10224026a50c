"""Which regressions and controls count on the model at hand: by measurement, not by name. Pure."""

from collections.abc import Mapping, Sequence
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


def choose_regressions(
    scenarios: Sequence[PromptScenario],
    good: Measurement,
    measured: Mapping[str, Measurement],
) -> list[Choice]:
    """Each regression with what speaks against it, if anything does."""
    choices = []
    for scenario in scenarios:
        bad = measured[scenario.name]
        loss, broken = good.mean - bad.mean, _broken_share(good, bad)
        reason = ""
        if loss < LEAST_LOSS:
            reason = f"costs {loss:+.3f} of mean score, less than {LEAST_LOSS:g}"
        elif broken < LEAST_BROKEN_SHARE:
            reason = f"breaks {broken:.0%} of the inputs, less than {LEAST_BROKEN_SHARE:.0%}"
        choices.append(Choice(scenario, bad, reason))
    return choices


def choose_controls(
    scenarios: Sequence[PromptScenario],
    good: Measurement,
    measured: Mapping[str, Measurement],
) -> list[Choice]:
    """Each control with what speaks against it, if anything does."""
    choices = []
    for scenario in scenarios:
        odd = measured[scenario.name]
        loss, broken = good.mean - odd.mean, _broken_share(good, odd)
        reason = ""
        if loss > MOST_LOSS:
            reason = f"costs {loss:+.3f} of mean score, more than {MOST_LOSS:g}"
        elif broken > MOST_BROKEN_SHARE:
            reason = f"breaks {broken:.0%} of the inputs, more than {MOST_BROKEN_SHARE:.0%}"
        choices.append(Choice(scenario, odd, reason))
    return choices


def most_harmful(choices: Sequence[Choice], count: int) -> list[PromptScenario]:
    """The regressions that cost most, one of each kind before the second of any."""
    ranked = sorted(choices, key=lambda choice: choice.measurement.mean)
    seen: dict[str, int] = {}
    turns = []
    for choice in ranked:
        turn = seen.get(choice.scenario.kind, 0)
        seen[choice.scenario.kind] = turn + 1
        turns.append((turn, choice))
    turns.sort(key=lambda pair: pair[0])
    return [choice.scenario for _, choice in turns[:count]]


def _broken_share(good: Measurement, other: Measurement) -> float:
    return other.newly_failing(good) / good.passed if good.passed else 0.0
