"""End to end: three services up, requests answered in full, rows that say the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from grading.answers import HEALTH_FIELDS, FieldProblem
from grading.http import Reply
from grading.observations import MANAGER, Exchange, Observations
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.E2E])
FIELD_POINTS: Final = 2.0
MOST_FIELD_POINTS: Final = 8.0
HEALTH_FIELD_POINTS: Final = 1.0
VERSION_POINTS: Final = 3.0
INPUT_POINTS: Final = 3.0
LOG_POINTS: Final = 3.0
# An answer may show a score to two decimals, and the row the whole of it.
SCORE_TOLERANCE: Final = 0.0051
OK: Final = 200
EXCERPT_CHARACTERS: Final = 80


def judge_e2e(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension; a service that isn't up takes all of it."""
    down = [
        Deduction(
            Code.SERVICE_DOWN,
            FULL,
            {"service": name, "url": f"{seen.urls[name]}/health", "seen": describe(reply)},
            Hint.DEPENDS_ON,
        )
        for name, reply in seen.health.items()
        if not is_healthy(reply)
    ]
    if down:
        return tuple(down)
    exchanges = seen.exchanges
    failed = [exchange for exchange in exchanges if not exchange.succeeded]
    if len(failed) == len(exchanges):
        facts: Facts = {"requests": len(exchanges), "seen": failed[0].reply.seen if failed else ""}
        return (Deduction(Code.ALL_REQUESTS_FAILED, FULL, facts, Hint.LLM_KEY),)
    return (
        *_judge_health_fields(seen),
        *_judge_failures(failed, len(exchanges)),
        *_judge_fields(exchanges),
        *_judge_versions(exchanges),
        *_judge_inputs(seen),
        *_judge_log(exchanges),
    )


def is_healthy(reply: Reply) -> bool:
    """Tell whether an answer to `/health` is the guide's."""
    return reply.status == OK and reply.fields.get("status") == "ok"


def describe(reply: Reply) -> str:
    """Describe in a few words an answer to `/health` that isn't the guide's."""
    return reply.seen if reply.status != OK else reply.text[:EXCERPT_CHARACTERS]


def judge_field(problem: FieldProblem, service: str, points: float) -> Deduction:
    """Make the deduction for a field that is missing or of another type."""
    facts: Facts = {"field": problem.field, "service": service}
    if problem.seen is None:
        return Deduction(Code.FIELD_MISSING, points, facts, Hint.API_SPECIFICATION)
    facts = {**facts, "expected": problem.expected, "seen": problem.seen}
    return Deduction(Code.FIELD_MISTYPED, points, facts, Hint.API_SPECIFICATION)


def _judge_health_fields(seen: Observations) -> Iterator[Deduction]:
    for name, reply in seen.health.items():
        missing = [field for field in HEALTH_FIELDS if field not in reply.fields]
        if missing:
            facts: Facts = {"service": name, "missing": ", ".join(missing)}
            yield Deduction(
                Code.HEALTH_INCOMPLETE, HEALTH_FIELD_POINTS, facts, Hint.API_SPECIFICATION
            )


def _judge_failures(failed: Sequence[Exchange], requests: int) -> Iterator[Deduction]:
    if failed:
        facts: Facts = {"failed": len(failed), "requests": requests, "seen": failed[0].reply.seen}
        points = round(FULL * len(failed) / requests, 1)
        yield Deduction(Code.REQUESTS_FAILED, points, facts, Hint.LLM_KEY)


def _judge_fields(exchanges: Sequence[Exchange]) -> Iterator[Deduction]:
    """Judge the fields of answers; a field costs once, however many answers lack it."""
    left = MOST_FIELD_POINTS
    problems = {problem.field: problem for one in exchanges for problem in one.problems}
    for problem in problems.values():
        points = min(FIELD_POINTS, left)
        left -= points
        if points <= 0:
            return
        yield judge_field(problem, MANAGER, points)


def _judge_versions(exchanges: Sequence[Exchange]) -> Iterator[Deduction]:
    """Judge whether answers name the version that the database calls active."""
    wrong = [
        one
        for one in exchanges
        if one.prompt_version is not None
        and one.active_version is not None
        and one.prompt_version != one.active_version
    ]
    if wrong:
        facts: Facts = {
            "reported": wrong[0].prompt_version,
            "active": wrong[0].active_version,
            "times": len(wrong),
        }
        yield Deduction(Code.PROMPT_VERSION_WRONG, VERSION_POINTS, facts, Hint.LOAD_EVERY_REQUEST)


def _judge_inputs(seen: Observations) -> Iterator[Deduction]:
    """Judge whether the Worker answers requests for different things alike."""
    outputs = [reply.fields.get("output") for reply in seen.tasks.values()]
    texts = [output for output in outputs if isinstance(output, str) and output]
    if len(texts) == len(outputs) > 1 and len(set(texts)) == 1:
        facts: Facts = {
            "inputs": " | ".join(seen.tasks),
            "excerpt": texts[0][:EXCERPT_CHARACTERS],
        }
        yield Deduction(Code.INPUT_IGNORED, INPUT_POINTS, facts, Hint.API_SPECIFICATION)


def _judge_log(exchanges: Sequence[Exchange]) -> Iterator[Deduction]:
    answered = [one for one in exchanges if one.succeeded and one.request_id]
    missing = [one for one in answered if one.logged is None]
    if missing:
        facts: Facts = {
            "missing": len(missing),
            "requests": len(answered),
            "request_id": missing[0].request_id,
        }
        yield Deduction(Code.LOG_ROW_MISSING, LOG_POINTS, facts, Hint.LOG_EVERY_REQUEST)
    differing = Counter[str]()
    for one in answered:
        for column, answer, logged in _differences(one):
            differing[column] += 1
            if differing.total() == 1:
                facts = {
                    "request_id": one.request_id,
                    "column": column,
                    "answered": answer,
                    "logged": logged,
                }
                yield Deduction(Code.LOG_ROW_DIFFERS, LOG_POINTS, facts, Hint.LOG_EVERY_REQUEST)


def _differences(one: Exchange) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield the columns in which a row doesn't say what was answered, with both values."""
    row = one.logged
    if row is None:
        return
    if one.score is not None and (
        row.score is None or abs(row.score - one.score) > SCORE_TOLERANCE
    ):
        yield "evaluation_score", one.score, row.score
    if one.passed is not None and row.passed is not one.passed:
        yield "evaluation_passed", one.passed, row.passed
    if one.prompt_version is not None and row.prompt_version != one.prompt_version:
        yield "prompt_version", one.prompt_version, row.prompt_version
