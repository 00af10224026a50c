"""The vocabulary of judging: rules that pass or fail, criteria that grade, and their reasons.

A task type's own `validators.py` is written in these words, and so are the Evaluator's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Outcome = Literal["passed", "failed", "not_applicable"]

# Reasons may name what the answer names, which can be as long as its writer likes.
MAX_REASON_CHARACTERS = 200


class AnsweredTask(Protocol):
    """What every rule may look at: a request as its user wrote it, and the answer to it."""

    @property
    def task_type(self) -> str:
        """Which rules and which rubric apply."""

    @property
    def user_input(self) -> str:
        """What was asked for."""

    @property
    def answer(self) -> str:
        """What the Worker gave, as it gave it."""

    @property
    def expected(self) -> Any:
        """The right answer, where a golden input is replayed that has one; else None."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: its outcome and the reason in words."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with a weight; the weights of a rule set add up to 1.

    Attributes:
        check: Pure function over what the rule set looks at: an `AnsweredTask` or more.
        weight: Share of the rule score, in (0, 1].
        caps: Whether failing it shows that the answer is no good, whatever else is right.
    """

    check: Callable[[Any], Finding]
    weight: float
    caps: bool = False

    @property
    def name(self) -> str:
        """The check's own name."""
        return self.check.__name__


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule and what it found."""

    rule: Rule
    finding: Finding


@dataclass(frozen=True, slots=True)
class RuleReport:
    """All rules' results, and their weighted score.

    Attributes:
        results: One a rule, in the rule set's order.
        score: Weight earned as a share of the weight that applied, in [0, 1].
    """

    results: tuple[RuleResult, ...]
    score: float

    @property
    def cap_reasons(self) -> list[str]:
        """Why the answer can't pass; empty where nothing shows that."""
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
        """The question's own name."""
        return self.grade.__name__


def passed(reason: str) -> Finding:
    """The rule holds."""
    return Finding("passed", reason[:MAX_REASON_CHARACTERS])


def failed(reason: str) -> Finding:
    """The rule is broken."""
    return Finding("failed", reason[:MAX_REASON_CHARACTERS])


def not_applicable(reason: str) -> Finding:
    """The rule says nothing about this answer; its weight goes to the others."""
    return Finding("not_applicable", reason[:MAX_REASON_CHARACTERS])
