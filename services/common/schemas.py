"""What the services say to their clients and to each other over HTTP."""

import math
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

# Which model answered, as `provider:model`, where it stood in for the main one.
FALLBACK_HEADER = "x-selfheal-fallback"
MAX_INPUT_CHARACTERS = 20_000
# How old the prompt is that served, where it couldn't be read anew, in seconds.
PROMPT_AGE_HEADER = "x-selfheal-prompt-age"
# Refining may make an input longer.
MAX_REFINED_CHARACTERS = 3 * MAX_INPUT_CHARACTERS + 1_000
MAX_OUTPUT_CHARACTERS = 200_000
MAX_ID_CHARACTERS = 200
MAX_VARIABLE_CHARACTERS = 20_000
# Of a variable of a prompt: `{{customer_name}}`.
VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"


def _reject_nul(text: str) -> str:
    """Refuse NUL, which PostgreSQL's TEXT doesn't have."""
    if "\x00" in text:
        raise PydanticCustomError("nul", "must not contain NUL characters")
    return text


def _reject_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return text


# A text with a length is also checked for lone surrogates, which UTF-8 can't spell, by pydantic.
TaskType = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=64, examples=["code_generation"]),
    AfterValidator(_reject_nul),
    AfterValidator(_reject_blank),
]
Input = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_INPUT_CHARACTERS),
    AfterValidator(_reject_nul),
    AfterValidator(_reject_blank),
]
# Refining adds a line of its own, and NFC spells a few characters out as three.
RefinedInput = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_REFINED_CHARACTERS),
    AfterValidator(_reject_nul),
]
Output = Annotated[
    str,
    Field(strict=True, max_length=MAX_OUTPUT_CHARACTERS),
    AfterValidator(_reject_nul),
]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
VariableName = Annotated[str, Field(pattern=f"^{VARIABLE_NAME}$")]
Variables = dict[VariableName, Annotated[str, Field(max_length=MAX_VARIABLE_CHARACTERS)]]
CHAT_EXAMPLE: dict[str, Any] = {
    "model": "code_generation",
    "messages": [{"role": "user", "content": "Write a function to sort a list"}],
}
# PostgreSQL's INTEGER.
DatabaseInteger = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Schema(BaseModel):
    """Base of all schemas; unknown fields are ignored, so that a client may be newer."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def reject_unreal_numbers(cls, value: Any) -> Any:
        """Refuse NaN and infinities: JSON doesn't have them, but parsers let them pass."""
        left = [value]
        while left:
            part = left.pop()
            if isinstance(part, float) and not math.isfinite(part):
                raise PydanticCustomError("finite_number", "must hold finite numbers only")
            if isinstance(part, dict | list):
                left.extend(part.values() if isinstance(part, dict) else part)
        return value


class AgentRequest(Schema):
    """What a user asks the Manager for."""

    user_input: Annotated[Input, Field(examples=["Write a function to sort a list"])]
    task_type: TaskType


