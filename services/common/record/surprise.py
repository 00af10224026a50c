"""Rates how surprising failures are, given how answers did before. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, lgamma

# What is taken for a healthy failure rate before anything is known: 5 %, worth ten answers.
PRIOR_FAILURES, PRIOR_PASSES = 0.5, 9.5
# Failures are surprising where a window with so many had less than this chance.
SURPRISE_LEVEL = 0.05
# A version that passes less than this is no norm to compare with.
LEAST_NORMAL_PASS_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Record:
    """How many scored answers a prompt gave, and how many of them passed."""

    scored: int = 0
    passed: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[tuple[bool, float]]) -> "Record":
        """Count outcomes; where they weigh differently, at the rate that the weights make.

        Args:
            outcomes: Whether each answer passed, and how many answers it stands for.
        """
        known = list(outcomes)
        weight = sum(weight for _, weight in known)
        passing = sum(weight for passed, weight in known if passed)
        return cls(len(known), round(len(known) * passing / weight) if known else 0)

    @property
    def failed(self) -> int:
        """How many didn't pass."""
        return self.scored - self.passed

    @property
    def pass_rate(self) -> float:
        """Share that passed, in [0, 1]; 0 where nothing was scored."""
        return self.passed / self.scored if self.scored else 0.0


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
        exp(_log_choose(trials, count) + log_beta(a + count, b + trials - count) - log_beta(a, b))
        for count in range(successes, trials + 1)
    )
    return min(1.0, tail)


def _expected_pass_rate(record: Record) -> float:
    return (PRIOR_PASSES + record.passed) / (PRIOR_PASSES + PRIOR_FAILURES + record.scored)


def _log_choose(trials: int, successes: int) -> float:
    return lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1)


def log_beta(a: float, b: float) -> float:
    """Compute the logarithm of the beta function of two numbers above 0."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)
