"""Rates how surprising failures are, given how answers did before. Pure.

Two gamblers stake shares of their wealth on each answer's failing, at odds that are fair if it
fails as often as is usual. If it does, neither wealth can be expected to grow. One began with 1 at
the activation: that it ever reaches 20 has a chance of 5 % at most (Ville's inequality). The other
is given 1 before each answer, so that it may begin wherever failures became more frequent; that its
wealth reaches N takes N answers on average, or more: an e-detector of the Shiryaev-Roberts kind
(Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
New England Journal of Statistics in Data Science 2, 2024). How often answers usually fail isn't
known but learnt from those before, with a beta prior (docs/decisions/0038).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, lgamma, log

# What is taken for a healthy failure rate before anything is known: 5 %, worth 15 answers.
PRIOR_FAILURES, PRIOR_PASSES = 0.75, 14.25
# A version that passes less than this is no norm to compare with.
LEAST_NORMAL_PASS_RATE = 0.5
# Fewer failures than this are never relied on: a few odd inputs would be a breakdown.
LEAST_FAILURE_RATE = 0.01
# Chance of a false alarm in the whole life of an activation.
ACTIVATION_LEVEL = 0.05
# Healthy answers to a false alarm: half as many again as the 144,000 of thirty days at 100 requests
# in 30 minutes, since a failure rate that is known from 2,000 answers alone is off by a tenth.
RUN_LENGTH = 216_000
# Shares of the wealth that are staked, alike: from failures that become a little more frequent to
# straight ones.
STAKES = (0.1, 0.25, 0.5, 0.8)
# Wealth is cut here, which takes nothing from what is said of it, and is far above all that alarms.
LARGEST_WEALTH = 1e12
ACTIVATION, SERVICE = "activation", "service"


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

    def __str__(self) -> str:
        return f"{self.passed} of {self.scored}"

    @property
    def failed(self) -> int:
        """How many didn't pass."""
        return self.scored - self.passed

    @property
    def pass_rate(self) -> float:
        """Share that passed, in [0, 1]; 0 where nothing was scored."""
        return self.passed / self.scored if self.scored else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer did.

    Attributes:
        share: What it counts for, in (0, 1]; less than 1 where it stands for fewer answers than
            others do.
        nth: Which answer to one and the same input it is, from 1: what fails one time does again,
            which says little of other inputs.
    """

    passed: bool
    share: float = 1.0
    nth: int = 1


@dataclass(slots=True)
class ChangeDetector:
    """The gambler who may begin at each answer, and what he holds usual.

    Attributes:
        failures: Failures that what is usual rests on, with the prior's, above 0; it learns from
            each answer once that was bet on.
        passes: Passes likewise, above 0.
    """

    failures: float = PRIOR_FAILURES
    passes: float = PRIOR_PASSES
    _wealth: list[float] = field(default_factory=lambda: [0.0] * len(STAKES))

    @property
    def usual_failure_rate(self) -> float:
        """The failure rate that the next bet is fair at, in [0.01, 0.5]."""
        rate = self.failures / (self.failures + self.passes)
        return min(max(rate, LEAST_FAILURE_RATE), 1 - LEAST_NORMAL_PASS_RATE)

    @property
    def wealth(self) -> float:
        """The mean of the wealth over the stakes, at least 0."""
        return sum(self._wealth) / len(STAKES)

    def bet(self, outcome: Outcome) -> None:
        """Bet on an answer, and learn from it.

        A share of an answer is won or lost to that power, which by Bernoulli's inequality is no
        better than to bet that much less.
        """
        odds = -1.0 if outcome.passed else 1 / self.usual_failure_rate - 1
        factors = [1 + stake * odds for stake in STAKES]
        share = outcome.share / outcome.nth
        if share < 1:
            factors = [factor**share for factor in factors]
        grown = [(w + 1) * factor for w, factor in zip(self._wealth, factors, strict=True)]
        self._wealth = grown if outcome.passed else [min(w, LARGEST_WEALTH) for w in grown]
        self.learn(outcome)

    def learn(self, outcome: Outcome) -> None:
        """Learn from an answer what is usual, without a bet."""
        if outcome.passed:
            self.passes += outcome.share / outcome.nth
        else:
            self.failures += outcome.share / outcome.nth


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising failures are.

    Attributes:
        p_value: Chance of so many failures or more in a window that is looked at once, in (0, 1].
        baseline_failure_rate: The failure rate that was expected, in (0, 1).
        baseline_answers: Scored answers that the expectation rests on.
        e_value: Wealth of the gambler who shows the most, at least 0: if answers fail as usual, its
            mean is 1 at most (`activation`), or how many there were (`service`).
        clock: Which that is, `activation` or `service`.
        alarm_at: The e-value from which on it alarms.
    """

    p_value: float
    baseline_failure_rate: float
    baseline_answers: int
    e_value: float = 0.0
    clock: str = ACTIVATION
    alarm_at: float = 1 / ACTIVATION_LEVEL

    @property
    def is_surprising(self) -> bool:
        """Whether chance is a poor explanation, however often one looks."""
        return self.e_value >= self.alarm_at


