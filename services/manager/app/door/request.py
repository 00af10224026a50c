"""Reads a request for a chat completion and refuses what can't be served. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from services.common.chat.messages import SYSTEM_ROLES, read_text
from services.common.task_types.task_type import TaskType
from services.manager.app.door.errors import InvalidChatRequestError
from services.manager.app.door.schema import ChatBody, Extension, is_deeper

# What the services behind the door read.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that can be served.

    Attributes:
        model: What the client asked for: the name of a task type.
        body: What goes on to the provider; `content` is the same as JSON.
        unknown_fields: Fields of the body that the door doesn't know.
        wants_usage: Whether a stream is to end with its usage.
    """

    model: str
    body: Mapping[str, Any]
    content: bytes
    extension: Extension
    unknown_fields: frozenset[str]
    is_stream: bool
    wants_usage: bool


def read_chat_request(content: bytes) -> ChatRequest:
    """Read a body.

    Raises:
        InvalidChatRequestError: If it can't be served; the error names the field.
    """
    try:
        body = from_json(content, allow_inf_nan=False)
        checked = ChatBody.model_validate(body)
    except ValidationError as error:
        raise _translate(error) from error
    except ValueError as error:
        raise InvalidChatRequestError(f"The body must be JSON: {error}.") from error
    if is_deeper(body, MAX_DEPTH):
        raise InvalidChatRequestError(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if checked.stream_options and not checked.stream:
        raise InvalidChatRequestError(
            "stream_options is for streams alone: leave it out, or set stream to true.",
            param="stream_options",
        )
    _check_conversation(body["messages"])
    body.pop("selfheal", None)
    return ChatRequest(
        model=checked.model,
        body=body,
        content=to_json(body),
        extension=checked.selfheal or Extension(),
        unknown_fields=frozenset(checked.model_extra or ()),
        is_stream=bool(checked.stream),
        wants_usage=bool((checked.stream_options or {}).get("include_usage")),
    )


def check_against_task_type(request: ChatRequest, task_type: TaskType | None) -> None:
    """Refuse what a task type doesn't take; None stands for one without a directory.

    Raises:
        InvalidChatRequestError: If a variable is missing or not declared, or the client sends
            a system message where the task type refuses those.
    """
    declared = frozenset(task_type.variables) if task_type else frozenset()
    given = request.extension.variables.keys()
    if names := declared ^ given:
        name = min(names)
        raise InvalidChatRequestError(
            f"{request.model}: the variable {name} "
            f"{'is missing' if name in declared else 'is not declared'}. "
            f"It takes in selfheal.variables: {', '.join(sorted(declared)) or 'none'}.",
            param=f"selfheal.variables.{name}",
        )
    if task_type is None or task_type.client_system == "follow":
        return
    for place, message in enumerate(request.body["messages"]):
        if message["role"] in SYSTEM_ROLES:
            raise InvalidChatRequestError(
                f"{request.model} takes no system or developer messages: its prompt leads alone.",
                param=f"messages[{place}].role",
            )


def _translate(error: ValidationError) -> InvalidChatRequestError:
    """Name the field, and what is wrong furthest in where it was tried as several types."""
    problems = error.errors(include_url=False, include_input=False)
    loc = max((problem["loc"] for problem in problems), key=len)
    reasons = [problem["msg"] for problem in problems if problem["loc"][:-1] == loc[:-1]]
    param = ""
    # Between the fields stand the names of the types that were tried.
    for step in loc:
        if isinstance(step, int):
            param += f"[{step}]"
        elif step.isidentifier() and step != "str":
            param += f".{step}" if param else step
    return InvalidChatRequestError(
        f"{param or 'The body'}: {', or: '.join(reasons[:2])}.", param=param or None
    )


def _check_conversation(messages: list[dict[str, Any]]) -> None:
    """Refuse a tool's result without a call, and a conversation that waits for no answer."""
    calls: set[str] = set()
    for place, message in enumerate(messages):
        param = f"messages[{place}]"
        content: Any = message.get("content")
        if message["role"] == "assistant":
            calls.update(call["id"] for call in message.get("tool_calls") or ())
        elif content is None:
            raise InvalidChatRequestError(
                "A message's content must be a text, or a list of parts.", param=f"{param}.content"
            )
        elif message["role"] == "tool" and message.get("tool_call_id") not in calls:
            raise InvalidChatRequestError(
                "A tool's result must name a call that an earlier message of the assistant made.",
                param=f"{param}.tool_call_id",
            )
    if message["role"] not in ("user", "tool"):
        raise InvalidChatRequestError(
            "The last message must be the user's, or a tool's result.", param=f"{param}.role"
        )
    is_text_alone = isinstance(content, str) or all(part["type"] == "text" for part in content)
    if message["role"] == "user" and is_text_alone and not read_text(content).strip():
        raise InvalidChatRequestError(
            "The last message holds no character that can be seen.", param=f"{param}.content"
        )
