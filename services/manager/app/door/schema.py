"""What a request for a chat completion may look like: its fields' types and bounds.

Only what is checked here is named. The body goes on as it came, fields that aren't here included.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, to_json

from services.common.schemas import MAX_ID_CHARACTERS, Schema, TaskType, Variables

MAX_MESSAGES = 2_000
MAX_CHOICES = 8
MAX_TOOLS = 128
MAX_TAGS = 32
# Of the tools, and of the schema of the answer.
MAX_SCHEMA_BYTES = 256 * 1024
MAX_SCHEMA_DEPTH = 32


def is_deeper(value: object, levels: int) -> bool:
    """Tell whether lists and objects are nested deeper than so many levels."""
    layer: list[Any] = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for item in layer
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _refuse_large_schemas(value: Any) -> Any:
    if isinstance(value, dict | list) and is_deeper(value, MAX_SCHEMA_DEPTH):
        raise PydanticCustomError("deep", f"Must be nested at most {MAX_SCHEMA_DEPTH} levels deep")
    if len(to_json(value)) > MAX_SCHEMA_BYTES:
        raise PydanticCustomError("large", f"Must be at most {MAX_SCHEMA_BYTES} bytes of JSON")
    return value


Id = Annotated[str, Field(max_length=MAX_ID_CHARACTERS)]


class Shape(BaseModel):
    """Base of what is checked and goes on as it came."""

    model_config = ConfigDict(extra="allow", strict=True)


class Part(Shape):
    """A part of a message's content; what isn't text is the provider's to judge."""

    type: str
    text: str | None = None


class Function(Shape):
    """A function that a model may call, or a call of one."""

    name: str
    parameters: dict[str, Any] | None = None
    arguments: str = ""


class ToolCall(Shape):
    """A call that an assistant made."""

    id: str
    function: Function | None = None


class Message(Shape):
    """A message of a conversation."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: str | Annotated[list[Part], Field(min_length=1)] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class Tool(Shape):
    """Something that a model may call."""

    type: str
    function: Function | None = None


class Extension(BaseModel):
    """What `selfheal` in a body holds: it is ours, and no provider sees it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    variables: Variables = Field(default_factory=dict)
    session_id: Id | None = None
    end_user: Id | None = None
    tags: Annotated[list[Id], Field(max_length=MAX_TAGS)] | None = None


Bounded = BeforeValidator(_refuse_large_schemas)
Flag = bool | None
Text = str | None
Object = dict[str, Any] | None
Count = Annotated[int, Field(ge=1, lt=2**31)] | None
Penalty = Annotated[float, Field(ge=-2, le=2)] | None


class ChatBody(Schema):
    """The body of a request for a chat completion."""

    model_config = ConfigDict(extra="allow", strict=True)

    model: TaskType
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: Flag = None
    stream_options: dict[str, bool | None] | None = None
    max_tokens: Count = None
    max_completion_tokens: Count = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    logprobs: Flag = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    logit_bias: Object = None
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS), Bounded] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: Flag = None
    response_format: Annotated[dict[str, Any], Bounded] | None = None
    reasoning_effort: Text = None
    user: Text = None
    metadata: Object = None
    store: Flag = None
    service_tier: Text = None
    selfheal: Extension | None = None