@dataclass(frozen=True, slots=True)
class Served:
    """What a prompt answered since it serves, as far as it is read, the oldest first.

    Attributes:
        earlier: Answers that what is usual is learnt from alone.
        recent: Those that may show a change.
        is_whole: Whether that is all since its activation.
    """

    earlier: Sequence[Outcome] = ()
    recent: Sequence[Outcome] = ()
    is_whole: bool = True


def rate_surprise(window: Record, served: Served, usual: Sequence[Record] = ()) -> Surprise:
    """Rate how surprising a prompt's failures are by the gambler who shows the most.

    Since its activation it is compared with how others did, as far as all its answers are read;
    and with how it did itself before any change.

    Args:
        window: How many answers of the lookback failed, for the p-value.
        usual: Records of others; the best that can serve as a norm is taken.
    """
    read = (*served.earlier, *served.recent)
    before = read[: max(0, len(read) - window.scored)]
    own = Record.of((outcome.passed, outcome.share) for outcome in before)
    norm = find_norm([*usual, own])
    failing, passing = PRIOR_FAILURES + norm.failed, PRIOR_PASSES + norm.passed
    found = [(detect_change(served), SERVICE, float(RUN_LENGTH))]
    if served.is_whole:
        since = compare_activation(read, find_norm(usual))
        found.append((since, ACTIVATION, 1 / ACTIVATION_LEVEL))
    e_value, clock, alarm_at = max(found, key=lambda one: one[0] / one[2])
    return Surprise(
        p_value=beta_binomial_tail(window.failed, window.scored, failing, passing),
        baseline_failure_rate=failing / (failing + passing),
        baseline_answers=norm.scored,
        e_value=e_value,
        clock=clock,
        alarm_at=alarm_at,
    )


def compare_activation(outcomes: Sequence[Outcome], norm: Record) -> float:
    """Compute the wealth of who bets since an activation that answers fail more than a norm's.

    It is the likelihood of the answers under failure rates above the norm's, in equal parts, over
    that under the rate which the norm tells of; their order doesn't matter.

    Returns:
        An e-value, at least 0.
    """
    failing = PRIOR_FAILURES + norm.failed
    passing = min(PRIOR_PASSES + norm.passed, failing * (1 / LEAST_FAILURE_RATE - 1))
    failed = sum(outcome.share for outcome in outcomes if not outcome.passed)
    passed = sum(outcome.share for outcome in outcomes if outcome.passed)
    usual = log_beta(failing + failed, passing + passed) - log_beta(failing, passing)
    pass_rate = passing / (failing + passing)
    gains = (
        failed * log(1 - pass_rate * (1 - stake)) + passed * log(pass_rate * (1 - stake)) - usual
        for stake in STAKES
    )
    return sum(exp(min(gain, log(LARGEST_WEALTH))) for gain in gains) / len(STAKES)


def detect_change(served: Served) -> float:
    """Compute the wealth of who bets that a prompt's answers came to fail more than they did.

    Returns:
        The value of an e-detector, at least 0.
    """
    detector = ChangeDetector()
    for outcome in served.earlier:
        detector.learn(outcome)
    for outcome in served.recent:
        detector.bet(outcome)
    return detector.wealth


def find_norm(usual: Sequence[Record]) -> Record:
    """Find the best record that can serve as a norm; an empty one where none can."""
    norms = [record for record in usual if record.pass_rate >= LEAST_NORMAL_PASS_RATE]
    return max(norms, key=_expected_pass_rate, default=Record())


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
