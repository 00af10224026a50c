"""What a task type is: a first prompt, and how its answers are judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from services.common.chat.messages import ChatInput
from services.common.errors import ServiceError
from services.common.task_types.checks import Check
from services.common.task_types.rules import Finding, Grade

AnswerKind = Literal["code", "text"]
ClientSystem = Literal["follow", "refuse"]


class TaskTypeError(ServiceError):
    """A task type's directory can't be used: names the file, the problem and a remedy."""

    code = "invalid_task_type"

    def __init__(self, path: Path, problem: str, *, remedy: str) -> None:
        super().__init__(f"{path}: {problem}. {remedy}", path=str(path))
        self.path = path
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class GoldenInputs:
    """Inputs that a good prompt must serve, in two fixed halves that are never mixed.

    An input that is a conversation is named by the last message of its user.

    Attributes:
        choosing: Inputs that may be seen while a candidate is written and chosen.
        verdict: Inputs that only the gate sees.
        ids: Ids by input.
        expected: Right answers by input, where the file has them.
        checks: Calls that a right answer's code must pass, by input, where the file has them.
        conversations: What is asked, by input, where that is more than the input.
    """

    choosing: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    conversations: Mapping[str, ChatInput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repairs:
    """The sentences that a prompt is repaired with.

    Attributes:
        role: The sentence that opens a prompt.
        by_rule: The sentence that makes a model keep a rule, by the rule's name.
    """

    role: str
    by_rule: Mapping[str, str]


class Sampling(NamedTuple):
    """Which share of the door's answers is scored, each in (0, 1].

    Attributes:
        rules: Share that the rules look at.
        judge: Share that is judged as well; at most `rules`.
    """

    rules: float = 1.0
    judge: float = 1.0


ALL_ANSWERS = Sampling()


class Retention(NamedTuple):
    """For how many days a task type's rows, and the texts in them, are kept.

    None is what the settings say.
    """

    log_days: int | Literal["forever"] | None = None
    body_days: int | Literal["forever"] | None = None


BY_THE_SETTINGS = Retention()


class RuleWeight(NamedTuple):
    """The weight of a rule.

    Attributes:
        weight: Share of the rule score, in (0, 1].
        caps: Whether an answer that fails it can't pass, even if all else is right.
    """

    weight: float
    caps: bool


@dataclass(frozen=True, slots=True)
class TaskType:
    """A task type as its directory describes it.

    A weight whose name isn't among `rules` or `criteria` belongs to a rule or criterion that
    the Evaluator defines.

    Attributes:
        name: Its name in requests.
        description: One line that describes it to people.
        answers: `code` where answers are programs, which are read and run; else `text`.
        prompt: The first prompt.
        judge_prompt: The LLM judge's prompt; None for the Evaluator's own.
        rule_weights: By rule name, in the order of the file; they add up to 1.
        rubric_weights: By criterion name, in the order of the file; they add up to 1.
        golden_inputs: The inputs that repairs are proven on.
        repairs: The sentences that repairs are made of.
        rules: The rules among `rule_weights` that its own `validators.py` defines.
        criteria: The criteria among `rubric_weights` that its own `validators.py` defines.
        directory: The directory that all of this was read from.
        digest: SHA-256 over the files that can change a score, in hexadecimal.
        variables: Names that `{{name}}` in a prompt stands for; each request gives their values.
        client_system: Whether a client's own system messages follow the prompt, or are refused.
        sampling: Which share of the door's answers is scored.
        retention: How long its rows are kept, where its directory says so.
    """

    name: str
    description: str
    answers: AnswerKind
    prompt: str
    judge_prompt: str | None
    rule_weights: Mapping[str, RuleWeight]
    rubric_weights: Mapping[str, float]
    golden_inputs: GoldenInputs
    repairs: Repairs
    rules: Mapping[str, Callable[[Any], Finding]]
    criteria: Mapping[str, Callable[[Any], Grade]]
    directory: Path
    digest: str
    variables: tuple[str, ...] = ()
    client_system: ClientSystem = "follow"
    sampling: Sampling = ALL_ANSWERS
    retention: Retention = BY_THE_SETTINGS


GENERIC_REPAIRS = Repairs(
    role="You are a careful assistant. Do exactly what the user asks.",
    by_rule={
        "gives_an_answer": "Always answer the request itself; never refuse and never apologise.",
        "has_no_placeholder": "Leave no placeholder and no TODO.",
    },
)
