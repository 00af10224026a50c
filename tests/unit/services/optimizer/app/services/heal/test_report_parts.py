"""How inputs, candidates and decisions stand in a report."""

from dataclasses import replace

import pytest
from support.healing_decision import CANDIDATE_ID, CONTENDER, DECISION, TRIAL, item

from services.optimizer.app.services.heal.report_parts import (
    MAX_TEXT_CHARACTERS,
    describe_contender,
    describe_decision,
    describe_inputs,
)
from services.optimizer.app.services.proof.damage import Damage
from services.optimizer.app.services.proof.replay_results import GUARD


def test_a_candidate_is_told_beside_the_incumbent() -> None:
    assert describe_contender(CONTENDER) == {
        "candidate_id": str(CANDIDATE_ID),
        "strategy": "reflection",
        "rationale": "since",
        "scored": 2,
        "passed": 2,
        "incumbent_passed": 1,
        "mean_score": pytest.approx(0.85),
        "incumbent_mean_score": pytest.approx(0.6),
        "wins": 1,
        "losses": 1,
    }


def test_inputs_are_told_with_their_half_and_their_fingerprint() -> None:
    told = describe_inputs(TRIAL)
    assert (told["choosing"], told["verdict"], told["guard"]) == (1, 2, 2)
    halves = {name: one["half"] for name, one in told["used"].items()}
    assert halves == {
        "failing-choosing-1": "choosing",
        "golden-verdict-1": "verdict",
        "guard-verdict-1": "verdict",
        "guard-verdict-2": "guard",
    }
    long = told["used"]["failing-choosing-1"]
    assert long["text"] == "x" * MAX_TEXT_CHARACTERS
    assert long["fingerprint"] == TRIAL.choosing[0].fingerprint
    assert len(long["fingerprint"]) == 16


def test_of_the_spare_guards_those_that_broke_are_named() -> None:
    spare = (item("guard-verdict-3", GUARD, "third"), item("guard-verdict-4", GUARD))
    broken = replace(DECISION, damage=Damage(3, ("guard-verdict-3",), 1))
    told = describe_inputs(replace(TRIAL, spare_guards=spare), broken)
    assert told["used"]["guard-verdict-3"]["text"] == "third"
    assert "guard-verdict-4" not in told["used"]
    assert told["guard"] == len(TRIAL.guards)


def test_the_decision_is_told_with_every_pair() -> None:
    told = describe_decision(DECISION)
    assert (told["promote"], told["reason"], told["alpha"]) == (True, "better", 0.0405)
    assert told["pairs"] == [
        {"input_id": "golden-verdict-1", "incumbent": 0.3, "candidate": 0.9},
        {"input_id": "guard-verdict-1", "incumbent": 0.8, "candidate": 0.9},
    ]
    assert (told["incumbent_passed"], told["candidate_passed"]) == (1, 2)
    assert told["guards"] == {
        "checked": 2,
        "newly_failing": ["guard-verdict-2"],
        "allowed": 1,
        "incumbent_fails": 0,
        "candidate_fails": 1,
        "bears_none": False,
        "chance_of_noise": pytest.approx(0.0454, abs=1e-4),
    }
    assert told["control"] == {"scored": 1, "passed": 0, "mean": 0.2, "label": "learned"}
    assert (told["unscored"], told["evaluator_fingerprints"]) == (1, ["f", "g"])
    assert told["e_value"] == pytest.approx(1.9 * 1.18)
