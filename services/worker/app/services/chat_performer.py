"""Answers conversations: the active prompt leads them, the model's answer goes back as it is."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from services.common.chat.errors import openai_error
from services.common.chat.variables import fill_in
from services.common.config import WorkerSettings
from services.common.errors import InvalidRequestError, ServiceError
from services.common.errors.model import ModelRefusedRequestError, ModelRejectedError
from services.common.llm.factory import ServingModel
from services.common.llm.relay.relay import to_event
from services.common.logging import get_logger
from services.common.metering.spending import noting_call, telling_spending
from services.common.models import Prompt
from services.common.schemas import FALLBACK_HEADER, PROMPT_AGE_HEADER, ChatTask
from services.common.secret_masking import MASK, mask_secrets
from services.common.text import make_printable_line
from services.common.tracing.inference import asking_about
from services.worker.app.services.prompt_memory import LoadedPrompt, PromptMemory
from services.worker.app.services.serving_models import Served, ServingModels

MAX_REASON_CHARACTERS = 500
MAX_MASKED_CHARACTERS = 5000

log = get_logger()

Events = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """An answer, and what is told of it beside.

    Attributes:
        content: The completion as JSON, or its events, which have begun to come.
        headers: Which prompt and which provider answered.
    """

    content: bytes | Events
    headers: dict[str, str]


class ChatPerformer:
    """Answers conversations under the prompt that is active now, or under a candidate."""

    def __init__(
        self, *, prompts: PromptMemory, models: ServingModels, settings: WorkerSettings
    ) -> None:
        self._prompts = prompts
        self._models = models
        self._keys = (settings.llm_api_key, settings.openai_api_key)
        self._internal_token = settings.internal_token

    async def perform(self, task: ChatTask, token: str | None) -> ChatAnswer:
        """Answer a conversation; a streamed answer is returned when it has begun.

        Raises:
            ForbiddenError: If it names a candidate and `token` isn't the internal one.
            ServiceError: If prompt or answer can't be had.
        """
        started = time.perf_counter()
        loaded = await self._prompts.load(task, token, self._internal_token)
        prompt = loaded.prompt
        request = _lead(task, prompt)
        is_streamed = task.request.get("stream") is True

        async def ask(model: ServingModel) -> bytes | Events:
            with telling_spending(model.guard.name), noting_call():
                if is_streamed:
                    return await self._begin(model.relay.stream(request))
                return await model.relay.complete(request)

        asking = asking_about(task.task_type, prompt.version, task.session_id or "")
        with loaded.told_in_errors(), asking:
            try:
                served = await self._models.ask(task, ask)
            except ModelRejectedError as error:
                raise self._tell_client(error) from error.__cause__
        log.info(
            "conversation_answered",
            task_type=task.task_type,
            prompt_version=prompt.version,
            candidate_id=str(task.candidate_id) if task.candidate_id else None,
            purpose=task.purpose,
            streamed=is_streamed,
            fallback=served.fallback or None,
            arm=loaded.assignment.arm if loaded.assignment else None,
            latency_ms=round((time.perf_counter() - started) * 1000),
        )
        return ChatAnswer(served.reply, _headers(loaded, served))

    async def _begin(self, events: Events) -> Events:
        return self._tell_failure(await anext(events), events)

    async def _tell_failure(self, first: bytes, events: Events) -> Events:
        """Give events, and as the last one why they end early."""
        async with aclosing(events):
            try:
                yield first
                async for block in events:
                    yield block
            except ServiceError as error:
                told = self._tell_client(error)
                log.warning("stream_broken_off", code=told.code, message=told.message)
                yield to_event(openai_error(told))

    def _tell_client(self, error: ServiceError) -> ServiceError:
        """Tell whoever sent what the model refuses why that is, in the provider's words."""
        if not isinstance(error, ModelRejectedError) or not error.reason:
            return error
        param = self._make_tellable(error.param or "") or None
        return ModelRefusedRequestError(self._make_tellable(error.reason), param=param)

    def _make_tellable(self, text: str) -> str:
        line = make_printable_line(text)
        for key in filter(None, (key.get_secret_value() for key in self._keys if key)):
            line = line.replace(key, MASK)
        return mask_secrets(line[:MAX_MASKED_CHARACTERS])[:MAX_REASON_CHARACTERS]


def _headers(loaded: LoadedPrompt, served: Served[Any]) -> dict[str, str]:
    prompt, age = loaded.prompt, loaded.age_seconds
    # A rollout's candidate is no row of `prompts`.
    is_candidate = loaded.assignment is not None and loaded.assignment.arm == "candidate"
    headers = {
        "x-selfheal-prompt-id": "" if is_candidate else str(prompt.id),
        "x-selfheal-prompt-version": str(prompt.version),
        "x-selfheal-prompt-digest": prompt.digest,
        "x-selfheal-provider": served.provider,
        PROMPT_AGE_HEADER: "" if age is None else str(age),
        FALLBACK_HEADER: served.fallback,
        **loaded.headers,
    }
    told = {name: value for name, value in headers.items() if value}
    return {name: value.encode("ascii", "replace").decode() for name, value in told.items()}


def _lead(task: ChatTask, prompt: Prompt) -> dict[str, Any]:
    """Put the prompt before the client's messages; a blank one adds none."""
    given = task.request.get("messages")
    if not isinstance(given, list):
        raise InvalidRequestError("The request has no list of messages.", param="messages")
    messages = list(given)
    if prompt.content.strip():
        content = fill_in(prompt.content, task.variables)
        messages.insert(0, {"role": "system", "content": content})
    return {**task.request, "messages": messages}
