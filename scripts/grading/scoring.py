"""From what was seen to the report's points."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from grading.dimensions.e2e import judge_e2e
from grading.dimensions.error_handling import judge_errors
from grading.dimensions.evaluation import judge_evaluation
from grading.dimensions.healing import judge_healing
from grading.dimensions.observability import judge_observability
from grading.dimensions.performance import judge_performance
from grading.observations import CycleSeen, Exchange, Observations
from grading.result import (
    Cheating,
    Code,
    Cycle,
    Deduction,
    Dimension,
    DimensionScore,
    GradedRequest,
    Hint,
    PromptRow,
)

EXCERPT_CHARACTERS: Final = 200
JUDGES: Final[Mapping[Dimension, Callable[[Observations], tuple[Deduction, ...]]]] = {
    Dimension.E2E: judge_e2e,
    Dimension.EVALUATION: judge_evaluation,
    Dimension.HEALING: judge_healing,
    Dimension.PERFORMANCE: judge_performance,
    Dimension.ERRORS: judge_errors,
    Dimension.OBSERVABILITY: judge_observability,
}


def score_dimensions(
    seen: Observations, cheating: Sequence[Cheating]
) -> tuple[DimensionScore, ...]:
    """Judge each dimension; what cheating is proven in loses what it has left."""
    scores = [DimensionScore(name, judge(seen)) for name, judge in JUDGES.items()]
    return tuple(_after_cheating(score, cheating) for score in scores)


def make_requests(exchanges: Sequence[Exchange]) -> tuple[GradedRequest, ...]:
    """Make the requests as the report shows them."""
    return tuple(
        GradedRequest(
            task=one.task,
            status=one.reply.status,
            latency_ms=one.reply.latency_ms,
            score=one.score,
            passed=one.passed,
            prompt_version=one.prompt_version,
            error="" if one.succeeded else one.reply.seen,
            excerpt=one.output[:EXCERPT_CHARACTERS],
        )
        for one in exchanges
    )


def make_cycles(cycles: Sequence[CycleSeen]) -> tuple[Cycle, ...]:
    """Make the cycles as the report shows them."""
    return tuple(
        Cycle(
            number=cycle.number,
            bad_prompt=PromptRow(cycle.bad.version, cycle.bad.content),
            before=make_requests(cycle.before),
            optimizer=cycle.optimizer,
            after=make_requests(cycle.after),
            healed_prompt=_find_healed(cycle),
            bad_prompts_replaced=cycle.tried - 1,
        )
        for cycle in cycles
    )


def _after_cheating(score: DimensionScore, cheating: Sequence[Cheating]) -> DimensionScore:
    proven = next((one for one in cheating if one.dimension is score.name), None)
    if proven is None or score.points == 0:
        return score
    taken = Deduction(Code.CHEATING, score.points, {"code": proven.code.value}, Hint.HONEST_RESULTS)
    return DimensionScore(score.name, (*score.deductions, taken))


def _find_healed(cycle: CycleSeen) -> PromptRow | None:
    healed = next((one for one in cycle.active if one.id != cycle.bad.id), None)
    return PromptRow(healed.version, healed.content) if healed else None
