"""Observations of a grading, not yet judged; the dimensions are functions of these."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grading.answers import FieldProblem
from grading.database.tables import Prompt
from grading.http import Reply
from grading.metrics_text import Samples
from grading.result import OptimizerRun

MANAGER, WORKER, EVALUATOR = SERVICES = ("manager", "worker", "evaluator")


@dataclass(frozen=True, slots=True)
class LogRow:
    """Row of the execution log about a request."""

    prompt_version: int | None
    score: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to the Manager, what it answered, and what the database says of it.

    Attributes:
        problems: Fields that are missing or of another type; none where there is no answer.
        active_version: Version of the prompt that the database called active at the time.
        logged: Its row in the execution log; None where there is none.
    """

    task: str
    reply: Reply
    problems: tuple[FieldProblem, ...]
    active_version: int | None
    logged: LogRow | None = None

    @property
    def succeeded(self) -> bool:
        """Tell whether the request was answered with a JSON object."""
        return self.reply.status == 200 and bool(self.reply.fields)  # noqa: PLR2004

    @property
    def request_id(self) -> str:
        """As answered, in the form that PostgreSQL gives it back in; empty where it is no UUID."""
        answered = self._find("request_id")
        return str(uuid.UUID(answered)) if answered else ""

    @property
    def score(self) -> float | None:
        """As answered; None where it is no score."""
        return self._find("evaluation_score")

    @property
    def passed(self) -> bool | None:
        """As answered; None where it is no truth value."""
        return self._find("evaluation_passed")

    @property
    def prompt_version(self) -> int | None:
        """As answered; None where it is no whole number."""
        return self._find("prompt_version")

    @property
    def output(self) -> str:
        """The Worker's output as answered; empty where there is none."""
        return self._find("worker_output") or ""

    @property
    def refined_input(self) -> str:
        """As answered; what was asked for where there is none."""
        return self._find("refined_input") or self.task

    def _find(self, field: str) -> Any | None:
        """Return a field as answered; None where it is missing or mistyped."""
        is_wrong = not self.succeeded or any(one.field == field for one in self.problems)
        return None if is_wrong else self.reply.fields.get(field)


@dataclass(frozen=True, slots=True)
class CycleSeen:
    """A cycle as it went.

    Attributes:
        tried: Bad prompts that were injected, the last of which stayed.
        known_ids: Rows of `prompts` when the bad prompt had been injected.
        logged_before: How many of the failing requests were in the log before the Optimizer's run.
    """

    number: int
    tried: int
    bad: Prompt
    before: tuple[Exchange, ...]
    optimizer: OptimizerRun
    prompts_after: tuple[Prompt, ...]
    known_ids: frozenset[int]
    after: tuple[Exchange, ...]
    logged_before: int
    logged_after: int
    reports_after: int

    @property
    def active(self) -> list[Prompt]:
        """Prompts that are active after the Optimizer's run."""
        return [prompt for prompt in self.prompts_after if prompt.is_active]


@dataclass(frozen=True, slots=True)
class EvaluationSeen:
    """A direct call of the Evaluator."""

    output: str
    reply: Reply
    problems: tuple[FieldProblem, ...]

    @property
    def score(self) -> float | None:
        """As answered; None where it is no score."""
        is_wrong = any(problem.field == "score" for problem in self.problems)
        if is_wrong or self.reply.status != 200:  # noqa: PLR2004
            return None
        score: float = self.reply.fields["score"]
        return score


@dataclass(frozen=True, slots=True)
class ProbeSeen:
    """A malformed request and how it was met."""

    name: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Scrape:
    """The metrics of the three services at a moment; None for one that shows none."""

    replies: Mapping[str, Reply]
    samples: Mapping[str, Samples | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The Evaluator's own score of an answer that the Manager gave, beside the Manager's."""

    cycle: int
    answered: float
    evaluated: float


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that was seen.

    Attributes:
        health: Each service's answer to `/health`, at the start.
        health_after: The same, after the malformed requests.
        tasks: Direct calls of the Worker, by what was asked for, with the seed prompt.
        good: Direct evaluations of good outputs, two spellings of each.
        right_code: Score of right code; None where there was none.
        wrong_code: Score of the same code with a mistake in it.
        probes: The malformed requests that count.
        more_probes: Those that are told without points.
        active_at_end: Version of the active prompt at the last scrape.
    """

    urls: Mapping[str, str]
    health: Mapping[str, Reply]
    health_after: Mapping[str, Reply]
    healthy: tuple[Exchange, ...]
    tasks: Mapping[str, Reply]
    cycles: tuple[CycleSeen, ...]
    good: tuple[tuple[EvaluationSeen, ...], ...]
    bad: tuple[EvaluationSeen, ...]
    right_code: float | None
    wrong_code: float | None
    comparisons: tuple[Comparison, ...]
    probes: tuple[ProbeSeen, ...]
    more_probes: tuple[ProbeSeen, ...]
    first_scrape: Scrape
    last_scrape: Scrape
    active_at_end: int | None
    optimizer_command: str

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request to the Manager that a user might have sent."""
        in_cycles = tuple(
            exchange for cycle in self.cycles for exchange in (*cycle.before, *cycle.after)
        )
        return (*self.healthy, *in_cycles)
