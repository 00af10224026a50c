"""Which rules judge which task type, and how findings add up."""

import dataclasses
import math

import pytest

from services.common.task_types.registry import open_task_types
from services.common.task_types.rules import Finding, Grade, Rule, failed, not_applicable, passed
from services.common.task_types.task_type import RuleWeight, TaskType, TaskTypeError
from services.evaluator.app.services.rule_sets import (
    criteria_for,
    grade_criteria,
    rules_for,
    weigh_findings,
)

TASK_TYPES = [None, *open_task_types(None).all()]
NAMES = [task_type.name if task_type else "none" for task_type in TASK_TYPES]


def code_generation() -> TaskType:
    task_type = open_task_types(None).find("code_generation")
    assert task_type is not None
    return task_type


@pytest.mark.parametrize("task_type", TASK_TYPES, ids=NAMES)
def test_weights_add_up_to_one_and_names_differ(task_type: TaskType | None) -> None:
    for parts in (rules_for(task_type), criteria_for(task_type)):
        assert math.fsum(part.weight for part in parts) == pytest.approx(1, abs=1e-9)
        assert len({part.name for part in parts}) == len(parts)


@pytest.mark.parametrize("task_type", TASK_TYPES[1:], ids=NAMES[1:])
def test_every_rule_has_a_repair(task_type: TaskType) -> None:
    assert {rule.name for rule in rules_for(task_type)} <= set(task_type.repairs.by_rule)


def test_a_rule_that_nobody_defines_is_refused_with_its_file() -> None:
    broken = dataclasses.replace(code_generation(), rule_weights={"is_nice": RuleWeight(1, False)})
    with pytest.raises(TaskTypeError, match=r"task_type\.toml: \[rules\] weighs 'is_nice'"):
        rules_for(broken)


def test_a_criterion_that_nobody_defines_is_refused_with_its_file() -> None:
    broken = dataclasses.replace(code_generation(), rubric_weights={"is_nice": 1.0})
    with pytest.raises(TaskTypeError, match=r"\[rubric\] weighs 'is_nice'"):
        criteria_for(broken)


def first(_: object) -> Finding:
    return passed("")


def second(_: object) -> Finding:
    return passed("")


RULES = (Rule(first, 0.25), Rule(second, 0.75, caps=True))


@pytest.mark.parametrize(
    ("findings", "score", "cap_reasons"),
    [
        ({"first": passed("a"), "second": passed("b")}, 1, []),
        ({"first": failed("a"), "second": passed("b")}, 0.75, []),
        ({"first": passed("a"), "second": failed("b")}, 0.25, ["b"]),
        ({"first": passed("a"), "second": not_applicable("b")}, 1, []),
        ({"first": failed("a")}, 0, []),
        ({}, 0, []),
    ],
)
def test_the_score_is_the_weight_earned_of_the_weight_that_applied(
    findings: dict[str, Finding], score: float, cap_reasons: list[str]
) -> None:
    report = weigh_findings(RULES, findings)
    assert report.score == pytest.approx(score)
    assert report.cap_reasons == cap_reasons
    assert [result.rule for result in report.results] == list(RULES)


def test_criteria_without_a_grade_are_left_out() -> None:
    criteria = criteria_for(code_generation())
    graded = grade_criteria(criteria, {"responds": Grade(1, "it replies")})
    assert [criterion.name for criterion, _ in graded] == ["responds"]
