from collections import Counter
from typing import Any

import pytest
from support.rows import for_each

from benchmarks.healing.lane.evaluator_switch import EvaluatorCondition
from benchmarks.healing.lane.model_endpoint import ModelCondition
from benchmarks.healing.runs.steady import DATABASE_RESTART, FLOOD
from benchmarks.healing.scenarios import (
    REGRESSION_KINDS,
    PromptScenario,
    edit_prompt,
    list_names,
    read_scenarios,
)
from selfheal.runtime.assembly import find_schema
from services.optimizer.app.services.diagnosis.attribution import (
    DRIFT,
    EVALUATOR,
    INPUT,
    PROMPT,
    PROVIDER,
    UNKNOWN,
)

SEED = (
    find_schema()
    .read_text(encoding="utf-8")
    .split("VALUES ('code_generation', '", 1)[1]
    .split("', 1, TRUE", 1)[0]
)
SCENARIOS = read_scenarios(SEED)


def test_every_kind_of_regression_is_there() -> None:
    counts = Counter(one.kind for one in SCENARIOS.regressions)
    assert counts.keys() == set(REGRESSION_KINDS)
    assert len(SCENARIOS.regressions) >= 18
    assert counts["another_language"] >= 3
    assert counts["poisoned_demos"] >= 3


def test_most_regressions_are_edits_of_the_seed_prompt() -> None:
    edited = [one for one in SCENARIOS.regressions if "standard library" in one.text]
    assert len(edited) > len(SCENARIOS.regressions) / 2


def test_there_are_enough_controls_and_faults() -> None:
    assert len(SCENARIOS.controls) >= 8
    assert len(SCENARIOS.faults) >= 8
    assert len({one.kind for one in SCENARIOS.controls}) == len(SCENARIOS.controls)


def test_names_are_told_apart_and_can_be_typed() -> None:
    names = list_names()
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)


def test_scenarios_can_be_chosen_by_name() -> None:
    chosen = SCENARIOS.only(["javascript", "garbage_flood"])
    assert [one.name for one in chosen.regressions] == ["javascript"]
    assert chosen.controls == ()
    assert [one.name for one in chosen.faults] == ["garbage_flood"]
    assert SCENARIOS.only([]) == SCENARIOS


@for_each([*SCENARIOS.regressions, *SCENARIOS.controls], name=lambda one: one.name)
def test_texts_can_be_deployed(scenario: PromptScenario) -> None:
    assert scenario.text.strip()
    assert scenario.text != SEED
    assert len(scenario.text.encode()) <= 16 * 1024


def test_every_fault_is_one_that_a_lane_can_show() -> None:
    known = {*ModelCondition, *EvaluatorCondition, FLOOD, DATABASE_RESTART}
    assert {fault.name for fault in SCENARIOS.faults} <= known


def test_faults_expect_verdicts_that_there_are() -> None:
    verdicts = {verdict for fault in SCENARIOS.faults for verdict in fault.verdicts}
    assert verdicts <= {PROMPT, PROVIDER, EVALUATOR, INPUT, DRIFT, UNKNOWN}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": "\nwhole\n"}, "whole"),
        ({"after": "last"}, "first rule\nlast"),
        ({"before": "\nat first\n", "repeats": 2}, "at first\nat first\nfirst rule"),
        ({"swaps": [["first", "second"]], "after": "\n\nlast"}, "second rule\n\n\nlast"),
    ],
)
def test_edits_are_made_to_the_seed_prompt(row: dict[str, Any], text: str) -> None:
    assert edit_prompt({"name": "x", **row}, "first rule") == text


@pytest.mark.parametrize("prompt", ["", "first first"])
def test_an_edit_that_does_not_fit_is_an_error(prompt: str) -> None:
    with pytest.raises(ValueError, match="isn't in the seed prompt exactly once"):
        edit_prompt({"name": "x", "swaps": [["first", "second"]]}, prompt)
