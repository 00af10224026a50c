"""Runs a peer, a synchronous library, in a thread of its own, and counts what it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from threading import Lock
from typing import Any, TypeVar

from benchmarks.healing.peers.task import BudgetSpentError, PeerResult, PeerTask
from services.common.errors import ServiceError
from services.optimizer.app.services.repair.gepa_adapter import ScoredAnswer

# As many at once as the Optimizer replays at once: the times are to compare.
CONCURRENCY = 4
MAX_FAILURES_IN_A_ROW = 3
MAX_REASON_CHARACTERS = 160

Answer = TypeVar("Answer")
Search = Callable[["TaskInThread"], str | None]


class TaskInThread:
    """A task's means for a thread: each call waits for the event loop and is counted.

    Args:
        task: The task.
        loop: Where its calls run.
    """

    def __init__(self, task: PeerTask, loop: asyncio.AbstractEventLoop) -> None:
        self._task = task
        self._loop = loop
        self._lock = Lock()
        self._is_closed = False
        self.calls = 0
        self.failures_in_a_row = 0
        self.last_failure = ""

    @property
    def task(self) -> PeerTask:
        """The task that the thread works on."""
        return self._task

    @property
    def calls_left(self) -> int:
        """Calls that the budget still allows."""
        return self._task.max_calls - self.calls

    def close(self) -> None:
        """Refuse every further call, so that the thread of a cancelled peer ends."""
        self._is_closed = True

    def evaluate(self, prompt: str, requests: Sequence[str]) -> list[ScoredAnswer]:
        """Answer requests under a prompt and score the answers, a few at once.

        Raises:
            BudgetSpentError: If the budget doesn't allow as many.
            ServiceError: If a model failed.
        """
        return self._call(len(requests), self._evaluate_all(prompt, requests))

    def complete(self, question: str) -> str:
        """Ask the model with a plain prompt.

        Raises:
            BudgetSpentError: If the budget doesn't allow it.
            ServiceError: If the model failed.
        """
        return self._call(1, _wait_for(self._task.complete(question)))

    async def _evaluate_all(self, prompt: str, requests: Sequence[str]) -> list[ScoredAnswer]:
        slots = asyncio.Semaphore(CONCURRENCY)

        async def evaluate(request: str) -> ScoredAnswer:
            async with slots:
                score, output, feedback = await self._task.evaluate(prompt, request)
            return ScoredAnswer(request, output, score, feedback)

        return await asyncio.gather(*(evaluate(request) for request in requests))

    def _call(self, calls: int, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        with self._lock:
            if self._is_closed or calls > self.calls_left:
                coroutine.close()
                raise BudgetSpentError(f"{calls} calls, and {self.calls_left} are left")
            self.calls += calls
        try:
            answer = asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except ServiceError as error:
            self.failures_in_a_row += 1
            self.last_failure = describe_failure(error)
            raise
        self.failures_in_a_row = 0
        return answer


async def run_in_thread(task: PeerTask, search: Search) -> PeerResult:
    """Run a peer's search; it may fail in any way, and the result says how.

    Args:
        task: What is to be repaired.
        search: Blocks; returns the prompt that the peer would put in service, None for none.
    """
    started = time.monotonic()
    means = TaskInThread(task, asyncio.get_running_loop())
    prompt: str | None = None
    try:
        prompt = await asyncio.to_thread(search, means)
        note = "found a prompt" if prompt is not None else "found nothing better"
    except Exception as error:  # noqa: BLE001 - a peer may raise anything
        note = f"failed: {describe_failure(error)}"
    finally:
        means.close()
    if means.last_failure and not note.startswith("failed"):
        note = f"{note}; on its way: {means.last_failure}"
    return PeerResult(prompt, means.calls, time.monotonic() - started, note)


def describe_failure(error: BaseException) -> str:
    """Describe an error on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON_CHARACTERS]


async def _wait_for(awaitable: Awaitable[Answer]) -> Answer:
    return await awaitable
