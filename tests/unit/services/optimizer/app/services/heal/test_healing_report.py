"""What a heal leaves on record: all that was reached, and nothing that wasn't."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.heal.healing_report import (
    MAX_QUARANTINED,
    MAX_TEXT_CHARACTERS,
    HealingReport,
    describe_contender,
    describe_inputs,
    describe_verdict,
)
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    Record,
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.promotion import Damage, PairedScore, decide
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    GUARD,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.repair.candidates import Candidate
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.verdict import Verdict
from services.optimizer.app.services.screening.screening import Quarantined

CANDIDATE_ID = UUID("00000000-0000-4000-8000-000000000007")
FAILURES = [
    LoggedResult("x", "x", 0.3, False, failed_rules=("r",)),
    LoggedResult("x", "x", 0.5, False, failed_rules=("r", "s")),
    LoggedResult("y", "y", 0.4, False, failed_rules=("r",)),
    LoggedResult("z", "z", 0.9, True),
]
WINDOW = Window(tuple(FAILURES), (UnscoredCount("worker", "http_429", 2), UnscoredCount("", "", 1)))
REPLAYER: Any = SimpleNamespace(calls=23, input_tokens=700, output_tokens=90)


def item(name: str, source: str, text: str = "ask") -> ReplayInput:
    return ReplayInput(name, text, text, source)


def result(score: float, fingerprint: str = "f") -> ReplayResult:
    return ReplayResult(score, score >= 0.7, fingerprint)


TRIAL = TrialInputs(
    choosing=(item("failing-choosing-1", FAILING, "x" * 500),),
    verdict=(item("golden-verdict-1", GOLDEN), item("guard-verdict-1", GUARD)),
    guards=(item("guard-verdict-1", GUARD), item("guard-verdict-2", GUARD)),
    clusters=2,
)
CONTENDER = Contender(
    Candidate("You write code.", "reflection", "since"),
    CANDIDATE_ID,
    {"a": result(0.9), "b": result(0.8)},
    {"a": result(0.3), "b": result(0.9)},
    decide([PairedScore("a", 0.3, 0.9), PairedScore("b", 0.9, 0.8)]),
    False,
)
PAIRS = [PairedScore("golden-verdict-1", 0.3, 0.9), PairedScore("guard-verdict-1", 0.8, 0.9)]
VERDICT = Verdict(
    CONTENDER,
    decide(PAIRS),
    PAIRS,
    {"golden-verdict-1": result(0.3), "guard-verdict-1": result(0.8, "g")},
    {"golden-verdict-1": result(0.9), "guard-verdict-1": result(0.9)},
    Damage(2, ("guard-verdict-2",), 1),
    ("golden-verdict-2",),
    {"golden-verdict-1": result(0.2)},
    "learned",
    "better",
)


def make_report() -> HealingReport:
    analysis = analyze_failures(FAILURES, threshold=3, usual=[Record(90, 85)])
    return HealingReport(WINDOW, analysis, 30, [Quarantined("row", "gives_orders")])


def read(report: HealingReport) -> dict[str, Any]:
    detail = report.as_json(summary="Since.", replayer=REPLAYER, seconds=1.234)
    return dict(json.loads(json.dumps(detail, allow_nan=False)))


def test_what_was_never_reached_is_left_out() -> None:
    assert set(read(make_report())) == {"summary", "failures", "quarantined", "candidates", "cost"}


def test_the_failures_are_told() -> None:
    report = make_report()
    report.trial = TRIAL
    failures = read(report)["failures"]
    surprise = failures.pop("surprise")
    assert failures == {
        "count": 3,
        "scored": 4,
        "distinct_inputs": 2,
        "clusters": 2,
        "mean_score": pytest.approx(0.4),
        "failed_rules": {"r": 3, "s": 1},
        "lookback_minutes": 30,
        "unscored": {"worker http_429": 2, "": 1},
    }
    assert surprise["baseline_answers"] == 90
    assert surprise["baseline_failure_rate"] == pytest.approx(0.055)
    assert 0 < surprise["p_value"] < 0.05


def test_the_cost_is_told() -> None:
    report = make_report()
    report.analyst_calls = 2
    assert read(report)["cost"] == {
        "worker_calls": 23,
        "analyst_calls": 2,
        "model_calls": 25,
        "input_tokens": 700,
        "output_tokens": 90,
        "seconds": 1.23,
    }


def test_rows_that_were_set_aside_are_named_as_far_as_they_are_few() -> None:
    report = make_report()
    report.quarantined = [Quarantined(str(number), "gives_orders") for number in range(500)]
    quarantined = read(report)["quarantined"]
    assert len(quarantined) == MAX_QUARANTINED
    assert quarantined[0] == {"request_id": "0", "reason": "gives_orders"}


def test_all_that_was_reached_is_told() -> None:
    report = make_report()
    report.attribution = Attribution("prompt", ("It fails.",), {"golden": 3})
    report.trial, report.verdict = TRIAL, VERDICT
    report.contenders, report.refused = [CONTENDER], [("few_shot", "since", "it is blank")]
    report.watching, report.error = 99, "budget_exceeded"
    detail = read(report)
    assert detail["attribution"] == {
        "verdict": "prompt",
        "because": ["It fails."],
        "evidence": {"golden": 3},
    }
    assert detail["candidates"] == [
        describe_contender(CONTENDER),
        {"strategy": "few_shot", "rationale": "since", "refused": "it is blank"},
    ]
    assert detail["watching"] == {"against_version": 99}
    assert detail["error"] == "budget_exceeded"
    assert detail["inputs"] == describe_inputs(TRIAL)
    assert set(detail["verdict"]) == set(describe_verdict(VERDICT))


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


def test_the_verdict_is_told_with_every_pair() -> None:
    told = describe_verdict(VERDICT)
    assert (told["promote"], told["reason"], told["alpha"]) == (True, "better", 0.05)
    assert told["pairs"] == [
        {"input_id": "golden-verdict-1", "incumbent": 0.3, "candidate": 0.9},
        {"input_id": "guard-verdict-1", "incumbent": 0.8, "candidate": 0.9},
    ]
    assert (told["incumbent_passed"], told["candidate_passed"]) == (1, 2)
    assert told["guards"] == {"checked": 2, "newly_failing": ["guard-verdict-2"], "allowed": 1}
    assert told["control"] == {"scored": 1, "passed": 0, "mean": 0.2, "label": "learned"}
    assert (told["unscored"], told["evaluator_fingerprints"]) == (1, ["f", "g"])
    assert told["e_value"] == pytest.approx(1.9 * 1.18)
