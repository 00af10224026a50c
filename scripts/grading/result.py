"""Result of a grading, as plain values: points, deductions with their evidence, what was seen.

Sentences are made elsewhere, in English or Korean, from the codes and facts that stand here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

SCHEMA_VERSION: Final = 1
FULL_MARKS: Final = 100

Fact = str | int | float | bool | None
Facts = Mapping[str, Fact]


class Dimension(StrEnum):
    """The guide's six dimensions (section 4)."""

    E2E = "e2e"
    EVALUATION = "evaluation"
    HEALING = "healing"
    PERFORMANCE = "performance"
    ERRORS = "errors"
    OBSERVABILITY = "observability"


WEIGHTS: Final[Mapping[Dimension, int]] = {
    Dimension.E2E: 20,
    Dimension.EVALUATION: 15,
    Dimension.HEALING: 30,
    Dimension.PERFORMANCE: 10,
    Dimension.ERRORS: 10,
    Dimension.OBSERVABILITY: 15,
}

# The least score of each letter (section 4).
GRADES: Final[Sequence[tuple[str, int]]] = (("A", 90), ("B", 80), ("C", 70), ("D", 60), ("F", 0))


class Code(StrEnum):
    """Reasons for deductions; the facts that come with each stand beside it."""

    # End to end
    SERVICE_DOWN = "service_down"  # service, url, seen
    HEALTH_INCOMPLETE = "health_incomplete"  # service, missing
    ALL_REQUESTS_FAILED = "all_requests_failed"  # requests, seen
    REQUESTS_FAILED = "requests_failed"  # failed, requests, seen
    FIELD_MISSING = "field_missing"  # field, service
    FIELD_MISTYPED = "field_mistyped"  # field, service, expected, seen
    PROMPT_VERSION_WRONG = "prompt_version_wrong"  # reported, active, times
    INPUT_IGNORED = "input_ignored"  # inputs, excerpt
    LOG_ROW_MISSING = "log_row_missing"  # missing, requests, request_id
    LOG_ROW_DIFFERS = "log_row_differs"  # request_id, column, answered, logged
    # Evaluation quality
    EVALUATOR_UNREACHABLE = "evaluator_unreachable"  # seen
    BAD_OUTPUT_SCORED_HIGH = "bad_output_scored_high"  # score, excerpt
    GOOD_OUTPUT_SCORED_LOW = "good_output_scored_low"  # score, excerpt
    SCORE_INVALID = "score_invalid"  # seen, excerpt
    PASSED_DISAGREES = "passed_disagrees"  # score, passed
    # Self-healing; each with the number of its cycle
    OPTIMIZER_NOT_FOUND = "optimizer_not_found"  # cycle, command
    OPTIMIZER_FAILED = "optimizer_failed"  # cycle, exit_code, tail
    OPTIMIZER_TIMED_OUT = "optimizer_timed_out"  # cycle, seconds
    PROMPT_NOT_REPLACED = "prompt_not_replaced"  # cycle, version
    NEW_VERSION_NOT_ACTIVE = "new_version_not_active"  # cycle, version, active
    SEVERAL_ACTIVE = "several_active"  # cycle, versions
    NO_NEW_VERSION = "no_new_version"  # cycle, version
    SCORE_NOT_IMPROVED = "score_not_improved"  # cycle, before, after
    PASS_RATE_NOT_IMPROVED = "pass_rate_not_improved"  # cycle, before, after
    LOGS_DELETED = "logs_deleted"  # cycle, before, after
    NOTHING_BROKE = "nothing_broke"  # cycle, tried
    PROMPT_NOT_LOADED = "prompt_not_loaded"  # cycle, reported, active
    FAILURES_NOT_SEEN = "failures_not_seen"  # cycle, score, excerpt
    # Performance
    SLOW = "slow"  # mean_ms, full_ms, zero_ms
    NOTHING_MEASURED = "nothing_measured"  # requests
    # Error handling
    ERROR_NOT_JSON = "error_not_json"  # probe, status, content_type, excerpt
    SERVER_ERROR = "server_error"  # probe, status, excerpt
    NO_ANSWER = "no_answer"  # probe, seen
    CRASHED = "crashed"  # service
    # Observability
    METRICS_MISSING = "metrics_missing"  # seen
    METRIC_MISSING = "metric_missing"  # metric, service, url
    METRIC_STILL = "metric_still"  # metric, service
    # The dimension's remaining points, taken for what `cheating` proves
    CHEATING = "cheating"  # code


class CheatingCode(StrEnum):
    """Kinds of cheating that can be proven; each takes all points of its dimension."""

    HEALED_ANSWER_HARD_CODED = "healed_answer_hard_coded"  # cycle, tasks, excerpt
    SCORES_NOT_THE_EVALUATORS = "scores_not_the_evaluators"  # cycle, answered, evaluated


