"""What people are told of an outcome. Pure."""

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.optimizer.app.services.diagnosis.healing_case import HealingOutcome
from services.optimizer.app.services.record.healing_runs import (
    HELD,
    PROMOTED,
    PROPOSED,
    ROLLED_BACK,
    digest_text,
)
from services.optimizer.app.services.telling.notification import (
    EVALUATOR_DEGRADED,
    HEALED,
    HEALING_FAILED,
    Notification,
)
from services.optimizer.app.services.telling.notification import HELD as HELD_EVENT
from services.optimizer.app.services.telling.notification import PROPOSED as PROPOSED_EVENT
from services.optimizer.app.services.telling.notification import ROLLED_BACK as ROLLED_BACK_EVENT

EVENTS = {
    PROMOTED: HEALED,
    PROPOSED: PROPOSED_EVENT,
    HELD: HELD_EVENT,
    ROLLED_BACK: ROLLED_BACK_EVENT,
}
EVALUATOR_AT_FAULT = "evaluator_at_fault"


def describe_outcome(prompt: Prompt, outcome: HealingOutcome | ServiceError) -> Notification:
    """Codes and numbers of an outcome, never a text of a user's, a model's or a prompt's."""
    if isinstance(outcome, ServiceError):
        return Notification(
            HEALING_FAILED,
            task_type=prompt.task_type,
            version=prompt.version,
            reason=outcome.code,
            prompt_digest=digest_text(prompt.content),
        )
    event = EVENTS[outcome.decision]
    if outcome.reason == EVALUATOR_AT_FAULT:
        event = EVALUATOR_DEGRADED
    return Notification(
        event,
        task_type=prompt.task_type,
        version=outcome.version,
        before_version=_find_before_version(prompt, outcome),
        verdict=outcome.verdict,
        reason=outcome.reason,
        run_id=outcome.run_id,
        report_id=outcome.report_id,
        pairs=outcome.pairs,
        passed_before=outcome.passed_before,
        passed_after=outcome.passed_after,
        prompt_digest=digest_text(prompt.content),
    )


def _find_before_version(prompt: Prompt, outcome: HealingOutcome) -> int | None:
    """What was replaced, or would be by a proposal; None where the prompt stays."""
    if outcome.decision == PROPOSED:
        return prompt.version
    return outcome.before_version if outcome.version != prompt.version else None
