"""What the admin API takes and answers; its paths begin with `/api/v1/admin`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from services.common.diagnosis.checks import Check
from services.common.schemas import Input, Output, Schema, TaskType
from services.common.text import make_storable

CSRF_HEADER = "X-CSRF-Token"
# Of what a page asks by itself: it keeps no session from ending for want of use.
UNATTENDED_HEADER = "X-Unattended"
CONSOLE_HEADER = "X-Console-Token"
MAX_TRIAL_INPUTS = 8

Role = Literal["viewer", "operator", "approver", "admin"]
Reason = Annotated[str, Field(max_length=500), AfterValidator(make_storable)]
# A form's lines end in CRLF, which isn't how prompts are written.
PromptText = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=100_000),
    AfterValidator(lambda text: text.replace("\r\n", "\n")),
]


class Person(Schema):
    """Who acts: somebody who signed in, the holder of a key, or whoever sits at this machine.

    `task_types` are those that they may see and change; None for all.
    """

    name: str
    kind: Literal["user", "key", "local"]
    scopes: list[str]
    task_types: list[str] | None = None


class SessionView(Schema):
    """Who asks, and how they could sign in; `person` is None where nobody has signed in yet.

    `csrf_token` goes into the header `X-CSRF-Token` of every change; a key needs none.
    `second_person` says that a change of what serves needs another person's approval.
    """

    person: Person | None
    csrf_token: str
    password: bool
    oidc: bool
    second_person: bool


class SignIn(Schema):
    """A local account's name and password."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: str = Field(min_length=1, max_length=1_000, repr=False)


class NewSession(SessionView):
    """A session that just began; `session` is its secret, to be sent as a Bearer."""

    session: str = Field(repr=False)


class OidcStart(Schema):
    """Where to send the browser, and what it has to bring back in a cookie of its own."""

    url: str
    binding: str = Field(repr=False)


class OidcFinish(Schema):
    """What the provider sent the browser back with."""

    state: str
    code: str = Field(repr=False)
    iss: str | None = None
    binding: str = Field(repr=False)


class Serving(Schema):
    """The prompt that who decides has seen serving: refused where another serves by now."""

    prompt_id: int
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ActivateRequest(Schema):
    """Serve a text: an earlier prompt's, or a new one. One of the two is given."""

    serving: Serving
    prompt_id: int | None = None
    content: PromptText | None = None
    reason: Reason = ""


class RollbackRequest(Schema):
    """Serve again the text that served well before the present one."""

    serving: Serving
    reason: Reason = ""


class Changed(Schema):
    """What a change led to: a version that serves, or a proposal that waits for somebody else."""

    version: int | None = None
    prompt_id: int | None = None
    waiting_run_id: UUID | None = None


class RolloutView(Schema):
    """A repair that serves a share of traffic first; `share` is 0 while a person has paused it."""

    id: UUID
    task_type: str
    run_id: UUID
    steps: list[float]
    step: int
    share: float
    reserved_version: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    reason: str = ""
    person: str | None = None


class TrialRequest(Schema):
    """Try a draft on inputs, beside the text that serves; nothing of it is served or logged."""

    content: PromptText
    inputs: Annotated[list[Input], Field(min_length=1, max_length=MAX_TRIAL_INPUTS)]


class TrialAnswer(Schema):
    """One text's answer to one input; `error` says why there is none, or no score."""

    output: str | None = None
    score: float | None = None
    passed: bool | None = None
    detail: dict[str, Any] | None = None
    latency_ms: int | None = None
    error: str | None = None


class TrialPair(Schema):
    """An input under the draft, and under what serves."""

    input: str
    draft: TrialAnswer
    serving: TrialAnswer


class TrialResult(Schema):
    """All pairs, in the order of the inputs; `calls` is how often the Worker was asked."""

    pairs: list[TrialPair]
    calls: int


class DraftRequest(Schema):
    """Put a text through the gate: an Optimizer proves it, or doesn't, against what serves."""

    content: PromptText
    reason: Reason = ""


class Job(Schema):
    """Something that an Optimizer was asked for; `run_id` is the run that answered a draft."""

    id: UUID
    kind: Literal["draft", "message"]
    state: Literal["waiting", "running", "finished", "failed"]
    task_type: str | None = None
    requested_by: str
    created_at: datetime
    run_id: UUID | None = None
    error: str | None = None


class ReplayRequest(Schema):
    """Run a logged request again under another version's text."""

    prompt_id: int


class EvaluateRequest(Schema):
    """An answer to judge, without keeping anything."""

    task_type: TaskType
    user_input: Input
    worker_output: Output


class NewKeyRequest(Schema):
    """A key to make."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[str], Field(min_length=1)]
    task_types: list[str] | None = None
    days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class NewKeyAnswer(Schema):
    """A key that was just made: the only moment in which its text is known."""

    id: str
    key: str = Field(repr=False)


class NewUserRequest(Schema):
    """A local account to make."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: str = Field(min_length=12, max_length=1_000, repr=False)
    role: Role
    task_types: list[str] | None = None


class UserChange(Schema):
    """What is to change of an account; what isn't given stays."""

    role: Role | None = None
    password: str | None = Field(default=None, min_length=12, max_length=1_000, repr=False)
    is_disabled: Annotated[bool, Field(strict=True)] | None = None


class Condition(Schema):
    """How the system is: a check a part, and what the Evaluator says of itself."""

    checks: list[Check]
    versions: dict[str, str]
    evaluator: dict[str, Any] | None = None
