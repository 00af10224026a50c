"""Runs texts that don't serve on inputs that people choose; nothing of it is logged."""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from pydantic import ValidationError

from services.common.admin.schemas import TrialAnswer, TrialPair, TrialResult
from services.common.costs.bill import Bill, charging
from services.common.costs.prices import Prices
from services.common.database import Database
from services.common.errors import InvalidRequestError, ServiceError
from services.common.models import Prompt
from services.common.record.healing_runs import register_candidate
from services.common.record.text_lint import find_unservable
from services.common.replays.asking import Asker, Question
from services.common.resilience.deadline import within
from services.common.schemas import EvaluationRequest
from services.common.siblings import EvaluatorClient
from services.common.task_types.registry import TaskTypes
from services.manager.app.services.refinement.refiners import Refiner

CONCURRENCY: Final = 4
DEADLINE_SECONDS: Final = 120.0


@dataclass(slots=True)
class Trials:
    """Tries texts through Worker and Evaluator, a few answers at a time.

    Attributes:
        deadline_seconds: What isn't answered by then has none.
    """

    database: Database
    refiner: Refiner
    asker: Asker
    evaluator: EvaluatorClient
    task_types: TaskTypes
    prices: Prices
    deadline_seconds: float = DEADLINE_SECONDS
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENCY))

    async def compare(self, serving: Prompt, content: str, inputs: list[str]) -> TrialResult:
        """Run a draft and what serves on the same inputs, side by side.

        Raises:
            InvalidRequestError: If the draft mustn't be run, or inputs alone don't do.
        """
        task_type = serving.task_type
        self.require_runnable(serving, content)
        if variables := self._variables_of(task_type):
            raise InvalidRequestError(
                f"The prompt of {task_type} takes variables ({', '.join(variables)}), which inputs "
                "don't give: replay logged requests instead."
            )
        asked = [Question(text, await self._refine(text, task_type)) for text in inputs]
        drafted = await self._register(serving, content, "draft")
        beside = await self._register(serving, serving.content, "serving")
        answers = await asyncio.gather(
            *(
                self.answer(task_type, candidate_id, question)
                for question in asked
                for candidate_id in (drafted, beside)
            )
        )
        pairs = [
            TrialPair(input=question.user_input, draft=draft, serving=other)
            for question, draft, other in zip(asked, answers[::2], answers[1::2], strict=True)
        ]
        return TrialResult(pairs=pairs, calls=len(answers))

    async def rerun(self, prompt: Prompt, question: Question) -> TrialAnswer:
        """Run a logged request again under a prompt's text."""
        candidate_id = await self._register(prompt, prompt.content, "replay")
        return await self.answer(prompt.task_type, candidate_id, question)

    async def judge(self, task_type: str, user_input: str, output: str) -> TrialAnswer:
        """Have an answer judged."""
        refined_input = await self._refine(user_input, task_type)
        request = EvaluationRequest(
            request_id=uuid4(),
            task_type=task_type,
            user_input=user_input,
            refined_input=refined_input,
            worker_output=output,
        )
        async with charging(self.prices, task_type, self.database.connection) as bill:
            return await self._score(request, bill)

    def require_runnable(self, serving: Prompt, content: str) -> None:
        """Refuse a text that mustn't be run.

        Raises:
            InvalidRequestError: If it mustn't.
        """
        variables = self._variables_of(serving.task_type)
        if problem := find_unservable(content, incumbent=serving.content, variables=variables):
            raise InvalidRequestError(f"This text can't be run: {problem}.")

    async def answer(self, task_type: str, candidate_id: UUID, question: Question) -> TrialAnswer:
        """Have a question answered and scored; what goes wrong is told in its place."""
        async with charging(self.prices, task_type, self.database.connection) as bill:
            try:
                async with asyncio.timeout(self.deadline_seconds):
                    with within(self.deadline_seconds):
                        async with self._slots:
                            answered = await self.asker.ask(task_type, candidate_id, question)
                            bill.add("healing", answered.model, answered.spent)
                            scored = await self._score(answered.evaluation, bill)
            except TimeoutError:
                return TrialAnswer(error=f"It took longer than {self.deadline_seconds:g} s.")
            except ServiceError as error:
                bill.add_failure("healing", error, is_asked=True)
                return TrialAnswer(error=error.message)
            except ValidationError:
                return TrialAnswer(error="The input or its answer is out of bounds.")
        return scored.model_copy(update={"latency_ms": answered.latency_ms})

    async def _score(self, request: EvaluationRequest, bill: Bill) -> TrialAnswer:
        try:
            evaluation = await self.evaluator.evaluate(request)
        except ServiceError as error:
            bill.add_failure("healing", error, is_asked=False)
            return TrialAnswer(output=request.worker_output, error=error.message)
        return TrialAnswer(
            output=request.worker_output,
            score=evaluation.score,
            passed=evaluation.passed,
            detail=bill.add_judging("healing", evaluation.detail),
        )

    async def _refine(self, text: str, task_type: str) -> str:
        refined = await self.refiner.refine(text, task_type=task_type)
        if not refined:
            raise InvalidRequestError("An input holds no character that can be seen.")
        return refined

    def _variables_of(self, task_type: str) -> tuple[str, ...]:
        definition = self.task_types.find(task_type)
        return definition.variables if definition else ()

    async def _register(self, prompt: Prompt, content: str, strategy: str) -> UUID:
        async with self.database.connection() as connection:
            return await register_candidate(connection, prompt, content=content, strategy=strategy)
