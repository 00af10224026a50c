"""What people are told: the event, codes and numbers, and no text of anyone's."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.common.record.outcomes import HELD, PROPOSED, ROLLED_BACK, HealingOutcome
from services.optimizer.app.services.diagnosis.evaluator_condition import EvaluatorCondition
from services.optimizer.app.services.telling.notification import (
    EVALUATOR_CHANGED,
    EVALUATOR_DEGRADED,
    EVALUATOR_DOWN,
    HEALED,
    HEALING_FAILED,
    describe_condition,
    describe_outcome,
)
from services.optimizer.app.services.telling.wording import compose_text

PROMPT = Prompt(
    id=7,
    task_type="code_generation",
    content="a secret text",
    version=99,
    is_active=True,
    change_reason="since",
    created_by="mentor",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("outcome", "event", "version", "before_version"),
    [
        pytest.param(
            HealingOutcome("promoted", "better", 100, "prompt", before_version=99),
            HEALED,
            100,
            99,
            id="promoted",
        ),
        pytest.param(
            HealingOutcome("rolled_back", "worse_in_live_traffic", 101, before_version=99),
            ROLLED_BACK,
            101,
            99,
            id="rolled-back",
        ),
        pytest.param(
            HealingOutcome("proposed", "better", 99, "prompt", before_version=99),
            PROPOSED,
            99,
            99,
            id="proposed",
        ),
        pytest.param(
            HealingOutcome("held", "not_better", 99, "prompt", before_version=99),
            HELD,
            99,
            None,
            id="held",
        ),
        pytest.param(
            HealingOutcome("held", "provider_at_fault", 99, "provider", before_version=99),
            HELD,
            99,
            None,
            id="held-for-the-provider",
        ),
        pytest.param(
            HealingOutcome(
                "held", "evaluator_at_fault", 99, "evaluator", before_version=99, cause="degraded"
            ),
            EVALUATOR_DEGRADED,
            99,
            None,
            id="a-degraded-evaluator",
        ),
        pytest.param(
            HealingOutcome(
                "held", "evaluator_at_fault", 99, "evaluator", before_version=99, cause="down"
            ),
            EVALUATOR_DOWN,
            99,
            None,
            id="one-that-is-down",
        ),
        pytest.param(
            HealingOutcome(
                "held", "evaluator_at_fault", 99, "evaluator", before_version=99, cause="changed"
            ),
            EVALUATOR_CHANGED,
            99,
            None,
            id="one-that-was-changed",
        ),
    ],
)
def test_an_outcome_is_an_event_about_versions(
    outcome: HealingOutcome, event: str, version: int, before_version: int | None
) -> None:
    told = describe_outcome(PROMPT, outcome)
    assert (told.event, told.version, told.before_version) == (event, version, before_version)
    assert (told.task_type, told.fault, told.reason) == (
        "code_generation",
        outcome.fault,
        outcome.reason,
    )


def test_ids_and_numbers_are_told() -> None:
    outcome = HealingOutcome(
        "promoted",
        "better",
        100,
        "prompt",
        run_id="run",
        report_id=3,
        pairs=8,
        passed_before=1,
        passed_after=7,
    )
    told = describe_outcome(PROMPT, outcome)
    assert (told.run_id, told.report_id) == ("run", 3)
    assert (told.pairs, told.passed_before, told.passed_after) == (8, 1, 7)
    assert told.prompt_digest == PROMPT.digest


def test_a_heal_that_failed_is_told_by_its_code() -> None:
    error = UpstreamError("The worker said: x", upstream="worker", upstream_code="model_timeout")
    told = describe_outcome(PROMPT, error)
    assert (told.event, told.version, told.reason) == (HEALING_FAILED, 99, "worker_failed")
    assert "said" not in str(asdict(told))


def test_no_text_is_told() -> None:
    outcome = HealingOutcome("held", "not_better", 99, "prompt", summary="summary of evidence")
    told = str(asdict(describe_outcome(PROMPT, outcome)))
    assert PROMPT.content not in told
    assert outcome.summary not in told


@pytest.mark.parametrize(
    ("condition", "event", "words"),
    [
        (EvaluatorCondition("down"), EVALUATOR_DOWN, "The Evaluator gives no scores"),
        (
            EvaluatorCondition("degraded", "lenient"),
            EVALUATOR_DEGRADED,
            "The Evaluator lets wrong answers pass that it didn't before",
        ),
        (
            EvaluatorCondition("degraded", "harsh"),
            EVALUATOR_DEGRADED,
            "The Evaluator fails right answers that it didn't before",
        ),
        (EvaluatorCondition("degraded"), EVALUATOR_DEGRADED, "judges otherwise than it did"),
    ],
)
def test_how_the_evaluator_is_is_told_without_a_task_type(
    condition: EvaluatorCondition, event: str, words: str
) -> None:
    told = describe_condition(condition)
    assert (told.event, told.task_type) == (event, "")
    assert words in compose_text(told)


@pytest.mark.parametrize(
    ("decision", "reason", "event"),
    [
        ("canary", "better", "canary"),
        ("canary", "canary_advanced", "canary_step"),
        ("held", "canary_worse", "canary_aborted"),
        ("held", "canary_open", "held"),
    ],
)
def test_a_canary_s_beginning_steps_and_end_are_told_apart(
    decision: str, reason: str, event: str
) -> None:
    outcome = HealingOutcome(decision, reason, 99, share=0.5)
    told = describe_outcome(PROMPT, outcome)
    assert (told.event, told.share) == (event, 0.5)