class InsightCode(StrEnum):
    """Kinds of insights: they go beyond the guide and cost no points."""

    WRONG_CODE_TOLD = "wrong_code_told"  # right, wrong, told
    MALFORMED_REQUESTS = "malformed_requests"  # handled, sent, unhandled
    LATENCY = "latency"  # p50_ms, p95_ms, p99_ms, requests
    OPTIMIZER_TIME = "optimizer_time"  # mean_seconds, most_seconds
    REPORTS_WRITTEN = "reports_written"  # reports, heals
    BAD_PROMPTS_REPLACED = "bad_prompts_replaced"  # replaced


class Hint(StrEnum):
    """Rows of the guide's troubleshooting table (section 5) and of what it stresses."""

    IMPORT_ERRORS = "import_errors"
    DEPENDS_ON = "depends_on"
    DATABASE_URL = "database_url"
    LLM_KEY = "llm_key"
    LOOKBACK = "lookback"
    LOAD_EVERY_REQUEST = "load_every_request"
    THRESHOLD_AND_WEIGHTS = "threshold_and_weights"
    API_SPECIFICATION = "api_specification"
    ACTIVATE_IN_ONE_TRANSACTION = "activate_in_one_transaction"
    JSON_ERRORS = "json_errors"
    EXPOSE_METRICS = "expose_metrics"
    LOG_EVERY_REQUEST = "log_every_request"
    FASTER = "faster"
    HONEST_RESULTS = "honest_results"


@dataclass(frozen=True, slots=True)
class Deduction:
    """Points taken away, and why.

    Attributes:
        points: How many it costs, above 0.
        facts: The evidence, by the names that stand beside the code.
    """

    code: Code
    points: float
    facts: Facts
    hint: Hint


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """A dimension's points and everything that was taken from them."""

    name: Dimension
    deductions: tuple[Deduction, ...] = ()

    @property
    def max_points(self) -> int:
        """Most points that the dimension can earn."""
        return WEIGHTS[self.name]

    @property
    def points(self) -> float:
        """Points that are left, in [0, max_points], to a tenth."""
        taken = sum(deduction.points for deduction in self.deductions)
        return round(max(0.0, float(self.max_points) - taken), 1)


@dataclass(frozen=True, slots=True)
class Cheating:
    """Cheating that was proven, and the evidence."""

    code: CheatingCode
    dimension: Dimension
    facts: Facts


@dataclass(frozen=True, slots=True)
class Insight:
    """Something worth knowing that costs nothing."""

    code: InsightCode
    facts: Facts


@dataclass(frozen=True, slots=True)
class GradedRequest:
    """A request to the Manager.

    Attributes:
        status: HTTP status; None where no answer came.
        score: As answered, in [0, 1]; None where there is none.
        error: Why there is no usable answer; empty where there is one.
    """

    task: str
    status: int | None
    latency_ms: float
    score: float | None = None
    passed: bool | None = None
    prompt_version: int | None = None
    error: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class OptimizerRun:
    """A run of the Optimizer's command.

    Attributes:
        exit_code: None where it was not found or ran into the limit.
        problem: `not_found`, `timed_out` or empty.
    """

    exit_code: int | None
    seconds: float
    tail: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A row of `prompts`, as the report shows it."""

    version: int
    content: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """A bad prompt, requests, the Optimizer, requests again."""

    number: int
    bad_prompt: PromptRow
    before: tuple[GradedRequest, ...]
    optimizer: OptimizerRun
    after: tuple[GradedRequest, ...]
    healed_prompt: PromptRow | None = None
    bad_prompts_replaced: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses of what was graded, without passwords."""

    manager_url: str
    worker_url: str
    evaluator_url: str
    database: str
    optimizer_command: str


@dataclass(frozen=True, slots=True)
class Report:
    """Result of a whole grading.

    Attributes:
        started_at: ISO 8601, UTC.
        finished_at: ISO 8601, UTC.
        healthy: Requests with the seed prompt, before the first cycle.
        backup: Folder of the tables' dump.
    """

    benchmark_version: str
    started_at: str
    finished_at: str
    target: Target
    options: Facts
    dimensions: tuple[DimensionScore, ...]
    healthy: tuple[GradedRequest, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    cheating: tuple[Cheating, ...] = ()
    insights: tuple[Insight, ...] = ()
    backup: str = ""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def score(self) -> float:
        """Sum of the dimensions, in [0, 100], to a tenth."""
        return round(sum(dimension.points for dimension in self.dimensions), 1)

    @property
    def grade(self) -> str:
        """The letter, A to F."""
        return grade_of(self.score)

    def to_json(self) -> dict[str, Any]:
        """Return the report in JSON's own types, with what is derived."""
        content = asdict(self)
        content["score"] = self.score
        content["grade"] = self.grade
        for described, dimension in zip(content["dimensions"], self.dimensions, strict=True):
            described["points"] = dimension.points
            described["max_points"] = dimension.max_points
        return content


def grade_of(score: float) -> str:
    """Return the letter of a score in [0, 100]."""
    return next(letter for letter, least in GRADES if score >= least)
