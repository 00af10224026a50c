"""The classes of judging: rules that pass or fail, criteria that grade, and their reasons.

A task type's own `validators.py` uses these classes, and so do the Evaluator's rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from services.common.chat.messages import Message
from services.common.task_types.tool_calls import Tool, ToolCall

Outcome = Literal["passed", "failed", "not_applicable"]

# Reasons may name what the answer names, which can be as long as its writer likes.
MAX_REASON_CHARACTERS = 200


class AnsweredTask(Protocol):
    """What every rule may look at: a request, as its user wrote it, and the answer to it."""

    @property
    def task_type(self) -> str:
        """The task type, which decides which rules and which rubric apply."""

    @property
    def user_input(self) -> str:
        """The request, as its user wrote it."""

    @property
    def answer(self) -> str:
        """The Worker's answer, unchanged."""

    @property
    def expected(self) -> Any:
        """The right answer, where a golden input is replayed that has one; else None."""

    @property
    def conversation(self) -> Sequence[Message]:
        """The messages before the answer, in OpenAI's shape; none where one text was asked."""

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools that the model was offered, in OpenAI's shape."""

    @property
    def tool_calls(self) -> Sequence[ToolCall]:
        """The calls that the answer makes; `arguments` is None where they are invalid."""

    @property
    def finish_reason(self) -> str:
        """Why the answer ended: `stop`, `length`, `tool_calls`; empty where it isn't known."""

    @property
    def refusal(self) -> str:
        """The refusal that the answer is, where its model marked it as one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a rule, and the reason in words."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with a weight; the weights of a rule set add up to 1.

    Attributes:
        check: Pure function over what the rule set looks at: an `AnsweredTask` or more.
        weight: Share of the rule score, in (0, 1].
        caps: Whether an answer that fails it can't pass, even if all else is right.
    """

    check: Callable[[Any], Finding]
    weight: float
    caps: bool = False

    @property
    def name(self) -> str:
        """The rule's name, which is its check's."""
        return self.check.__name__


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule and its finding."""

    rule: Rule
    finding: Finding


@dataclass(frozen=True, slots=True)
class RuleResults:
    """All rules' results, and their weighted score.

    Attributes:
        results: The result of each rule, in the rule set's order.
        score: Weight of the rules that passed, as a share of those that applied, in [0, 1].
    """

    results: tuple[RuleResult, ...]
    score: float

    @property
    def cap_reasons(self) -> list[str]:
        """The reasons why the answer can't pass; empty where it can."""
        return [
            result.finding.reason
            for result in self.results
            if result.rule.caps and result.finding.outcome == "failed"
        ]


@dataclass(frozen=True, slots=True)
class Grade:
    """A criterion's grade in [0, 1], and the reason in words."""

    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question of a rubric; the weights of a rubric add up to 1.

    Attributes:
        grade: Pure function over what the rubric looks at: an `AnsweredTask` or more.
        weight: Share of the rubric's grade, in (0, 1].
    """

    grade: Callable[[Any], Grade]
    weight: float

    @property
    def name(self) -> str:
        """The criterion's name, which is its function's."""
        return self.grade.__name__


def passed(reason: str) -> Finding:
    """Report that the rule holds."""
    return Finding("passed", reason[:MAX_REASON_CHARACTERS])


def failed(reason: str) -> Finding:
    """Report that the rule is broken."""
    return Finding("failed", reason[:MAX_REASON_CHARACTERS])


def not_applicable(reason: str) -> Finding:
    """Report that the rule can't be applied to this answer; its weight goes to the others."""
    return Finding("not_applicable", reason[:MAX_REASON_CHARACTERS])
