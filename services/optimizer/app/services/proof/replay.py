"""Replays inputs through Worker and Evaluator over HTTP, so that they leave no trace in the log."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from services.common.costs.bill import Bill
from services.common.costs.prices import Prices
from services.common.errors import (
    DatabaseUnavailableError,
    DeadlinePassedError,
    ServiceError,
    UnknownTaskTypeError,
    UpstreamError,
)
from services.common.evaluation_detail import read_detail
from services.common.llm.retries import LONGEST_PAUSE_SECONDS, read_pause_seconds
from services.common.logging import get_logger
from services.common.metering.spending import Spending
from services.common.replays.asking import Answered, Asker, Question
from services.common.resilience.deadline import within
from services.common.schemas import EvaluationResponse
from services.common.siblings import EvaluatorClient, WorkerClient
from services.optimizer.app.services.proof.budget import (
    WORKER,
    WORKER_CALLS,
    Budget,
    BudgetExceededError,
    Limits,
)
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult

CONCURRENCY = 4
ATTEMPTS = 2
# A database that restarts is back by then, and the Worker has noticed.
WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0)
TIME_IS_UP = "The heal's time is up."
NOT_JUDGEABLE = "not_judgeable"
# Codes that are told of this answer, and not of a service that is down.
MUTE_CODES = frozenset(
    {NOT_JUDGEABLE, "model_content_filtered", "model_answer_cut", "model_empty_answer"}
)

log = get_logger()


class DeadlineExceededError(ServiceError):
    """The heal has used up its time."""

    code = "deadline_exceeded"


# These end a heal as planned.
SPENT_ERRORS = (BudgetExceededError, DeadlineExceededError)


class UnreplayableInputError(ServiceError):
    """The services don't take the input, or the answer that it gets."""

    code = "input_unreplayable"


def make_slots() -> asyncio.Semaphore:
    """Make what lets a few Worker calls go out at a time."""
    return asyncio.Semaphore(CONCURRENCY)


