"""Reads an answer without running it, and plans what to run. Pure and picklable."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from services.common.errors import UnscoredError
from services.common.logging import get_logger, name_error
from services.common.schemas import Conversation
from services.common.task_types.registry import open_task_types
from services.common.task_types.rules import Finding, Grade
from services.common.task_types.task_type import GoldenInputs, TaskType
from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.prelude import put_before
from services.evaluator.app.services.behaviour.probe import ProbePlan
from services.evaluator.app.services.conversation_rules import CALL_CHECKS, CONVERSATION_CHECKS
from services.evaluator.app.services.evidence import Evidence, gather_evidence
from services.evaluator.app.services.rubric import STATIC_CRITERIA, responds
from services.evaluator.app.services.rule_sets import criteria_for, rules_for
from services.evaluator.app.services.validators import STATIC_CHECKS, gives_an_answer

Looked = TypeVar("Looked", Finding, Grade)

# What can be said of a call by a task type that judges texts: it is a step on the way to one.
SAID_OF_CALLS = frozenset({*CONVERSATION_CHECKS, gives_an_answer.__name__, responds.__name__})

log = get_logger()


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer shows without being run, and the plan of its run.

    Attributes:
        source: The program in the answer, where it is Python that parses, with what goes before
            it; else empty.
        knows_the_answer: Whether a rule held the answer against the right one.
    """

    findings: dict[str, Finding]
    grades: dict[str, Grade]
    source: str = ""
    plan: ProbePlan = field(default_factory=ProbePlan)
    knows_the_answer: bool = False
    answer: str = ""
    reasoning: str = ""


def read_answer(
    *,
    task_type: str,
    user_input: str,
    answer: str,
    own_task_types: Path | None = None,
    is_golden: bool = False,
    conversation: Conversation | None = None,
) -> Reading:
    """Read an answer, look at it by its task type's rules, and plan what to try it with.

    Args:
        own_task_types: Where the user's own task types lie.
        is_golden: Whether the request is a golden input, whose right values may be used.
        conversation: The conversation, where the request is one, with the whole answer.
    """
    definition = open_task_types(own_task_types).find(task_type)
    is_code = definition is not None and definition.answers == "code"
    golden = definition.golden_inputs if definition and is_golden else GoldenInputs()
    evidence = gather_evidence(
        task_type=task_type,
        user_input=user_input,
        answer=answer,
        is_code=is_code,
        expected=golden.expected.get(user_input),
        conversation=conversation,
    )
    findings, grades = _look_at(evidence, definition)
    told_by_value: set[str] = set()
    if evidence.expected is not None:
        blind_findings, blind_grades = _look_at(replace(evidence, expected=None), definition)
        told_by_value = {name for name in findings if findings[name] != blind_findings[name]}
        # A reason may repeat the right value, and reasons reach models.
        for name in told_by_value:
            outcome = findings[name].outcome
            findings[name] = Finding(outcome, f"check 1 of 1 {outcome}")
        for name in (name for name in grades if grades[name] != blind_grades[name]):
            grades[name] = Grade(grades[name].value, "by the right answer")
    plan = plan_probes(evidence, golden.checks.get(user_input, ()))
    return Reading(
        findings=findings,
        grades=grades,
        source=put_before(plan.prelude, evidence.code.source, evidence.tree)
        if evidence.code and evidence.tree
        else "",
        plan=plan,
        knows_the_answer=bool(told_by_value),
        answer=evidence.answer,
        reasoning=evidence.reasoning,
    )


def _look_at(
    evidence: Evidence, definition: TaskType | None
) -> tuple[dict[str, Finding], dict[str, Grade]]:
    """Have all rules and criteria look that run nothing and that the answer is a matter of."""
    own_rules = definition.rules if definition else {}
    own_criteria = definition.criteria if definition else {}
    judges_calls = definition is not None and not CALL_CHECKS.isdisjoint(definition.rule_weights)
    all_apply = judges_calls or not evidence.is_call
    findings = {
        rule.name: _look(rule.name, rule.check, evidence)
        for rule in rules_for(definition)
        if (rule.name in STATIC_CHECKS or rule.name in own_rules)
        and (all_apply or rule.name in SAID_OF_CALLS)
    }
    grades = {
        criterion.name: _look(criterion.name, criterion.grade, evidence)
        for criterion in criteria_for(definition)
        if (criterion.name in STATIC_CRITERIA or criterion.name in own_criteria)
        and (all_apply or criterion.name in SAID_OF_CALLS)
    }
    return findings, grades


def _look(name: str, look: Callable[[Evidence], Looked], evidence: Evidence) -> Looked:
    """Have a rule or criterion look; one that breaks leaves the answer without a score."""
    try:
        return look(evidence)
    except Exception as error:  # noqa: BLE001 - a task type's own rules may raise anything
        log.error("rule_broken", task_type=evidence.task_type, rule=name, **name_error(error))
        raise UnscoredError(
            f"The rule {name!r} of task type {evidence.task_type!r} raised "
            f"{type(error).__name__}. Try it with: selfheal tasks check {evidence.task_type}"
        ) from None
