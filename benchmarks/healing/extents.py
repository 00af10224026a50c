"""How much of the benchmark is run, by model and by what the user asks for. Pure."""

from dataclasses import replace
from typing import Final

from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.program import Extent
from benchmarks.healing.scenarios import Scenarios
from benchmarks.healing.selection import one_of_each_kind

INNOCENT_RUNS_PER_SEED: Final = 5
LOCAL_FAULTS: Final = ("evaluator_down", "model_swapped")

DEFAULTS: Final = {
    SIMULATED: Extent(None, None, None, regression_seeds=2, other_seeds=10),
    LOCAL: Extent(6, 3, LOCAL_FAULTS, regression_seeds=1, other_seeds=1),
}
QUICK: Final = {
    SIMULATED: Extent(8, 6, None, regression_seeds=1, other_seeds=2),
    LOCAL: Extent(2, 1, LOCAL_FAULTS[:1], regression_seeds=1, other_seeds=1),
}
FULL: Final = {
    SIMULATED: Extent(None, None, None, regression_seeds=5, other_seeds=25),
    LOCAL: Extent(None, None, None, regression_seeds=2, other_seeds=3),
}


def choose_extent(
    model: str, *, full: bool, quick: bool, seeds: int | None, chosen_by_name: bool
) -> Extent:
    """How much is run.

    Args:
        model: The model at hand.
        full: Whether everything is asked for.
        quick: Whether a subset of a few minutes is.
        seeds: Runs of each regression in each mode; None for the default.
        chosen_by_name: Whether the user named the scenarios: then all of those are run.
    """
    extent = (FULL if full else QUICK if quick else DEFAULTS)[model]
    if chosen_by_name:
        extent = replace(extent, regressions=None, controls=None, faults=None)
    if seeds is not None:
        times = INNOCENT_RUNS_PER_SEED if model == SIMULATED else 1
        extent = replace(extent, regression_seeds=seeds, other_seeds=seeds * times)
    return extent


def order_for(scenarios: Scenarios, extent: Extent) -> Scenarios:
    """The scenarios in the order in which they are tried, where not all of them are run."""
    regressions = scenarios.regressions
    if extent.regressions is not None:
        regressions = tuple(one_of_each_kind(regressions))
    faults = scenarios.faults
    if extent.faults is not None:
        faults = tuple(one for one in faults if one.name in extent.faults)
    return Scenarios(regressions, scenarios.controls, faults)
