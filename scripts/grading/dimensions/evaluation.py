"""Evaluation quality: a bad output scores under 0.5, a good one at least 0.7."""

from collections.abc import Iterator, Sequence
from typing import Final

from grading.answers import describe
from grading.dimensions.e2e import judge_field
from grading.guide import BAD_OUTPUT_BELOW, PASS_THRESHOLD
from grading.observations import EVALUATOR, EvaluationSeen, Observations
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.EVALUATION])
SIDE_POINTS: Final = FULL / 2
FIELD_POINTS: Final = 1.0
DISAGREEMENT_POINTS: Final = 2.0
OK: Final = 200
EXCERPT_CHARACTERS: Final = 80


def judge_evaluation(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension; bad and good outputs weigh half of it each."""
    calls = [*seen.bad, *(call for spellings in seen.good for call in spellings)]
    if all(call.reply.status != OK for call in calls):
        facts: Facts = {"seen": calls[0].reply.seen}
        return (Deduction(Code.EVALUATOR_UNREACHABLE, FULL, facts, Hint.DEPENDS_ON),)
    return (
        *_judge_bad(seen.bad),
        *_judge_good(seen.good),
        *_judge_fields(calls),
        *_judge_agreement(calls),
    )


def _judge_bad(calls: Sequence[EvaluationSeen]) -> Iterator[Deduction]:
    points = SIDE_POINTS / len(calls)
    for call in calls:
        if call.score is None:
            yield _invalid(call, points)
        elif call.score >= BAD_OUTPUT_BELOW:
            facts: Facts = {"score": call.score, "excerpt": _excerpt(call)}
            yield Deduction(Code.BAD_OUTPUT_SCORED_HIGH, points, facts, Hint.THRESHOLD_AND_WEIGHTS)


def _judge_good(outputs: Sequence[Sequence[EvaluationSeen]]) -> Iterator[Deduction]:
    """Judge the good outputs; each is shown in several spellings, and the best score counts."""
    points = SIDE_POINTS / len(outputs)
    for spellings in outputs:
        scored = [call for call in spellings if call.score is not None]
        if not scored:
            yield _invalid(spellings[0], points)
            continue
        best = max(scored, key=lambda call: call.score or 0.0)
        if best.score is not None and best.score < PASS_THRESHOLD:
            facts: Facts = {"score": best.score, "excerpt": _excerpt(best)}
            yield Deduction(Code.GOOD_OUTPUT_SCORED_LOW, points, facts, Hint.THRESHOLD_AND_WEIGHTS)


def _judge_fields(calls: Sequence[EvaluationSeen]) -> Iterator[Deduction]:
    """Judge the fields other than `score`, which is judged as the call's result."""
    problems = {
        problem.field: problem
        for call in calls
        for problem in call.problems
        if problem.field != "score"
    }
    for problem in problems.values():
        yield judge_field(problem, EVALUATOR, FIELD_POINTS)


def _judge_agreement(calls: Sequence[EvaluationSeen]) -> Iterator[Deduction]:
    for call in calls:
        passed = call.reply.fields.get("passed")
        if call.score is None or not isinstance(passed, bool):
            continue
        if passed is not (call.score >= PASS_THRESHOLD):
            facts: Facts = {"score": call.score, "passed": passed}
            yield Deduction(
                Code.PASSED_DISAGREES, DISAGREEMENT_POINTS, facts, Hint.THRESHOLD_AND_WEIGHTS
            )
            return


def _invalid(call: EvaluationSeen, points: float) -> Deduction:
    seen = call.reply.seen
    if call.reply.status == OK:
        seen = f"score: {describe(call.reply.fields.get('score'))}"
    facts: Facts = {"seen": seen, "excerpt": _excerpt(call)}
    return Deduction(Code.SCORE_INVALID, points, facts, Hint.API_SPECIFICATION)


def _excerpt(call: EvaluationSeen) -> str:
    return call.output[:EXCERPT_CHARACTERS]
