"""Decides from log rows whether a prompt needs work, and says what fails. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from statistics import fmean

from services.common.record.surprise import Record, Served, Surprise, rate_surprise
from services.optimizer.app.services.log.log_records import (
    MAX_ANSWERS_PER_INPUT,
    LoggedResult,
    give_shares,
    take_first,
)


@dataclass(frozen=True, slots=True)
class FailureAnalysis:
    """What the window of a prompt shows.

    Attributes:
        scored_count: Scored answers that count, five of each input at most; unscored ones count
            neither for nor against a prompt.
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
    surprise: Surprise = field(default=Surprise(1.0, 0.05, 0))

    @property
    def reaches_floor(self) -> bool:
        """Whether failures have piled up to the threshold."""
        return self.failure_count >= self.threshold

    @property
    def record(self) -> Record:
        """How many answers count, and how many of them passed."""
        return Record(self.scored_count, self.scored_count - self.failure_count)

    @property
    def needs_optimization(self) -> bool:
        """Whether failures have piled up to the threshold, and more of them than is usual."""
        return self.reaches_floor and self.surprise.is_surprising


def analyze_failures(
    results: Sequence[LoggedResult],
    *,
    threshold: int,
    served: Served | None = None,
    usual: Sequence[Record] = (),
) -> FailureAnalysis:
    """Look at the scored answers of one prompt, the newest first.

    Of each input the newest five answers count, and all figures are those of what counts. How
    surprising the failures are is rated by all that the prompt served.

    Args:
        results: Scored answers within the lookback.
        threshold: Failures from which on the prompt needs optimization, at least 1.
        served: All that the prompt answered, as far as it is read; nothing but `results` where
            that is left out.
        usual: How others did, such as the prompt before it.
    """
    counted = take_first(results, MAX_ANSWERS_PER_INPUT, lambda row: row.text)
    failures = [result for result in counted if not result.passed]
    weighed = Record.of((result.passed, result.weight) for result in counted)
    distinct: dict[str, LoggedResult] = {}
    for failure in failures:
        distinct.setdefault(failure.text, failure)
    counts = Counter(rule for result in failures for rule in result.failed_rules)
    return FailureAnalysis(
        scored_count=len(counted),
        failure_count=len(failures),
        threshold=threshold,
        mean_score=fmean(result.score for result in failures) if failures else None,
        failing=tuple(distinct.values()),
        rule_counts=dict(counts.most_common()),
        surprise=rate_surprise(weighed, served or _serve(results), usual),
    )


def _serve(results: Sequence[LoggedResult]) -> Served:
    return Served(recent=give_shares((row.text, row.passed, row.weight) for row in results[::-1]))


def split_where_it_fell(results: Sequence[LoggedResult]) -> tuple[Record, Record]:
    """Cut a window in two where the pass rate fell most clearly (the likeliest change point).

    A cut explains more than none, whatever the answers: it must gain as much log-likelihood as
    the Bayesian information criterion asks of its two further parameters, and one nat more.

    Args:
        results: Scored answers, the newest first.

    Returns:
        What came before the fall, and what came since; where nothing fell, all came since.
    """
    passes = [result.passed for result in reversed(results)]
    whole = Record(len(passes), sum(passes))
    needed = _log_likelihood(whole) + log(max(1, whole.scored)) + 1
    before, passed = Record(), 0
    for position, passes_here in enumerate(passes[:-1], 1):
        passed += passes_here
        early = Record(position, passed)
        late = Record(whole.scored - position, whole.passed - passed)
        likelihood = _log_likelihood(early) + _log_likelihood(late)
        if early.pass_rate > late.pass_rate and likelihood > needed:
            needed, before = likelihood, early
    return before, Record(whole.scored - before.scored, whole.passed - before.passed)


def _log_likelihood(record: Record) -> float:
    """Compute the log-likelihood of a record under the pass rate that fits it best."""
    rate = record.pass_rate
    passing = record.passed * log(rate) if record.passed else 0.0
    return passing + (record.failed * log(1 - rate) if record.failed else 0.0)
