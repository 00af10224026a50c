"""Decides from log rows whether a prompt needs work, and says what fails. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, lgamma, log
from statistics import fmean

from services.optimizer.app.services.log.log_records import (
    MAX_ANSWERS_PER_INPUT,
    LoggedResult,
    Record,
    take_first,
)

# What is taken for a healthy failure rate before anything is known: 5 %, worth ten answers.
PRIOR_FAILURES, PRIOR_PASSES = 0.5, 9.5
# Failures are surprising where a window with so many had less than this chance.
SURPRISE_LEVEL = 0.05
# A version that passes less than this is no norm to compare with.
LEAST_NORMAL_PASS_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising a window's failures are.

    Attributes:
        p_value: Chance of so many failures or more, in (0, 1].
        baseline_failure_rate: The failure rate that was expected, in (0, 1).
        baseline_answers: Scored answers that the expectation rests on.
    """

    p_value: float
    baseline_failure_rate: float
    baseline_answers: int
    nothing_passed: bool = False

    @property
    def is_surprising(self) -> bool:
        """Whether chance is a poor explanation; a window without a single pass always is one."""
        return self.nothing_passed or self.p_value <= SURPRISE_LEVEL


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
    surprise: Surprise = field(default=Surprise(0.0, 0.1, 0, nothing_passed=True))

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
    results: Sequence[LoggedResult], *, threshold: int, usual: Sequence[Record] = ()
) -> FailureAnalysis:
    """Look at the scored answers of one prompt, the newest first.

    Of each input the newest five answers count, and all figures are those of what counts. Where
    a share of the answers is scored, how surprising the failures are is rated by the weights.

    Args:
        results: Scored answers within the lookback.
        threshold: Failures from which on the prompt needs optimization, at least 1.
        usual: How the prompt itself did before the lookback, and how the one before it did.
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
        surprise=rate_surprise(weighed.failed, weighed.scored, usual),
    )


def rate_surprise(failures: int, answers: int, usual: Sequence[Record]) -> Surprise:
    """Rate how surprising so many failures are, by the beta-binomial distribution.

    What is usual is the failure rate of the best of the records that can serve as a norm, on top
    of a prior of 5 % that is worth ten answers; with records of hundreds of answers the prior
    hardly counts, and without any three failures of three are surprising and three of a hundred
    aren't.

    Args:
        answers: Scored answers in the window, at least `failures`.
    """
    norms = [record for record in usual if record.pass_rate >= LEAST_NORMAL_PASS_RATE]
    norm = max(norms, key=_expected_pass_rate, default=Record())
    failing = PRIOR_FAILURES + norm.failed
    passing = PRIOR_PASSES + norm.passed
    return Surprise(
        p_value=beta_binomial_tail(failures, answers, failing, passing),
        baseline_failure_rate=failing / (failing + passing),
        baseline_answers=norm.scored,
        nothing_passed=failures == answers > 0,
    )


def beta_binomial_tail(successes: int, trials: int, a: float, b: float) -> float:
    """Compute the chance of `successes` or more of `trials` whose rate is Beta(a, b) distributed.

    Args:
        successes: From 0 to `trials`.
        trials: At least 0.
        a: Prior successes, above 0.
        b: Prior failures, above 0.

    Returns:
        A probability in (0, 1].
    """
    if successes <= 0:
        return 1.0
    tail = sum(
        exp(_log_choose(trials, count) + _log_beta(a + count, b + trials - count) - _log_beta(a, b))
        for count in range(successes, trials + 1)
    )
    return min(1.0, tail)


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


def _expected_pass_rate(record: Record) -> float:
    return (PRIOR_PASSES + record.passed) / (PRIOR_PASSES + PRIOR_FAILURES + record.scored)


def _log_choose(trials: int, successes: int) -> float:
    return lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
