"""Says how sure a share is: exact binomial tails, and Clopper-Pearson bounds. Pure."""

from math import comb

# Halvings of [0, 1] by which a bound is found: to within 1e-12.
HALVINGS = 40


def binomial_tail(successes: int, trials: int, rate: float) -> float:
    """Compute the chance of `successes` or more of `trials`, each of which succeeds at `rate`.

    Args:
        successes: Any number; 0 or less is certain, more than `trials` impossible.
        trials: At least 0.
        rate: In [0, 1].

    Returns:
        A probability in [0, 1].
    """
    least = max(0, successes)
    terms = (
        comb(trials, count) * rate**count * (1 - rate) ** (trials - count)
        for count in range(least, trials + 1)
    )
    return 1.0 if least == 0 else min(1.0, sum(terms))


def fisher_tail(passed: int, of: int, others_passed: int, others: int) -> float:
    """Compute the chance that so few pass or fewer, if these are no harder than the others.

    Fisher's exact test, one-sided ("The Design of Experiments", 1935): so many pass in all, and
    which ones is chance.

    Args:
        passed: From 0 to `of`.
        others_passed: From 0 to `others`.

    Returns:
        A probability in (0, 1].
    """
    passing, failing = passed + others_passed, of + others - passed - others_passed
    ways = sum(
        comb(passing, count) * comb(failing, of - count)
        for count in range(max(0, of - failing), passed + 1)
    )
    return ways / comb(of + others, of)


def rate_bounds(successes: int, trials: int, *, level: float) -> tuple[float, float]:
    """Bound a rate from both sides (Clopper and Pearson, Biometrika 26, 1934).

    Each bound alone is wrong in at most `level` of all cases, whatever the rate is.

    Args:
        successes: From 0 to `trials`.
        trials: At least 0; of none nothing is known.
        level: In (0, 0.5).

    Returns:
        The lower and the upper bound, in [0, 1].
    """
    failures = trials - successes
    lower = _least_rate(successes, trials, level) if successes else 0.0
    upper = 1 - _least_rate(failures, trials, level) if failures else 1.0
    return lower, upper


def _least_rate(successes: int, trials: int, level: float) -> float:
    """Find the rate at which so many successes or more have just this chance."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if binomial_tail(successes, trials, middle) < level:
            low = middle
        else:
            high = middle
    return low
