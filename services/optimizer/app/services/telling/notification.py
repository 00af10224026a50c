"""What people are told, in codes and numbers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

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

# Events beside the decisions of runs.
HEALED = "healed"
EVALUATOR_DOWN, EVALUATOR_CHANGED = "evaluator_down", "evaluator_changed"
EVALUATOR_DEGRADED: Final = "evaluator_degraded"
HEALING_FAILED: Final = "healing_failed"
# What serves a share of traffic took a step, or was ended; it, or a watch, lacks answers.
CANARY_STEP, CANARY_ABORTED = "canary_step", "canary_aborted"
CANARY_WAITS, WATCH_WAITS = "canary_waits", "watch_waits"
# A person wants to see whether messages arrive.
TEST: Final = "test"

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# States that last: the continuous mode meets them again at every look. They are told again after
# so long.
LASTING: Final = {
    HELD: HOUR,
    EVALUATOR_DOWN: HOUR,
    EVALUATOR_DEGRADED: HOUR,
    EVALUATOR_CHANGED: HOUR,
    HEALING_FAILED: HOUR,
    CANARY_WAITS: DAY,
    WATCH_WAITS: DAY,
}
EVALUATOR_AT_FAULT = "evaluator_at_fault"
EVALUATOR_EVENTS = {DOWN: EVALUATOR_DOWN, DEGRADED: EVALUATOR_DEGRADED}


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened to a task type's prompt; codes and numbers, never what anyone wrote.

    Attributes:
        event: `healed`, `proposed`, `canary`, `held`, `rolled_back`, `evaluator_down`,
            `evaluator_degraded`, `evaluator_changed`, `healing_failed`, `canary_step`,
            `canary_aborted`, `canary_waits`, `watch_waits` or `test`.
        task_type: Empty where it concerns all.
        before_version: Version that served before, where another serves now; of a proposal, the
            version that it would replace.
        run_id: Id of the run's row, and of `selfheal reports show`.
        pairs: Inputs on which the gate ran both texts.
        prompt_digest: Tells prompts apart, since a version can be used again; not sent.
        requested_by: The person who asked for a test message.
        share: What a canary serves now, in (0, 1].
    """

    event: str
    task_type: str
    version: int | None = None
    before_version: int | None = None
    fault: str = ""
    reason: str = ""
    run_id: str = ""
    report_id: int | None = None
    pairs: int = 0
    passed_before: int | None = None
    passed_after: int | None = None
    prompt_digest: str = ""
    requested_by: str = ""
    share: float | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """What two notifications have in common that tell the same."""
        prompt = self.prompt_digest or self.version
        return (self.event, self.task_type, prompt, self.reason)


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
