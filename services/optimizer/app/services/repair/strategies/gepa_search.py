"""Searches deeply for a repair by the `gepa` package, where it is installed (extra `gepa`).

It searches on the inputs that choose, never on those that prove.
"""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.repair.candidates import AskModel, Candidate, RepairContext
from services.optimizer.app.services.repair.gepa_adapter import (
    COMPONENT,
    PromptAdapter,
    Records,
    ScoredAnswer,
    ask_for_rewrite,
    read_proposal,
    search_prompt,
)

MAX_FAILURES = 3
# What was replayed before is free; a search that only looks at such must end, too.
EVALUATIONS_PER_CALL = 3
# The contest looks at no candidate once fewer calls are left.
LEFT_FOR_THE_CONTEST = 4

log = get_logger()

Answer = TypeVar("Answer")


class SearchStoppedError(ServiceError):
    """The search asked for more than it may have, or got an answer that is of no use to it."""

    code = "search_stopped"


async def gepa_search(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose what `gepa` finds on those choosing inputs that the incumbent was scored on.

    Nothing where the package isn't installed, no model is configured that could reflect, or the
    share is too small for one rewrite.
    """
    inputs = [item for item in context.shown if item.id in context.incumbent_results]
    too_small = context.calls_for_search < len(inputs) + 1 + LEFT_FOR_THE_CONTEST
    ask_model = context.analyst.ask_model
    if ask_model is None or not inputs or too_small or not is_installed():
        return
    search = ReplayedSearch(context, ask_model, inputs, asyncio.get_running_loop())
    adapter = PromptAdapter(search.evaluate, search.propose)
    run = partial(search_prompt, context.incumbent, inputs, adapter, is_over=search.is_over)
    try:
        best = await asyncio.to_thread(run)
    except ServiceError as error:
        log.warning("gepa_search_failed", code=error.code, calls=search.calls)
        return
    finally:
        search.close()
    log.info("gepa_search_ended", found=best is not None, calls=search.calls)
    if best is not None:
        yield Candidate(
            best,
            "gepa_search",
            f"gepa's best of {search.rewrites} rewrites, after {search.calls} calls",
            informed_by_users=context.evidence_from_users,
        )


def is_installed() -> bool:
    """Tell whether the extra `gepa` is installed."""
    return importlib.util.find_spec("gepa") is not None


class ReplayedSearch:
    """Gives a search in a thread what the context offers on the event loop, and counts it."""

    def __init__(
        self,
        context: RepairContext,
        ask_model: AskModel,
        inputs: Sequence[ReplayInput],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._context = context
        self._ask_model = ask_model
        self._inputs = inputs
        self._loop = loop
        self._known = {(context.incumbent, name) for name in context.incumbent_results}
        self._evaluations = 0
        self._failures = 0
        self._is_closed = False
        self._is_solved = False
        self.calls = 0
        self.rewrites = 0

    def is_over(self) -> bool:
        """Tell whether another rewrite wouldn't fit, isn't needed, or would likely fail.

        A round evaluates a rewrite on a few inputs, then on all, and asks for it once.
        """
        share = self._context.calls_for_search
        return (
            self._is_closed
            or self._is_solved
            or self._failures >= MAX_FAILURES
            or self._evaluations >= EVALUATIONS_PER_CALL * share
            or share - self.calls < len(self._inputs) + 1 + LEFT_FOR_THE_CONTEST
        )

    def close(self) -> None:
        """Refuse every further call, so that the thread of a cancelled search ends."""
        self._is_closed = True

    def evaluate(self, prompt: str, inputs: Sequence[ReplayInput]) -> list[ScoredAnswer]:
        """Replay inputs; one that infrastructure spoiled costs the round, it is no zero.

        Raises:
            ServiceError: If an input couldn't be scored.
        """
        new = sum((prompt, item.id) not in self._known for item in inputs)
        self._evaluations += 1
        results = self._call(new, lambda: self._context.replay(prompt, inputs))
        self._known.update((prompt, name) for name in results)
        if any(item.id not in results for item in inputs):
            self._failures += 1
            raise SearchStoppedError("An input could not be scored.")
        if len(inputs) == len(self._inputs):
            self._is_solved = all(results[item.id].passed for item in inputs)
        return [_read_result(item, results[item.id]) for item in inputs]

    def propose(
        self, candidate: dict[str, str], evidence: Mapping[str, Records], components: list[str]
    ) -> dict[str, str]:
        """Have the model rewrite the prompt; nothing where it writes nothing new,
        or what mustn't be tried.

        Raises:
            ServiceError: If the model fails.
        """
        prompt = candidate[COMPONENT]
        question = ask_for_rewrite(prompt, evidence[COMPONENT])
        proposal = read_proposal(self._call(1, lambda: self._ask_model(question)))
        self.rewrites += 1
        if proposal in ("", prompt) or self._context.find_lint(proposal):
            return {}
        return dict.fromkeys(components, proposal)

    def _call(self, calls: int, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        if self._is_closed or self.calls + calls > self._context.calls_for_search:
            raise SearchStoppedError("The search's share of calls is used up.")
        self.calls += calls
        try:
            return asyncio.run_coroutine_threadsafe(_wait_for(ask), self._loop).result()
        except ServiceError:
            self._failures += 1
            raise


async def _wait_for(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    return await ask()


def _read_result(item: ReplayInput, result: ReplayResult) -> ScoredAnswer:
    outcome = "The answer passed." if result.passed else "The answer failed."
    rules = ", ".join(result.failed_rules)
    return ScoredAnswer(
        request=item.text,
        output=result.output,
        score=result.score,
        feedback=f"{outcome} Checks that failed: {rules}." if rules else outcome,
    )
