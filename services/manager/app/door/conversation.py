"""Makes the rows of a conversation: bounded, and by default without whom it is of. Pure."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from services.common.chat import usage
from services.common.chat.messages import NOT_WHOLE, read_answer_text, read_last_user_text
from services.common.costs.bill import UNKNOWN_MODEL, Bill
from services.common.errors import ServiceError
from services.common.personal.names import hash_name
from services.common.record.assignment import Assignment
from services.common.schemas import MAX_INPUT_CHARACTERS, MAX_OUTPUT_CHARACTERS
from services.common.settings.door import DoorSettings
from services.common.text import make_storable
from services.manager.app.door.bounding import bound, hash_binary_parts
from services.manager.app.door.request import ChatRequest
from services.manager.app.log.rows import Execution

# Fields of a body that have columns of their own.
OWN_COLUMNS = frozenset({"model", "messages", "tools"})
# Parameters that may say whom the provider's answer is for.
PERSONAL_FIELDS = ("user", "safety_identifier")
# Columns, and where in the provider's usage they are.
COUNTS = {
    "input_tokens": usage.READ,
    "output_tokens": usage.WRITTEN,
    "cached_tokens": usage.CACHED,
    "reasoning_tokens": usage.REASONING,
}


@dataclass(slots=True)
class Answer:
    """What has come of a request so far.

    Attributes:
        model: The provider's own name of the model.
        fallback: The model as `provider:model`, where it stood in for the main one.
        assignment: The arm, while a rollout is open; a failure has one too, where it is known.
        is_cut: Whether there was more than was kept.
        error_message: Why there is no answer.
        failure: What ended it.
    """

    prompt_id: int | None = None
    prompt_version: int | None = None
    prompt_digest: str | None = None
    provider: str | None = None
    model: str | None = None
    fallback: str | None = None
    assignment: Assignment | None = None
    choices: list[dict[str, Any]] = field(default_factory=list)
    is_cut: bool = False
    usage: object = None
    first_token_ms: int | None = None
    duration_ms: int | None = None
    finish_reason: str | None = None
    error_message: str | None = None
    failure: ServiceError | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def charge_answer(bill: Bill, answer: Answer) -> float | None:
    """Charge an answer, or what came of it; returns what it cost, where that is known."""
    if not answer.provider:
        if answer.failure is not None:
            bill.add_failure("serving", answer.failure, is_asked=True)
        return None
    model = f"{answer.provider}:{answer.model or UNKNOWN_MODEL}"
    return bill.add("serving", model, usage.read_usage(answer.usage))


def make_execution(
    request_id: UUID, request: ChatRequest, answer: Answer, cost_usd: float | None = None
) -> Execution:
    """Make the row of `execution_logs`, whose texts are as long as the guide's route has them."""
    asked = make_storable(read_last_user_text(request.body["messages"])[:MAX_INPUT_CHARACTERS])
    message = answer.choices[0].get("message") if answer.choices else None
    said = read_answer_text(message if isinstance(message, dict) else {})
    arm = answer.assignment.as_detail() if answer.assignment else {}
    named = {
        "model": answer.model,
        "fallback": answer.fallback,
        "cost_usd": cost_usd,
        **arm,
    }
    told = {name: value for name, value in named.items() if value not in (None, "")}
    worker = {"worker": told} if told else {}
    return Execution(
        request_id=request_id,
        task_type=request.model,
        user_input=asked,
        refined_input=asked,
        prompt_version=answer.prompt_version,
        worker_output=make_storable(said[:MAX_OUTPUT_CHARACTERS]) if answer.choices else None,
        worker_latency_ms=answer.duration_ms,
        evaluation_detail=worker | answer.detail or None,
        error_message=answer.error_message,
    )


def make_conversation(
    request: ChatRequest, answer: Answer, settings: DoorSettings
) -> tuple[dict[str, Any], bool]:
    """Make the row of `selfheal.conversations`, by column.

    Returns:
        The row but for what `execution_logs` has too, and whether it holds all that is to be
        scored: the answer, and what the user asked.
    """
    body = request.body
    parameters = {
        name: _name_person(value, settings) if name in PERSONAL_FIELDS else value
        for name, value in body.items()
        if name not in OWN_COLUMNS
    }
    content = {"messages": body["messages"], "parameters": parameters, "choices": answer.choices}
    hashed = content if settings.keep_binary_parts else hash_binary_parts(content)
    kept = bound(hashed, settings.conversation_max_bytes)
    changed = [name for name in content if kept[name] != content[name]]
    if changed or answer.is_cut:
        kept["parameters"] = {**kept["parameters"], NOT_WHOLE: {"changed": changed}}
    row = {
        **kept,
        "choices": kept["choices"] or None,
        "tools": body.get("tools") or None,
        **request.extension.model_dump(),
        "end_user": _name_person(request.extension.end_user, settings),
        "provider": answer.provider,
        "model_answered": answer.model,
        "prompt_id": answer.prompt_id,
        "prompt_digest": answer.prompt_digest,
        "first_token_ms": answer.first_token_ms,
        "duration_ms": answer.duration_ms,
        "finish_reason": answer.finish_reason,
        **{column: usage.read_count(answer.usage, path) for column, path in COUNTS.items()},
    }
    has_question = read_last_user_text(kept["messages"]) == read_last_user_text(body["messages"])
    has_answer = len(kept["choices"]) == len(answer.choices) and not answer.is_cut
    return row, has_question and has_answer


def name_unit(request: ChatRequest, key: SecretStr | None) -> str:
    """Name whose answers share an arm of a rollout, by a hash: a session, else an end user.

    Empty where the client names neither: each request is one of its own then.

    Args:
        key: END_USER_KEY, as of a person's name.
    """
    extension = request.extension
    people = (extension.end_user, *(request.body.get(name) for name in PERSONAL_FIELDS))
    person = next((name for name in people if name and isinstance(name, str)), "")
    if not (extension.session_id or person):
        return ""
    kind = "session" if extension.session_id else "end_user"
    return hash_name(f"{kind}:{extension.session_id or person}", key)


def _name_person(name: Any, settings: DoorSettings) -> Any:
    """Return a person's name as it is stored: by default as a hash."""
    if settings.end_user == "plain" or not isinstance(name, str):
        return name
    return hash_name(name, settings.end_user_key)
