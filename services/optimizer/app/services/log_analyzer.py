"""Decides from log rows whether a prompt needs work, and says what fails. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class LoggedResult:
    """What a log row tells: input, answer, score in [0, 1], and the rules that failed."""

    user_input: str
    refined_input: str
    score: float
    passed: bool
    failed_rules: tuple[str, ...] = ()
    worker_output: str = ""


@dataclass(frozen=True, slots=True)
class FailureAnalysis:
    """What the window of a prompt shows.

    Attributes:
        scored_count: Scored answers; unscored ones count neither for nor against a prompt.
        failure_count: Those that failed.
        threshold: Failures from which on the prompt needs optimization.
        mean_score: Mean score of the failures, in [0, 1]; None where there is none.
        failing: One result for each distinct failing input, the newest first.
        rule_counts: How often each rule failed among the failures, the most frequent first.
    """

    scored_count: int
    failure_count: int
    threshold: int
    mean_score: float | None
    failing: tuple[LoggedResult, ...]
    rule_counts: dict[str, int]

    @property
    def needs_optimization(self) -> bool:
        """Whether failures have piled up to the threshold."""
        return self.failure_count >= self.threshold


def analyze_failures(results: Sequence[LoggedResult], *, threshold: int) -> FailureAnalysis:
    """Look at the scored answers of one prompt, the newest first.

    Args:
        results: Scored answers within the lookback.
        threshold: Failures from which on the prompt needs optimization, at least 1.
    """
    failures = [result for result in results if not result.passed]
    distinct: dict[str, LoggedResult] = {}
    for failure in failures:
        distinct.setdefault(failure.refined_input, failure)
    counts = Counter(rule for result in failures for rule in result.failed_rules)
    return FailureAnalysis(
        scored_count=len(results),
        failure_count=len(failures),
        threshold=threshold,
        mean_score=fmean(result.score for result in failures) if failures else None,
        failing=tuple(distinct.values()),
        rule_counts=dict(counts.most_common()),
    )
