"""Finds the rules and criteria of a task type, and weighs what they found. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.common.task_types.rules import (
    Criterion,
    Finding,
    Grade,
    Rule,
    RuleResult,
    RuleResults,
    not_applicable,
)
from services.common.task_types.task_type import TaskType, TaskTypeError
from services.evaluator.app.services.behaviour.rules import BEHAVIOUR_CHECKS, BEHAVIOUR_CRITERIA
from services.evaluator.app.services.rubric import STATIC_CRITERIA, responds, stays_on_topic
from services.evaluator.app.services.validators import (
    STATIC_CHECKS,
    gives_an_answer,
    has_no_placeholder,
)

# For task types without a directory.
GENERIC_RULES = (
    Rule(gives_an_answer, 0.7, caps=True),
    Rule(has_no_placeholder, 0.3),
)
GENERIC_RUBRIC = (
    Criterion(responds, 0.4),
    Criterion(stays_on_topic, 0.6),
)


def rules_for(task_type: TaskType | None) -> Sequence[Rule]:
    """Return a task type's rules, in its own order; general ones where it has no directory.

    Raises:
        TaskTypeError: If it weighs a rule that isn't defined.
    """
    if task_type is None:
        return GENERIC_RULES
    known = {**STATIC_CHECKS, **BEHAVIOUR_CHECKS, **task_type.rules}
    _require_known(task_type, "rules", task_type.rule_weights, known)
    return [
        Rule(known[name], rule.weight, rule.caps) for name, rule in task_type.rule_weights.items()
    ]


def criteria_for(task_type: TaskType | None) -> Sequence[Criterion]:
    """Return the criteria of a task type's rubric; general ones where it has no directory.

    Raises:
        TaskTypeError: If it weighs a criterion that isn't defined.
    """
    if task_type is None:
        return GENERIC_RUBRIC
    known = {**STATIC_CRITERIA, **BEHAVIOUR_CRITERIA, **task_type.criteria}
    _require_known(task_type, "rubric", task_type.rubric_weights, known)
    return [Criterion(known[name], weight) for name, weight in task_type.rubric_weights.items()]


def weigh_findings(rules: Sequence[Rule], findings: Mapping[str, Finding]) -> RuleResults:
    """Weigh what the rules found; a rule that found nothing counts for nothing."""
    nothing = not_applicable("nothing was looked at")
    results = tuple(RuleResult(rule, findings.get(rule.name, nothing)) for rule in rules)
    applied = [result for result in results if result.finding.outcome != "not_applicable"]
    total = sum(result.rule.weight for result in applied)
    earned = sum(result.rule.weight for result in applied if result.finding.outcome == "passed")
    return RuleResults(results, score=min(1.0, earned / total) if total else 0.0)


def grade_criteria(
    criteria: Sequence[Criterion], grades: Mapping[str, Grade]
) -> tuple[tuple[Criterion, Grade], ...]:
    """Pair criteria with their grades; one that has no grade is left out."""
    return tuple(
        (criterion, grades[criterion.name]) for criterion in criteria if criterion.name in grades
    )


def _require_known(
    task_type: TaskType,
    table: str,
    weights: Mapping[str, object],
    known: Mapping[str, Callable[[Any], Any]],
) -> None:
    unknown = [name for name in weights if name not in known]
    if unknown:
        raise TaskTypeError(
            task_type.directory / "task_type.toml",
            f"[{table}] weighs {unknown[0]!r}, which isn't defined",
            remedy=f"Define it in validators.py, or choose among: {', '.join(sorted(known))}.",
        )
