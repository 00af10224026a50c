"""What a heal leaves on record: all that was reached, and nothing that wasn't."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.healing_decision import CONTENDER, DECISION, TRIAL

from services.common.errors import UpstreamError
from services.common.metering.spending import Spending
from services.common.models import Prompt
from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.heal.healing_report import (
    MAX_QUARANTINED,
    Cost,
    HealingReport,
    Progress,
)
from services.optimizer.app.services.heal.preparation import Preparation
from services.optimizer.app.services.heal.report_parts import (
    describe_contender,
    describe_decision,
    describe_inputs,
)
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.budget import (
    ANALYST,
    JUDGE,
    WORKER,
    Budget,
    BudgetExceededError,
    Limits,
)
from services.optimizer.app.services.repair.candidate_lint import LintContext
from services.optimizer.app.services.repair.contest import Choice, Refusal
from services.optimizer.app.services.screening.screening import Quarantined

FAILURES = [
    LoggedResult("x", "x", 0.3, False, failed_rules=("r",)),
    LoggedResult("x", "x", 0.5, False, failed_rules=("r", "s")),
    LoggedResult("y", "y", 0.4, False, failed_rules=("r",)),
    LoggedResult("z", "z", 0.9, True),
]
WINDOW = Window(tuple(FAILURES), (UnscoredCount("worker", "http_429", 2), UnscoredCount("", "", 1)))
INCUMBENT = Prompt(
    id=9,
    task_type="code_generation",
    content="Say hello.",
    version=99,
    is_active=True,
    change_reason=None,
    created_by="mentor",
    created_at=datetime(2026, 11, 27, tzinfo=UTC),
)


PREPARATION = Preparation(TRIAL, [], None, LintContext(INCUMBENT.content, 0))
ATTRIBUTION = Attribution("prompt", ("It fails.",), {"golden": 3})
CHOICE = Choice(CONTENDER, [CONTENDER], [Refusal("few_shot", "since", "it is blank")])
COST = Cost(23, 2, 700, 90, 1.234)


def make_report(
    progress: Progress | None = None, *, quarantined: int = 1, error: str = ""
) -> HealingReport:
    analysis = analyze_failures(FAILURES, threshold=3, usual=[Record(90, 85)])
    rows = [Quarantined(str(number), "gives_orders") for number in range(quarantined)]
    case = Case(INCUMBENT, WINDOW, analysis, rows)
    return HealingReport(case, 30, progress or Progress(), COST, error)


def read(report: HealingReport, *, watching: int | None = None) -> dict[str, Any]:
    detail = report.as_json("Since.", watching=watching)
    return dict(json.loads(json.dumps(detail, allow_nan=False)))


def test_what_was_never_reached_is_left_out() -> None:
    assert set(read(make_report())) == {"summary", "failures", "quarantined", "candidates", "cost"}


def test_the_failures_are_told() -> None:
    failures = read(make_report(Progress(PREPARATION)))["failures"]
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
    assert surprise["baseline_failure_rate"] == pytest.approx(5.75 / 105)
    assert (surprise["clock"], surprise["alarm_at"]) == ("activation", 20)
    assert surprise["e_value"] > 20
    assert 0 < surprise["p_value"] < 0.05


def test_the_cost_is_told() -> None:
    assert read(make_report())["cost"] == {
        "worker_calls": 23,
        "analyst_calls": 2,
        "model_calls": 25,
        "input_tokens": 700,
        "output_tokens": 90,
        "seconds": 1.23,
        "judge_calls": 0,
        "used_up": "",
        "by_purpose": {},
    }


def test_the_cost_is_told_by_purpose() -> None:
    budget = Budget(Limits.suiting(10))
    for number, purpose in enumerate((WORKER, JUDGE, ANALYST), 1):
        budget.spent[purpose].add(Spending(number, 10 * number, number))
    cost = Cost.of(budget, 2.0)
    assert (cost.worker_calls, cost.judge_calls, cost.analyst_calls) == (1, 2, 3)
    assert (cost.input_tokens, cost.output_tokens) == (10, 1)
    told = {"calls": 2, "input_tokens": 20, "output_tokens": 2}
    assert cost.by_purpose[JUDGE] == told | {"cached_tokens": 0, "untold_calls": 0}
    detail = replace(make_report(), cost=cost).as_json("since")
    assert detail["cost"]["model_calls"] == 6


def test_rows_that_were_set_aside_are_named_as_far_as_they_are_few() -> None:
    quarantined = read(make_report(quarantined=500))["quarantined"]
    assert len(quarantined) == MAX_QUARANTINED
    assert quarantined[0] == {"request_id": "0", "reason": "gives_orders"}


def test_all_that_was_reached_is_told() -> None:
    progress = Progress(PREPARATION, ATTRIBUTION, CHOICE, DECISION)
    detail = read(make_report(progress, error="worker_failed"), watching=99)
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
    assert detail["error"] == "worker_failed"
    assert detail["inputs"] == describe_inputs(TRIAL)
    assert set(detail["verdict"]) == set(describe_decision(DECISION))


@pytest.mark.parametrize(
    ("progress", "reason"),
    [
        pytest.param(
            Progress(replace(PREPARATION, obstacle="too_few_inputs")),
            "too_few_inputs",
            id="obstacle",
        ),
        pytest.param(Progress(PREPARATION, Attribution("input", ())), "input_at_fault", id="fault"),
        pytest.param(
            Progress(PREPARATION, ATTRIBUTION, Choice()), "no_better_candidate", id="no-candidate"
        ),
        pytest.param(
            Progress(PREPARATION, ATTRIBUTION, Choice(is_budget_spent=True)),
            "budget_exceeded",
            id="no-calls",
        ),
        pytest.param(
            Progress(PREPARATION, ATTRIBUTION, CHOICE, replace(DECISION, reason="not_better")),
            "not_better",
            id="gate",
        ),
        pytest.param(
            Progress(PREPARATION, ATTRIBUTION, CHOICE, failure=BudgetExceededError()),
            "budget_exceeded",
            id="failure",
        ),
        pytest.param(
            Progress(
                PREPARATION,
                failure=UpstreamError(
                    "left alone", upstream="worker", upstream_code="model_unavailable"
                ),
            ),
            "model_unavailable",
            id="dead-provider",
        ),
        pytest.param(
            Progress(
                PREPARATION,
                failure=UpstreamError("gone", upstream="worker", upstream_code="unreachable"),
            ),
            "worker_failed",
            id="dead-worker",
        ),
        pytest.param(Progress(PREPARATION, ATTRIBUTION, CHOICE, DECISION), "", id="proven"),
    ],
)
def test_a_heal_holds_for_the_reason_that_it_came_to_last(progress: Progress, reason: str) -> None:
    assert progress.hold_reason == reason


@pytest.mark.parametrize(
    ("informed", "reason", "waits"),
    [(True, "better", True), (False, "better", False), (True, "not_better", False)],
)
def test_what_a_model_wrote_that_read_users_words_waits_for_a_person(
    informed: bool, reason: str, waits: bool
) -> None:
    candidate = replace(CONTENDER.candidate, informed_by_users=informed)
    decision = replace(DECISION, contender=replace(CONTENDER, candidate=candidate), reason=reason)
    report = make_report(Progress(PREPARATION, ATTRIBUTION, CHOICE, decision))
    assert bool(report.waits_because) == waits
    assert ("waits_because" in read(report)) == waits
