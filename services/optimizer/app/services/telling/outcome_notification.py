"""Words what people are told of an outcome. Pure."""

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.common.record.outcomes import (
    CANARY_ADVANCED,
    HELD,
    PROMOTED,
    PROPOSED,
    HealingOutcome,
)
from services.common.record.rollouts.steps import RolloutOpenError
from services.optimizer.app.services.diagnosis.evaluator_condition import (
    DEGRADED,
    DOWN,
    EvaluatorCondition,
)
from services.optimizer.app.services.telling.notification import (
    CANARY_ABORTED,
    CANARY_STEP,
    EVALUATOR_CHANGED,
    EVALUATOR_DEGRADED,
    EVALUATOR_DOWN,
    HEALED,
    HEALING_FAILED,
    Notification,
)

EVALUATOR_AT_FAULT = "evaluator_at_fault"
EVALUATOR_EVENTS = {DOWN: EVALUATOR_DOWN, DEGRADED: EVALUATOR_DEGRADED}


def describe_outcome(prompt: Prompt, outcome: HealingOutcome | ServiceError) -> Notification:
    """Tell an outcome in codes and numbers, never in a user's, a model's or a prompt's words."""
    if isinstance(outcome, ServiceError):
        return Notification(
            HEALING_FAILED,
            task_type=prompt.task_type,
            version=prompt.version,
            reason=outcome.code,
            prompt_digest=prompt.digest,
        )
    event = HEALED if outcome.decision == PROMOTED else outcome.decision
    if outcome.reason == CANARY_ADVANCED:
        event = CANARY_STEP
    elif outcome.decision == HELD and _has_ended_canary(outcome.reason):
        event = CANARY_ABORTED
    if outcome.reason == EVALUATOR_AT_FAULT:
        event = EVALUATOR_EVENTS.get(outcome.cause, EVALUATOR_CHANGED)
    return Notification(
        event,
        task_type=prompt.task_type,
        version=outcome.version,
        before_version=_find_before_version(prompt, outcome),
        fault=outcome.fault,
        reason=outcome.reason,
        run_id=outcome.run_id,
        report_id=outcome.report_id,
        pairs=outcome.pairs,
        passed_before=outcome.passed_before,
        passed_after=outcome.passed_after,
        prompt_digest=prompt.digest,
        share=outcome.share,
    )


def describe_condition(condition: EvaluatorCondition) -> Notification:
    """Tell that the Evaluator is down or degraded, whether or not anything fails for it."""
    return Notification(EVALUATOR_EVENTS[condition.state], "", reason=condition.leaning)


def _has_ended_canary(reason: str) -> bool:
    """Tell whether a run's reason is how its canary ended, not that another one goes on."""
    return reason.startswith("canary_") and reason != RolloutOpenError.code


def _find_before_version(prompt: Prompt, outcome: HealingOutcome) -> int | None:
    """Find what was replaced, or would be by a proposal; None where the prompt stays."""
    if outcome.decision == PROPOSED:
        return prompt.version
    return outcome.before_version if outcome.version != prompt.version else None
