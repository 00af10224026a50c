from dataclasses import replace

import pytest

from benchmarks.healing.extents import DEFAULTS, FULL, QUICK, choose_extent, order_for
from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.scenarios import Fault, PromptScenario, Scenarios, list_names
from benchmarks.healing.schedule import WITH_HISTORY

SCENARIOS = Scenarios(
    tuple(PromptScenario(name, kind, "") for name, kind in (("a", "x"), ("b", "x"), ("c", "y"))),
    (PromptScenario("odd", "typos", ""),),
    (Fault("evaluator_down", "", ()), Fault("provider_hang", "", ())),
)


def choose(model: str, **changes: object) -> object:
    arguments = {"full": False, "quick": False, "seeds": None, "chosen_by_name": False}
    return choose_extent(model, **(arguments | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [SIMULATED, LOCAL])
def test_full_default_and_quick_are_told_apart(model: str) -> None:
    assert choose(model) == DEFAULTS[model]
    assert choose(model, full=True) == FULL[model]
    assert choose(model, quick=True) == QUICK[model]


def test_the_default_has_200_runs_with_innocent_prompts() -> None:
    assert DEFAULTS[SIMULATED].other_seeds * (12 + 9) >= 200


def test_seeds_count_more_for_innocent_prompts_of_the_simulated_model() -> None:
    extent = choose_extent(SIMULATED, full=False, quick=False, seeds=3, chosen_by_name=False)
    assert (extent.regression_seeds, extent.other_seeds) == (3, 15)
    extent = choose_extent(LOCAL, full=False, quick=False, seeds=3, chosen_by_name=False)
    assert (extent.regression_seeds, extent.other_seeds) == (3, 3)


def test_what_is_named_is_all_run() -> None:
    extent = choose_extent(LOCAL, full=False, quick=False, seeds=None, chosen_by_name=True)
    assert (extent.regressions, extent.controls, extent.faults) == (None, None, None)


def test_regressions_with_history_alone_are_run_when_asked_for() -> None:
    assert choose(SIMULATED, with_history=True) == replace(
        DEFAULTS[SIMULATED], modes=(WITH_HISTORY,)
    )


def test_a_part_begins_with_one_of_each_kind() -> None:
    ordered = order_for(SCENARIOS, DEFAULTS[LOCAL])
    assert [one.name for one in ordered.regressions] == ["a", "c", "b"]
    assert [one.name for one in ordered.faults] == ["evaluator_down"]


def test_a_part_begins_with_what_is_named() -> None:
    ordered = order_for(SCENARIOS, replace(DEFAULTS[LOCAL], first=("b", "odd")))
    assert [one.name for one in ordered.regressions] == ["b", "a", "c"]


def test_what_is_tried_first_exists() -> None:
    assert set(DEFAULTS[LOCAL].first) <= set(list_names())


def test_the_whole_stays_in_order() -> None:
    assert order_for(SCENARIOS, DEFAULTS[SIMULATED]) == SCENARIOS
