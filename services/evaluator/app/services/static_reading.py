"""All that can be said of an answer without running it, and what to run. Pure and picklable."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from services.common.errors import UnscoredError
from services.common.logging import get_logger
from services.common.task_types.registry import open_task_types
from services.common.task_types.rules import Finding, Grade
from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.probe import ProbePlan
from services.evaluator.app.services.evidence import Evidence, gather_evidence
from services.evaluator.app.services.rubric import STATIC_CRITERIA
from services.evaluator.app.services.rule_sets import criteria_for, rules_for
from services.evaluator.app.services.validators import STATIC_CHECKS

Looked = TypeVar("Looked", Finding, Grade)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as it reads.

    Attributes:
        findings: What the rules found that run nothing, by rule name.
        grades: The grades of criteria that run nothing, by criterion name.
        source: The program in the answer, where it is Python that parses; else empty.
        plan: What to try the program with.
    """

    findings: dict[str, Finding]
    grades: dict[str, Grade]
    source: str = ""
    plan: ProbePlan = field(default_factory=ProbePlan)


def read_answer(
    *, task_type: str, user_input: str, answer: str, own_task_types: Path | None = None
) -> Reading:
    """Read an answer, look at it by its task type's rules, and plan what to try it with.

    Args:
        task_type: What it was asked for as.
        user_input: The request, as its user wrote it.
        answer: What the Worker gave.
        own_task_types: Where the user's own task types lie.
    """
    definition = open_task_types(own_task_types).find(task_type)
    is_code = definition is not None and definition.answers == "code"
    evidence = gather_evidence(
        task_type=task_type, user_input=user_input, answer=answer, is_code=is_code
    )
    own_rules = definition.rules if definition else {}
    own_criteria = definition.criteria if definition else {}
    return Reading(
        findings={
            rule.name: _look(rule.name, rule.check, evidence)
            for rule in rules_for(definition)
            if rule.name in STATIC_CHECKS or rule.name in own_rules
        },
        grades={
            criterion.name: _look(criterion.name, criterion.grade, evidence)
            for criterion in criteria_for(definition)
            if criterion.name in STATIC_CRITERIA or criterion.name in own_criteria
        },
        source=_program_in(evidence),
        plan=plan_probes(evidence),
    )


def _look(name: str, look: Callable[[Evidence], Looked], evidence: Evidence) -> Looked:
    """Have a rule or criterion look; one that breaks leaves the answer without a score."""
    try:
        return look(evidence)
    except Exception as error:  # a task type's own rules may raise anything
        log.exception("rule_broken", task_type=evidence.task_type, rule=name)
        raise UnscoredError(
            f"The rule {name!r} of task type {evidence.task_type!r} raised "
            f"{type(error).__name__}. Try it with: selfheal tasks check {evidence.task_type}"
        ) from None


def _program_in(evidence: Evidence) -> str:
    return evidence.code.source if evidence.code and evidence.tree is not None else ""
