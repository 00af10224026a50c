"""Reads a request for a chat completion and refuses what can't be served. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError

from services.common.chat.messages import SYSTEM_ROLES, read_text
from services.common.task_types.task_type import TaskType
from services.manager.app.door.errors import InvalidChatRequestError
from services.manager.app.door.schema import ChatBody, Extension, is_deeper

# What the services behind the door read.
MAX_DEPTH = 100
TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."
NO_EXTENSION = Extension()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that can be served.

    Attributes:
        model: What the client asked for: the name of a task type.
        body: What goes on to the provider; `content` is the same as JSON.
        unknown_fields: Fields of the body that the door doesn't know.
    """

    model: str
    body: Mapping[str, Any]
    content: bytes
    extension: Extension
    unknown_fields: frozenset[str]

    @property
    def is_stream(self) -> bool:
        """Whether the answer is to come in pieces."""
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))


def read_chat_request(content: bytes) -> ChatRequest:
    """Read a body.

    Raises:
        InvalidChatRequestError: If it can't be served; the error names the field.
    """
    body = _parse(content)
    try:
        checked = ChatBody.model_validate(body)
    except ValidationError as error:
        raise _translate(error) from error
    if checked.stream_options and not checked.stream:
        raise InvalidChatRequestError(
            "stream_options is for streams alone: leave it out, or set stream to true.",
            param="stream_options",
        )
    body.pop("selfheal", None)
    _check_conversation(body["messages"])
    return ChatRequest(
        model=checked.model,
        body=body,
        content=_encode(body),
        extension=checked.selfheal or NO_EXTENSION,
        unknown_fields=frozenset(checked.model_extra or ()),
    )


def check_against_task_type(request: ChatRequest, task_type: TaskType | None) -> None:
    """Refuse what a task type doesn't take; None stands for one without a directory.

    Raises:
        InvalidChatRequestError: If a variable is missing or not declared, or the client sends
            a system message where the task type refuses those.
    """
    declared = frozenset(task_type.variables) if task_type else frozenset()
    given = request.extension.variables.keys()
    for names, problem in ((declared - given, "is missing"), (given - declared, "isn't declared")):
        if names:
            name = min(names)
            raise InvalidChatRequestError(
                f"{request.model}: the variable {name} {problem}. It takes in selfheal.variables: "
                f"{', '.join(sorted(declared)) or 'none'}.",
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


def _parse(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise InvalidChatRequestError(TOO_DEEP) from error
    except ValueError as error:
        raise InvalidChatRequestError(f"The body must be JSON ({_explain(error)}).") from error
    if not isinstance(body, dict):
        raise InvalidChatRequestError("The body must be a JSON object.")
    # That deep it can be only with so many brackets.
    brackets = content.count(b"{") + content.count(b"[")
    if brackets > MAX_DEPTH and is_deeper(body, MAX_DEPTH):
        raise InvalidChatRequestError(TOO_DEEP)
    return body


def _encode(body: Mapping[str, Any]) -> bytes:
    """Write a body; JSON spells numbers and characters that nothing behind the door takes."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise InvalidChatRequestError(
            f"The body must hold finite numbers, and text that UTF-8 has ({_explain(error)})."
        ) from error


def _explain(error: ValueError) -> str:
    """Say what is wrong without repeating what was sent."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return "text isn't UTF-8" if isinstance(error, UnicodeError) else "a number is out of range"


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


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
    return InvalidChatRequestError(f"{param}: {', or: '.join(reasons[:2])}.", param=param)


def _check_conversation(messages: list[dict[str, Any]]) -> None:
    """Refuse a tool's result without a call, and a conversation that waits for no answer."""
    calls: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            calls.update(call["id"] for call in message.get("tool_calls") or ())
        elif message.get("content") is None:
            raise InvalidChatRequestError(
                "A message's content must be a text, or a list of parts.",
                param=f"messages[{place}].content",
            )
        elif message["role"] == "tool" and message.get("tool_call_id") not in calls:
            raise InvalidChatRequestError(
                "A tool's result must name, in tool_call_id, a call that the assistant made in an "
                "earlier message.",
                param=f"messages[{place}].tool_call_id",
            )
    last, param = messages[-1], f"messages[{len(messages) - 1}]"
    if last["role"] not in ("user", "tool"):
        raise InvalidChatRequestError(
            "The last message must be the user's, or a tool's result.", param=f"{param}.role"
        )
    content = last["content"]
    is_text_alone = isinstance(content, str) or all(part["type"] == "text" for part in content)
    if last["role"] == "user" and is_text_alone and not read_text(content).strip():
        raise InvalidChatRequestError(
            "The last message holds no character that can be seen.", param=f"{param}.content"
        )