class Replayer:
    """Runs a prompt text on inputs, within a budget and a deadline.

    Both arms of a comparison go through the same Worker, and so have its seed and temperature.

    Args:
        limits: Most that may be spent.
        deadline_seconds: Most seconds from now until the last replay ends.
        slots: Worker calls at a time, where several share them; else its own.
        bill: Charged with what is spent; by default one that nobody reads.
    """

    def __init__(
        self,
        *,
        worker: WorkerClient,
        evaluator: EvaluatorClient,
        limits: Limits,
        deadline_seconds: float = 900,
        slots: asyncio.Semaphore | None = None,
        bill: Bill | None = None,
        provider: str = "",
    ) -> None:
        self._asker = Asker(worker, "replay", provider)
        self._bill = bill or Bill(Prices(), "")
        self._evaluator = evaluator
        self.budget = Budget(limits)
        self._deadline = time.monotonic() + deadline_seconds
        self._slots = slots or make_slots()

    @property
    def calls(self) -> int:
        """Worker calls so far."""
        return self.budget.spent[WORKER].calls

    @property
    def calls_left(self) -> int:
        """Worker calls that the budget still allows; 0 once the time is up."""
        return self.budget.worker_calls_left if self.seconds_left > 0 else 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    async def replay(
        self, *, task_type: str, candidate_id: UUID, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        """Replay all inputs; one that infrastructure spoiled twice, or that the services don't
        take, is left out, never a zero.

        Returns:
            Results by input id, for the inputs that could be scored.

        Raises:
            ServiceError: If none could be scored: the first failure of a service or of the budget,
                else what the first answer, or input, is of no use for.
        """
        outcomes = await asyncio.gather(
            *(self._replay_one(task_type, candidate_id, item) for item in inputs)
        )
        results = {
            item.id: outcome
            for item, outcome in zip(inputs, outcomes, strict=True)
            if isinstance(outcome, ReplayResult)
        }
        if inputs and not results:
            raise min((one for one in outcomes if isinstance(one, ServiceError)), key=is_mute)
        return results

    async def _replay_one(
        self, task_type: str, candidate_id: UUID, item: ReplayInput
    ) -> ReplayResult | ServiceError:
        """Run an input, again where infrastructure spoiled it; a Worker without its database is
        waited for.
        """
        waits = iter(WAITS_SECONDS)
        attempts_left = ATTEMPTS
        pause_seconds: float | None = 0.0
        failure: ServiceError | None = None
        while pause_seconds is not None:
            await asyncio.sleep(min(pause_seconds, LONGEST_PAUSE_SECONDS, self.seconds_left))
            async with self._slots:
                if self.seconds_left <= 0 or not await self.budget.begin_replay():
                    return failure or BudgetExceededError(self.budget.used_up or WORKER_CALLS)
                outcome = await self._attempt(task_type, candidate_id, item)
            if isinstance(outcome, ReplayResult) or not _may_pass(outcome):
                return outcome
            failure = outcome
            if _is_without_database(failure):
                self.budget.give_back_call()
                pause_seconds = next(waits, None)
            else:
                attempts_left -= 1
                told = {"Retry-After": failure.headers.get("retry-after", "")}
                pause_seconds = (read_pause_seconds(told) or 0.0) if attempts_left else None
        return failure or BudgetExceededError()

    async def _attempt(
        self, task_type: str, candidate_id: UUID, item: ReplayInput
    ) -> ReplayResult | ServiceError:
        judged: Spending | None = Spending()
        answered: Answered | None = None
        failure: ServiceError
        try:
            async with asyncio.timeout(self.seconds_left):
                with within(self.seconds_left):
                    answered = await self._generate(task_type, candidate_id, item)
                    judged = None
                    evaluation = await self._evaluator.evaluate(answered.evaluation)
                    self._bill.add_judging("healing", evaluation.detail)
                    result, judged = _read(evaluation, answered)
                    return result
        except (UpstreamError, UnknownTaskTypeError) as error:
            self._bill.add_failure("healing", error, is_asked=answered is None)
            code = getattr(error, "upstream_code", "")
            if code == NOT_JUDGEABLE:
                judged = Spending()  # the judge wasn't asked
            # A service that has too little time left says so before the time is up.
            is_late = code == DeadlinePassedError.code
            failure = DeadlineExceededError(TIME_IS_UP) if is_late else error
        except TimeoutError:
            failure = DeadlineExceededError(TIME_IS_UP)
        except ValidationError as error:
            fields = [str(problem["loc"][0]) for problem in error.errors()]
            log.warning("replay_impossible", input_id=item.id, fields=fields)
            return UnreplayableInputError("The input or its answer is out of bounds.")
        finally:
            self.budget.end_replay(judged)
        log.warning("replay_spoiled", input_id=item.id, code=failure.code)
        return failure

    async def _generate(self, task_type: str, candidate_id: UUID, item: ReplayInput) -> Answered:
        asked = Question(item.user_input, item.refined_input, item.conversation, item.golden_id)
        answered = await self._asker.ask(task_type, candidate_id, asked)
        self._bill.add("healing", answered.model, answered.spent)
        # The call itself was counted when it began.
        self.budget.spent[WORKER].add(replace(answered.spent, calls=0))
        return answered


def _may_pass(failure: ServiceError) -> bool:
    """Tell whether a second look could see something else."""
    return isinstance(failure, UpstreamError | UnknownTaskTypeError) and not is_mute(failure)


def is_mute(failure: ServiceError) -> bool:
    """Tell whether the input or its answer tells nothing, whoever is well."""
    code = getattr(failure, "upstream_code", "")
    return isinstance(failure, UnreplayableInputError) or code in MUTE_CODES


def _is_without_database(failure: ServiceError) -> bool:
    """Tell whether the Worker is there and can't read its prompt: no model was asked."""
    return isinstance(failure, UpstreamError) and (failure.upstream, failure.upstream_code) == (
        "worker", DatabaseUnavailableError.code
    )  # fmt: skip


def _read(evaluation: EvaluationResponse, answered: Answered) -> tuple[ReplayResult, Spending]:
    """Read a score, and what the judge spent on it."""
    detail = read_detail(evaluation.detail)
    judge = detail.judge
    result = ReplayResult(
        score=evaluation.score,
        passed=evaluation.passed,
        fingerprint=detail.evaluator.fingerprint,
        output=answered.evaluation.worker_output,
        failed_rules=detail.failed_rules,
    )
    return result, judge.spent
