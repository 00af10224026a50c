"""A field of an answer that is missing or of another type, as a deduction."""

from grading.answers import FieldProblem
from grading.result import Code, Deduction, Facts, Hint


def judge_field(problem: FieldProblem, service: str, points: float) -> Deduction:
    """Make the deduction for a field."""
    facts: Facts = {"field": problem.field, "service": service}
    if problem.seen is None:
        return Deduction(Code.FIELD_MISSING, points, facts, Hint.API_SPECIFICATION)
    facts = {**facts, "expected": problem.expected, "seen": problem.seen}
    return Deduction(Code.FIELD_MISTYPED, points, facts, Hint.API_SPECIFICATION)
