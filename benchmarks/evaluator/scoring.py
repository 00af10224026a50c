"""Has the serving code score labelled answers, and times it."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import Progress

from benchmarks.evaluator.labelled_answers import LabelledAnswer
from services.common.config import Settings
from services.common.errors import UnscoredError
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RUBRIC_JUDGE
from services.evaluator.app.services.oversight.calibration.labelled_set import make_request
from services.evaluator.app.wiring import create_evaluation

CONCURRENT: Final = 4


@dataclass(frozen=True, slots=True)
class Case:
    """One evaluation to be made.

    Attributes:
        answer: What is judged.
        form: In which form it was asked for.
        request: The text of the request.
        contradicts_shown: Whether an example that the request shows isn't kept.
        betrayed: Whether an example, a crash or an empty return shows that it is wrong.
    """

    answer: LabelledAnswer
    form: str
    request: str
    contradicts_shown: bool
    betrayed: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A case and what the Evaluator made of it.

    Attributes:
        case: The case.
        score: In [0, 1]; None where it is unscored.
        rule_score: The rules' part, in [0, 1]; None where it is unscored.
        passed: The verdict; None where it is unscored.
        cap_reasons: Why it was capped.
        milliseconds: How long the evaluation took.
        hit_limit: Whether the sandbox had to stop the code.
        problem: Why there is no score.
        evidence: What the verdict rests on, from `examples` to `static`; empty without one.
    """

    case: Case
    score: float | None
    rule_score: float | None
    passed: bool | None
    cap_reasons: tuple[str, ...]
    milliseconds: float
    hit_limit: bool
    problem: str = ""
    evidence: str = ""


def make_evaluation(*, sandbox: str, judge: str = RUBRIC_JUDGE) -> Evaluation:
    """Make the evaluation that the service would make, with this sandbox and this judge."""
    return create_evaluation(Settings(_env_file=None, sandbox=sandbox, judge_model=judge))


async def score_all(
    evaluation: Evaluation, cases: Sequence[Case], *, title: str, console: Console
) -> list[Scored]:
    """Score all cases, a few at a time; the results keep the order."""
    results: list[Scored | None] = [None] * len(cases)
    waiting = iter(enumerate(cases))
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(title, total=len(cases))

        async def work() -> None:
            for index, case in waiting:
                results[index] = await score(evaluation, case)
                progress.advance(bar)

        await asyncio.gather(*(work() for _ in range(CONCURRENT)))
    return [result for result in results if result is not None]


async def score_in_turn(evaluation: Evaluation, cases: Iterable[Case]) -> list[Scored]:
    """Score cases one after the other, to see what one takes by itself."""
    return [await score(evaluation, case) for case in cases]


async def score(evaluation: Evaluation, case: Case) -> Scored:
    """Score one case; what can't be scored is told apart from a low score."""
    request = make_request(case.request, case.answer.answer)
    started = time.perf_counter()
    try:
        verdict, detail = await evaluation.evaluate(request)
    except UnscoredError as error:
        milliseconds = (time.perf_counter() - started) * 1000
        return Scored(case, None, None, None, (), milliseconds, False, str(error))
    return Scored(
        case=case,
        score=verdict.score,
        rule_score=verdict.rule,
        passed=verdict.passed,
        cap_reasons=tuple(detail.cap_reasons),
        milliseconds=(time.perf_counter() - started) * 1000,
        hit_limit=detail.execution.status == "stopped",
        evidence=detail.evidence,
    )
