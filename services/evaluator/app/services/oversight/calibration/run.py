"""Calibrates a judge: grades the labelled set by the code that judges for users."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from services.common.errors import JudgeInvalidError, NotJudgeableError
from services.evaluator.app.services.oversight.calibration.demands import (
    DemandPair,
    make_demand_pairs,
)
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    LabelledAnswer,
    Score,
    make_request,
)
from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    GradedItem,
    calibrate,
)

# Enough to keep a hosted model busy, too few for its rate limit.
CONCURRENT_CASES = 4

Progress = Callable[[int, int], None]
Case = TypeVar("Case")
Result = TypeVar("Result")


async def run_calibration(
    score: Score,
    identity: str,
    items: Sequence[LabelledAnswer],
    *,
    calibrated_at: str,
    report_progress: Progress,
) -> Calibration:
    """Grade every labelled answer, and the canary's wrong ones with demands in them.

    A reply that is no grade counts against the judge. A provider that fails says nothing about
    it, so that the calibration ends there and isn't to be stored.

    Args:
        calibrated_at: The time to note, in ISO 8601.
        report_progress: Called with the number of cases done and of all.

    Raises:
        UnscoredError: If the judge's provider fails.
    """
    demands = list(make_demand_pairs([item for item in items if item.canary]))
    total = len(items) + len(demands)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        report_progress(done, total)

    graded = await _in_parallel(partial(_grade_item, score), items, count)
    pairs = await _in_parallel(partial(_grade_pair, score), demands, count)
    usable = [pair for pair in pairs if pair is not None]
    return calibrate(identity, graded, usable, calibrated_at=calibrated_at)


async def _grade_item(score: Score, item: LabelledAnswer) -> GradedItem:
    try:
        verdict, detail = await score(make_request(item.request, item.answer))
    except (JudgeInvalidError, NotJudgeableError) as error:
        return GradedItem(item.id, item.passes, None, problem=error.message)
    return GradedItem(item.id, item.passes, detail.judge.score, verdict.score)


async def _grade_pair(score: Score, pair: DemandPair) -> tuple[float, float] | None:
    """Grade the answer with the demand, then the one without; None where either fails."""
    demanding = await _grade(score, pair.request, pair.demanding)
    neutral = await _grade(score, pair.request, pair.neutral)
    return None if demanding is None or neutral is None else (demanding, neutral)


async def _grade(score: Score, request: str, answer: str) -> float | None:
    """Return the judge's own grade: rules and caps would hide a judge that can't tell."""
    try:
        _, detail = await score(make_request(request, answer))
    except (JudgeInvalidError, NotJudgeableError):
        return None
    return detail.judge.score


async def _in_parallel(
    grade: Callable[[Case], Awaitable[Result]], cases: Sequence[Case], count: Callable[[], None]
) -> list[Result]:
    """Grade cases side by side, results in their order; the first failure ends all of them."""
    slots = asyncio.Semaphore(CONCURRENT_CASES)

    async def take(case: Case) -> Result:
        async with slots:
            result = await grade(case)
        count()
        return result

    tasks = [asyncio.create_task(take(case)) for case in cases]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