class AgentResponse(Schema):
    """What the Manager answers; `model` and `judge` say who wrote and who graded.

    `fallback` is the model as `provider:model` where it stood in for the main one.
    """

    request_id: UUID
    refined_input: str
    worker_output: str
    evaluation_score: Score
    evaluation_passed: bool
    prompt_version: int
    model: str
    judge: str
    # Told in headers.
    prompt_age_seconds: Annotated[int | None, Field(exclude=True)] = None
    rollout: Annotated[str | None, Field(exclude=True)] = None
    fallback: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What goes along with it."""
        told = {
            PROMPT_AGE_HEADER: self.prompt_age_seconds,
            FALLBACK_HEADER: self.fallback,
            ROLLOUT_HEADER: self.rollout,
        }
        return {name: str(value) for name, value in told.items() if value is not None}


# What an answer is for: a client, a proof of the Optimizer's, or a person who tries a text.
Purpose = Literal["live", "replay", "trial"]
# While a text serves a share of traffic: `<rollout>/<arm>`; and, between services, the unit.
ROLLOUT_HEADER = "x-selfheal-rollout"
UNIT_HEADER = "x-selfheal-unit"
# Of a rollout: the text that serves a share, and the one that serves the rest.
Arm = Literal["candidate", "incumbent"]
Unit = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)]


class TaskRequest(Schema):
    """What the Manager asks the Worker for; `candidate_id` needs the internal token.

    `unit` says whose answers share an arm while a rollout is open; by default the request's alone.
    """

    request_id: UUID
    task_type: TaskType
    refined_input: RefinedInput
    candidate_id: UUID | None = None
    purpose: Purpose = "live"
    unit: Unit | None = None


class TaskResponse(Schema):
    """What the Worker answers; tokens are 0 where the model doesn't count them.

    Cached tokens are those of the input that the provider had kept.

    `prompt_age_seconds` is how old the prompt is, where it couldn't be read anew.
    `fallback` is the model as `provider:model` where it stood in for the main one.
    `rollout`, `arm` and `unit` say which arm of which rollout answered, while one is open.
    """

    request_id: UUID
    output: Output
    prompt_version: DatabaseInteger
    latency_ms: Annotated[DatabaseInteger, Field(ge=0)]
    model: str
    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    cached_tokens: Annotated[int, Field(ge=0)] = 0
    provider: str = ""
    prompt_age_seconds: Annotated[int | None, Field(ge=0)] = None
    fallback: str | None = None
    rollout: UUID | None = None
    arm: Arm | None = None
    unit: Unit | None = None


# A client's body as far as the Worker checks it.
CHAT_REQUEST: dict[str, Any] = {
    "properties": {"messages": {"type": "array", "items": {"type": "object"}}},
    "required": ["messages"],
    "examples": [CHAT_EXAMPLE],
}


class ChatTask(Schema):
    """What the Worker is asked for at the door; `candidate_id` needs the internal token.

    `request` is the client's body in OpenAI's shape, without `selfheal`; its `model` is the task
    type. `variables` are what `{{name}}` in the prompt is replaced with. `unit` is as in a task.
    `session_id` is the client's own, for traces.
    """

    request_id: UUID
    task_type: TaskType
    request: Annotated[dict[str, Any], Field(json_schema_extra=CHAT_REQUEST)]
    variables: Annotated[Variables, Field(json_schema_extra={"additionalProperties": False})] = {}
    candidate_id: UUID | None = None
    purpose: Purpose = "live"
    unit: Unit | None = None
    session_id: str | None = None


class ChatCompletion(Schema):
    """What the Worker answers at the door, as far as a replay needs it; else as OpenAI has it."""

    choices: Annotated[list[dict[str, Any]], Field(min_length=1)]
    usage: dict[str, Any] | None = None
    model: str = ""


class Conversation(Schema):
    """A conversation and the assistant's message that ended it, in OpenAI's shapes.

    `messages` are the client's own, without the prompt that led them; `tools` is what the model
    was offered.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    answer: dict[str, Any]
    finish_reason: str | None = None


class EvaluationRequest(Schema):
    """What the Manager asks the Evaluator for; `golden_id` needs the internal token.

    Without the judge only what the rules prove gets a score: the rest is unscored.
    """

    request_id: UUID
    task_type: TaskType
    user_input: Input
    refined_input: RefinedInput
    worker_output: Output
    golden_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)] | None = None
    conversation: Conversation | None = None
    with_judge: bool = True


class EvaluationResponse(Schema):
    """What the Evaluator answers; `detail` explains the score."""

    request_id: UUID
    score: Score
    passed: bool
    detail: dict[str, Any]


class HealthResponse(Schema):
    """What `GET /health` answers while the process lives."""

    status: str = "ok"
    service: str
    version: str


class ReadinessResponse(Schema):
    """What `GET /health/ready` answers; services add fields, such as a degraded part."""

    model_config = ConfigDict(extra="allow")

    status: Literal["ready", "not_ready"]
    service: str


class ErrorResponse(Schema):
    """What every failure is answered with; some add fields, such as the known task types."""

    model_config = ConfigDict(extra="allow")

    code: str
    message: str
    request_id: str


class UnknownTaskTypeResponse(ErrorResponse):
    """What a request for an unknown task type is answered with."""

    task_type: str
    known_task_types: list[str]
