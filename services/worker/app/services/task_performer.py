"""Performs a task: the active prompt from the database, the text from the model."""

from uuid import UUID

from services.common.config import WorkerSettings
from services.common.llm.factory import ServingModel
from services.common.llm.invocation import ModelAnswer
from services.common.logging import get_logger
from services.common.metering.spending import telling_spending
from services.common.schemas import MAX_OUTPUT_CHARACTERS, TaskRequest, TaskResponse
from services.common.tracing.inference import asking_about
from services.worker.app.agents.worker_agent import WorkerAgent
from services.worker.app.services.prompt_memory import PromptMemory
from services.worker.app.services.serving_models import ServingModels

log = get_logger()


class TaskPerformer:
    """Answers tasks under the prompt that is active now, or under a candidate."""

    def __init__(
        self, *, prompts: PromptMemory, models: ServingModels, settings: WorkerSettings
    ) -> None:
        self._prompts = prompts
        self._models = models
        self._agents: dict[ServingModel, WorkerAgent] = {}
        self._internal_token = settings.internal_token

    async def perform(self, task: TaskRequest, token: str | None) -> TaskResponse:
        """Answer a task.

        Raises:
            ForbiddenError: If it names a candidate and `token` isn't the internal one.
            ServiceError: If prompt or answer can't be had.
        """
        loaded = await self._prompts.load(task, token, self._internal_token)
        prompt, assignment = loaded.prompt, loaded.assignment

        async def ask(model: ServingModel) -> ModelAnswer:
            agent = self._agents.setdefault(model, WorkerAgent(model.chat))
            with telling_spending(model.guard.name):
                return await agent.generate(prompt=prompt.content, refined_input=task.refined_input)

        with loaded.told_in_errors(), asking_about(task.task_type, prompt.version):
            served = await self._models.ask(task, ask)
        answer = served.reply
        log.info(
            "task_performed",
            task_type=task.task_type,
            prompt_version=prompt.version,
            candidate_id=str(task.candidate_id) if task.candidate_id else None,
            purpose=task.purpose,
            model=answer.model,
            fallback=served.fallback or None,
            arm=assignment.arm if assignment else None,
            latency_ms=answer.latency_ms,
        )
        return TaskResponse(
            request_id=task.request_id,
            output=answer.text[:MAX_OUTPUT_CHARACTERS],
            prompt_version=prompt.version,
            latency_ms=answer.latency_ms,
            model=answer.model,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_tokens=answer.cached_tokens,
            provider=served.provider,
            prompt_age_seconds=loaded.age_seconds,
            fallback=served.fallback or None,
            rollout=UUID(assignment.rollout) if assignment else None,
            arm=assignment.arm if assignment else None,
            unit=assignment.unit if assignment else None,
        )
