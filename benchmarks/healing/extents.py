"""Chooses how much of the benchmark is run, by model and by what the user asks for. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.program import Extent
from benchmarks.healing.scenarios import PromptScenario, Scenarios
from benchmarks.healing.schedule import WITH_HISTORY
from benchmarks.healing.selection import one_of_each_kind

INNOCENT_RUNS_PER_SEED: Final = 5
LOCAL_FAULTS: Final = ("evaluator_down",)
# The local model heeds few prompts: what it does heed is tried first, where not all is.
LOCAL_FIRST: Final = (
    "javascript", "demos_todo", "eight_words", "french_prose", "java_service",
    "typescript_team", "demos_stubs", "tutor_without_code", "demos_javascript",
    "said_three_times", "travel_policy", "crowded_formatting", "please_and_thanks",
    "harmless_typos",
)  # fmt: skip

DEFAULTS: Final = {
    SIMULATED: Extent(None, None, None, regression_seeds=2, other_seeds=10),
    LOCAL: Extent(6, 3, LOCAL_FAULTS, regression_seeds=1, other_seeds=1, first=LOCAL_FIRST),
}
QUICK: Final = {
    SIMULATED: Extent(8, 6, None, regression_seeds=1, other_seeds=2),
    LOCAL: Extent(2, 1, LOCAL_FAULTS, regression_seeds=1, other_seeds=1, first=LOCAL_FIRST),
}
FULL: Final = {
    SIMULATED: Extent(None, None, None, regression_seeds=5, other_seeds=25),
    LOCAL: Extent(None, None, None, regression_seeds=2, other_seeds=3),
}


def choose_extent(
    model: str,
    *,
    full: bool,
    quick: bool,
    seeds: int | None,
    chosen_by_name: bool,
    with_history: bool = False,
) -> Extent:
    """Choose how much of the benchmark is run.

    Args:
        model: The model at hand.
        full: Whether everything is asked for.
        quick: Whether a subset of a few minutes is.
        seeds: Runs of each regression in each mode; None for the default.
        chosen_by_name: Whether the user named the scenarios: then all of those are run.
        with_history: Whether regressions are run with a good version in history alone.
    """
    extent = (FULL if full else QUICK if quick else DEFAULTS)[model]
    if chosen_by_name:
        extent = replace(extent, regressions=None, controls=None, faults=None)
    if with_history:
        extent = replace(extent, modes=(WITH_HISTORY,))
    if seeds is not None:
        times = INNOCENT_RUNS_PER_SEED if model == SIMULATED else 1
        extent = replace(extent, regression_seeds=seeds, other_seeds=seeds * times)
    return extent


def order_for(scenarios: Scenarios, extent: Extent) -> Scenarios:
    """Put the scenarios in the order in which they are tried, where not all of them are run."""
    regressions, controls, faults = scenarios.regressions, scenarios.controls, scenarios.faults
    if extent.regressions is not None:
        regressions = _put_first(one_of_each_kind(regressions), extent.first)
    if extent.controls is not None:
        controls = _put_first(controls, extent.first)
    if extent.faults is not None:
        faults = tuple(one for one in faults if one.name in extent.faults)
    return Scenarios(regressions, controls, faults)


def _put_first(
    scenarios: Sequence[PromptScenario], names: Sequence[str]
) -> tuple[PromptScenario, ...]:
    """Put the scenarios of those names first, in that order; the others follow in theirs."""
    ranks = {name: rank for rank, name in enumerate(names)}
    return tuple(sorted(scenarios, key=lambda one: ranks.get(one.name, len(ranks))))
