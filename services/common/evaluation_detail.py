"""The `detail` of an evaluation, in types: what was run, what came back, why it scored as it did.

The Evaluator makes it, the Manager adds the Worker's model or the error, `execution_logs` keeps it.
Who makes one fills in every field of a part. Who reads one can rely on no field: a row may be
older, or of another system, so that every field has a default, which means "not said".
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.common.metering.spending import Spending
from services.common.text import make_storable

# What a detail has where the texts of its row were removed, and the setting by which they were.
REMOVED: Final = "removed"
BODY_RETENTION: Final = "BODY_RETENTION_DAYS"
# SQL over rows of `execution_logs`, without a look at the detail, which is large.
HAS_TEXTS: Final = "(user_input <> '' OR refined_input IS NOT NULL OR worker_output IS NOT NULL)"


def show_text(text: str, detail: str = "evaluation_detail") -> str:
    """Write in SQL what is shown in a text's place: where it was removed, by which setting."""
    return f"coalesce('removed by ' || ({detail} #>> '{{{REMOVED},by}}'), {text})"


class DetailPart(BaseModel):
    """A part of a detail, of exactly the types that it names."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ObservationDetail(DetailPart):
    """One call of the answer's code, and what came of it."""

    kind: str = ""
    ran: str = ""
    came_back: str = ""
    expected: str = ""
    verdict: str = ""
    reason: str = ""


class ExecutionDetail(DetailPart):
    """What became of running the answer's code."""

    status: str = ""
    reason: str = ""
    backend: str = ""
    layers: list[str] = []
    cpu_ms: float | None = None
    wall_ms: float | None = None
    output: str = ""
    output_cut: bool = False
    observations: list[ObservationDetail] = []


class RuleDetail(DetailPart):
    """A rule and its finding."""

    name: str = ""
    weight: float | None = None
    outcome: str = ""
    reason: str = ""


class CriterionDetail(DetailPart):
    """A criterion of the rubric and its grade in [0, 1]."""

    name: str = ""
    weight: float | None = None
    grade: float | None = None
    reason: str = ""


class JudgeDetail(DetailPart):
    """Who judged, and the grade; `score` is the mean of `judgements` where there are several.

    `second_look` says why one that was called for gave no second grade. `calls` counts what was
    asked of the judge's model, replies that were no grade included; tokens where it told them.
    `cost_usd` is there where all of it is known.
    """

    name: str = "unknown"
    score: float | None = None
    reason: str = ""
    confidence: float | None = None
    criteria: list[CriterionDetail] = []
    judgements: list[float] = []
    spread: float | None = None
    second_look: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    untold_calls: int = 0
    cost_usd: float | None = None

    @property
    def spent(self) -> Spending:
        """What was spent on its model; calls without any tokens weren't told of."""
        has_tokens = self.input_tokens > 0 or self.output_tokens > 0
        return Spending(
            self.calls,
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
            self.untold_calls if has_tokens else self.calls,
        )


class EvaluatorDetail(DetailPart):
    """Which Evaluator gave the score; scores of two fingerprints don't compare."""

    fingerprint: str = ""


class WorkerDetail(DetailPart):
    """Who wrote the answer; `fallback` is `provider:model` where it stood in for the main one.

    `rollout`, `arm` and `unit` are there while a text was being rolled out: its id, which of the
    two texts answered (`candidate` or `incumbent`), and the digest by which that was drawn.
    Tokens and `cost_usd` are there where they are known.
    """

    model: str = ""
    provider: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    fallback: str = ""
    rollout: str = ""
    arm: str = ""
    unit: str = ""


class ErrorDetail(DetailPart):
    """Which service kept the request from a score, and the code of its error."""

    service: str = ""
    code: str = ""


class RemovalDetail(DetailPart):
    """By what the texts of a row were removed, and when; its figures are there still."""

    by: str = ""
    at: str = ""


class EvaluationDetail(DetailPart):
    """All that is told of a score; `reasoning` is what the model wrote before its answer, cut."""

    rule_score: float | None = None
    judge_score: float | None = None
    capped: bool = False
    cap_reasons: list[str] = []
    evidence: str = ""
    caveat: str = ""
    # Made, not copied: a default that holds lists would be deep-copied at every read.
    execution: ExecutionDetail = Field(default_factory=ExecutionDetail)
    rules: list[RuleDetail] = []
    judge: JudgeDetail = Field(default_factory=JudgeDetail)
    evaluator: EvaluatorDetail = EvaluatorDetail()
    worker: WorkerDetail = WorkerDetail()
    error: ErrorDetail = ErrorDetail()
    reasoning: str = ""
    removed: RemovalDetail = RemovalDetail()

    @property
    def failed_rules(self) -> tuple[str, ...]:
        """Names of the rules that failed."""
        return tuple(rule.name for rule in self.rules if rule.outcome == "failed")

    def as_json(self) -> dict[str, Any]:
        """Return the fields that were filled in, as JSON values that can be sent and stored."""
        content: dict[str, Any] = make_storable(self.model_dump(exclude_unset=True))
        return content


def read_detail(value: object) -> EvaluationDetail:
    """Read a detail that may hold anything: what isn't of its field's type is left out."""
    while True:
        try:
            return EvaluationDetail.model_validate(value)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            value = _without(value, [problem["loc"] for problem in problems])


def _without(value: Any, paths: list[tuple[int | str, ...]]) -> Any:
    """Copy a JSON value but for what is at `paths`; nothing is left of it where one is empty."""
    inner: dict[int | str, list[tuple[int | str, ...]]] = {}
    for path in paths:
        if not path:
            return {}
        inner.setdefault(path[0], []).append(path[1:])
    kept = {
        key: _without(item, inner[key]) if key in inner else item
        for key, item in (value.items() if isinstance(value, dict) else enumerate(value))
        if () not in inner.get(key, ())
    }
    return kept if isinstance(value, dict) else list(kept.values())
