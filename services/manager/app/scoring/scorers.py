"""Scores answers in the background: claims them, asks the Evaluator, and tries again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.common.chat.evaluation import make_evaluation_request
from services.common.database.failures import surviving
from services.common.errors import DatabaseUnavailableError, OverloadedError, UpstreamError
from services.common.evaluation_detail import ErrorDetail, EvaluationDetail, read_detail
from services.common.logging import get_logger, name_error
from services.common.siblings import EvaluatorClient
from services.common.tracing.evaluation import evaluating
from services.manager.app.scoring.attention import Attention
from services.manager.app.scoring.claims import Claim, PendingScores
from services.manager.app.scoring.sampling import inclusion_probability

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 1.0
PAUSE_FACTOR = 4
# How long it may take to notice what another Manager left, and a new alarm or watch.
POLL_SECONDS = 1.0
# Codes of the Evaluator that another attempt can't change.
FINAL_CODES = ("not_judgeable", "invalid_request", "request_too_large", "forbidden")
# What is told of the answer itself, and not of its evaluation, stays so.
WORKER = "worker"
NOT_JUDGED = "not_judged"
UNREACHABLE = "unreachable"

log = get_logger()


class Scorers:
    """Scores what waits, a few answers at a time.

    Args:
        attention: Read anew every second.
        concurrency: How many answers at a time.
    """

    def __init__(
        self,
        *,
        pending: PendingScores,
        evaluator: EvaluatorClient,
        attention: Attention,
        concurrency: int,
    ) -> None:
        self._pending = pending
        self._evaluator = evaluator
        self._attention = attention
        self._free = asyncio.Semaphore(concurrency)
        self._marked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; `close` ends it."""
        self._tasks = [
            asyncio.create_task(_repeat(self._attention.refresh), name="attention"),
            asyncio.create_task(self._run(), name="scorers"),
        ]

    async def close(self) -> None:
        """Stop; what was claimed and isn't scored is put back for the next who looks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_marked(self) -> None:
        """Say that an answer was marked, so that its score doesn't wait for the next look."""
        self._marked.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._free.acquire()
                group.create_task(self._score(await self._wait_for_claim()))

    async def _wait_for_claim(self) -> Claim:
        while True:
            self._marked.clear()
            with surviving("claim_failed"):
                if claim := await self._pending.claim():
                    return claim
            with suppress(TimeoutError):
                # Not `wait_for`: Python 3.11's may take a cancellation for a result.
                async with asyncio.timeout(POLL_SECONDS):
                    await self._marked.wait()

    async def _score(self, claim: Claim) -> None:
        try:
            if not await self._is_asked(claim):
                # The place rests, or all that wait would be claimed in vain again and again.
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._free.release()

    async def _is_asked(self, claim: Claim) -> bool:
        """Score one answer, and tell whether the Evaluator could be asked.

        Where even the outcome can't be written, its lease runs out.
        """
        try:
            return await self._try_to_score(claim)
        except asyncio.CancelledError:
            with suppress(DatabaseUnavailableError):
                await self._pending.put_back(claim, after_seconds=0)
            raise
        except DatabaseUnavailableError as error:
            log.warning("score_not_written", code=error.code, message=error.message)
        except Exception as error:  # noqa: BLE001 - it must not end the scoring of others
            log.error("scoring_failed", **name_error(error))
        return True

    async def _try_to_score(self, claim: Claim) -> bool:
        try:
            with evaluating(claim.task_type, claim.trace_parent) as tell:
                evaluation = await self._evaluator.evaluate(
                    make_evaluation_request(
                        claim.request_id,
                        claim.task_type,
                        claim.conversation,
                        with_judge=claim.mark.with_judge,
                    )
                )
                tell(evaluation)
        except UpstreamError as error:
            await self._pending.charge_failure(claim, error)
            # It yields to live requests, and waits for an Evaluator that is away, however long.
            if error.upstream_code in (OverloadedError.code, UNREACHABLE):
                await self._pending.put_back(
                    claim, after_seconds=FIRST_PAUSE_SECONDS, is_forgiven=True
                )
                return False
            await self._keep_failure(claim, error)
            return True
        detail = read_detail(evaluation.detail)
        await self._pending.keep_score(
            claim, evaluation, inclusion_probability(claim.mark, fails_by_rules=detail.capped)
        )
        log.info(
            "answer_scored",
            request_id=str(claim.request_id),
            task_type=claim.task_type,
            score=evaluation.score,
            passed=evaluation.passed,
        )
        return True

    async def _keep_failure(self, claim: Claim, error: UpstreamError) -> None:
        """Try again later, or write for good that there is no score, and why."""
        if error.upstream_code == NOT_JUDGED:
            await self._pending.leave_unscored(claim)
            return
        log.warning(
            "scoring_attempt_failed",
            request_id=str(claim.request_id),
            code=error.upstream_code,
            attempt=claim.attempts,
        )
        is_final = error.upstream_code in FINAL_CODES or error.upstream == WORKER
        if claim.attempts < ATTEMPTS and not is_final:
            pause_seconds = FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (claim.attempts - 1)
            await self._pending.put_back(claim, after_seconds=pause_seconds)
            return
        reason = ErrorDetail(service=error.upstream, code=error.upstream_code)
        await self._pending.keep_error(
            claim, f"{error.code}: {error.message}", EvaluationDetail(error=reason).as_json()
        )


async def _repeat(refresh: Callable[[], Awaitable[None]]) -> None:
    while True:
        with surviving("refresh_failed"):
            await refresh()
        await asyncio.sleep(POLL_SECONDS)
