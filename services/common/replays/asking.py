"""Asks the Worker for an answer that leaves no trace in the log, the way the question came in."""

import time
from dataclasses import dataclass
from uuid import UUID, uuid4

from services.common.chat.evaluation import make_evaluation_request
from services.common.chat.messages import ChatInput
from services.common.chat.usage import read_task, read_usage
from services.common.metering.spending import Spending
from services.common.schemas import (
    ChatTask,
    Conversation,
    EvaluationRequest,
    Purpose,
    TaskRequest,
)
from services.common.siblings import WorkerClient


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: by the guide's route, or as a conversation at the door.

    Attributes:
        golden_id: The golden input's id, by which the Evaluator finds its checks.
    """

    user_input: str
    refined_input: str
    conversation: ChatInput | None = None
    golden_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The Worker's answer, as the Evaluator is to be asked about it, and what it took.

    Attributes:
        model: As `provider:model`.
    """

    evaluation: EvaluationRequest
    latency_ms: int
    model: str
    spent: Spending


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the Worker under candidates, for callers that show the internal token.

    Attributes:
        provider: Whose model the Worker asks, as far as it doesn't say so itself.
    """

    worker: WorkerClient
    purpose: Purpose
    provider: str

    async def ask(self, task_type: str, candidate_id: UUID, question: Question) -> Answered:
        """Have a candidate answer a question.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails, gives no answer in time, or one that is no answer.
            ValidationError: If the services don't take the question or its answer.
        """
        if question.conversation is None:
            return await self._ask_plainly(task_type, candidate_id, question)
        return await self._converse(task_type, candidate_id, question, question.conversation)

    async def _ask_plainly(
        self, task_type: str, candidate_id: UUID, question: Question
    ) -> Answered:
        task = await self.worker.perform(
            TaskRequest(
                request_id=uuid4(),
                task_type=task_type,
                refined_input=question.refined_input,
                candidate_id=candidate_id,
                purpose=self.purpose,
            )
        )
        evaluation = EvaluationRequest(
            request_id=task.request_id,
            task_type=task_type,
            user_input=question.user_input,
            refined_input=question.refined_input,
            worker_output=task.output,
            golden_id=question.golden_id,
        )
        model = f"{task.provider or self.provider}:{task.model}"
        return Answered(evaluation, task.latency_ms, model, read_task(task))

    async def _converse(
        self, task_type: str, candidate_id: UUID, question: Question, asked: ChatInput
    ) -> Answered:
        """Have a conversation answered: the same messages, tools and parameters."""
        task = ChatTask(
            request_id=uuid4(),
            task_type=task_type,
            request=asked.as_request(task_type),
            variables=dict(asked.variables),
            candidate_id=candidate_id,
            purpose=self.purpose,
        )
        started = time.perf_counter()
        completion = await self.worker.complete(task)
        latency_ms = round((time.perf_counter() - started) * 1000)
        choice = completion.choices[0]
        conversation = Conversation(
            messages=list(asked.messages),
            tools=list(asked.tools),
            answer=choice.get("message") or {},
            finish_reason=choice.get("finish_reason"),
        )
        evaluation = make_evaluation_request(
            task.request_id, task_type, conversation, golden_id=question.golden_id
        )
        model = f"{self.provider}:{completion.model}"
        return Answered(evaluation, latency_ms, model, read_usage(completion.usage))
