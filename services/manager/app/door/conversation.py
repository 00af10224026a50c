"""Makes the rows of a conversation: bounded, and by default without whom it is of. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.common.chat.messages import read_answer_text, read_last_user_text
from services.common.config import DoorSettings
from services.common.database import encode_json
from services.common.schemas import MAX_INPUT_CHARACTERS, MAX_OUTPUT_CHARACTERS
from services.common.text import make_storable
from services.manager.app.door.bounding import Bounded, bound, hash_binary_parts
from services.manager.app.door.request import ChatRequest
from services.manager.app.services.execution_log import Execution

# Fields of a body that have columns of their own.
OWN_COLUMNS = frozenset({"model", "messages", "tools"})
# Parameters that may say whom the provider's answer is for.
PERSONAL_FIELDS = ("user", "safety_identifier")
LARGEST_INTEGER = 2**31 - 1


@dataclass(slots=True)
class Answer:
    """What has come of a request so far.

    Attributes:
        model: The provider's own name of the model.
        is_cut: Whether there was more than was kept.
        error_message: Why there is no answer.
    """

    prompt_id: int | None = None
    prompt_version: int | None = None
    prompt_digest: str | None = None
    provider: str | None = None
    model: str | None = None
    choices: list[dict[str, Any]] = field(default_factory=list)
    is_cut: bool = False
    usage: dict[str, Any] = field(default_factory=dict)
    first_token_ms: int | None = None
    duration_ms: int | None = None
    finish_reason: str | None = None
    error_message: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A row of `selfheal.conversations`, by column; what is JSON there is its text here."""

    request_id: UUID
    messages: str
    tools: str | None
    parameters: str
    variables: str
    choices: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    provider: str | None
    model_asked: str
    model_answered: str | None
    prompt_id: int | None
    prompt_digest: str | None
    first_token_ms: int | None
    duration_ms: int | None
    session_id: str | None
    end_user: str | None
    tags: str | None


def make_execution(request_id: UUID, request: ChatRequest, answer: Answer) -> Execution:
    """Make the row of `execution_logs`, whose texts are as long as the guide's route has them."""
    asked = make_storable(read_last_user_text(request.body["messages"])[:MAX_INPUT_CHARACTERS])
    said = read_answer_text(_message_of(answer.choices[0])) if answer.choices else None
    worker = {"worker": {"model": answer.model}} if answer.model else {}
    return Execution(
        request_id=request_id,
        task_type=request.model,
        user_input=asked,
        refined_input=asked,
        prompt_version=answer.prompt_version,
        worker_output=said and make_storable(said[:MAX_OUTPUT_CHARACTERS]),
        worker_latency_ms=answer.duration_ms,
        evaluation_detail=worker | answer.detail or None,
        error_message=answer.error_message,
    )


def make_conversation(
    request_id: UUID, request: ChatRequest, answer: Answer, settings: DoorSettings
) -> tuple[Conversation, bool]:
    """Make the row of `selfheal.conversations`; tells too whether the whole answer is in it."""
    kept = _bound(request, answer, settings)
    extension, usage = request.extension, answer.usage
    row = Conversation(
        request_id=request_id,
        messages=kept.messages,
        tools=encode_json(tools) if (tools := request.body.get("tools")) else None,
        parameters=kept.parameters,
        variables=encode_json(extension.variables),
        choices=kept.choices if answer.choices else None,
        finish_reason=make_storable(answer.finish_reason),
        input_tokens=_read_count(usage, "prompt_tokens"),
        output_tokens=_read_count(usage, "completion_tokens"),
        cached_tokens=_read_count(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=_read_count(usage, "completion_tokens_details", "reasoning_tokens"),
        provider=answer.provider,
        model_asked=request.model,
        model_answered=answer.model,
        prompt_id=answer.prompt_id,
        prompt_digest=answer.prompt_digest,
        first_token_ms=answer.first_token_ms,
        duration_ms=answer.duration_ms,
        session_id=make_storable(extension.session_id),
        end_user=_name_person(extension.end_user, settings),
        tags=encode_json(extension.tags) if extension.tags else None,
    )
    return row, "cut_answer" not in kept.missing


def _bound(request: ChatRequest, answer: Answer, settings: DoorSettings) -> Bounded:
    messages, choices = request.body["messages"], answer.choices
    missing: dict[str, Any] = {"cut_answer": True} if answer.is_cut else {}
    if not settings.keep_binary_parts:
        messages, hashed = hash_binary_parts(messages)
        if hashed:
            missing["hashed_parts"] = hashed
        answers, _ = hash_binary_parts([_message_of(choice) for choice in choices])
        choices = [
            {**choice, "message": message} for choice, message in zip(choices, answers, strict=True)
        ]
    parameters = {
        name: _name_person(value, settings) if name in PERSONAL_FIELDS else value
        for name, value in request.body.items()
        if name not in OWN_COLUMNS
    }
    content = {"messages": messages, "parameters": parameters, "choices": choices}
    return bound(content, settings.conversation_max_bytes, missing)


def _message_of(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


def _name_person(name: Any, settings: DoorSettings) -> Any:
    """Return a person's name as it is stored: by default as its SHA-256."""
    if settings.end_user == "plain" or not isinstance(name, str):
        return make_storable(name)
    return hashlib.sha256(name.encode()).hexdigest()


def _read_count(usage: Mapping[str, Any], *path: str) -> int | None:
    value: Any = usage
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value <= LARGEST_INTEGER else None
