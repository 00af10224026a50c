"""Figures of a soak: slopes with their intervals, growth, and what became of bad deploys. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, groupby
from statistics import median
from typing import Any, Final

from benchmarks.open_load import Outcome, Sent

HOUR: Final = 3600.0
# Of a normal distribution, 95 % lie within so many standard deviations.
Z: Final = 1.96
# Share of the time by which the database's growth is reckoned for the rest.
FIRST_PART: Final = 1 / 3
# A prompt heals where so many answers under it were scored, and such a share of them passed.
FEWEST_ANSWERS: Final = 10
HEALED_SHARE: Final = 0.9

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast a figure grows, by the hour, with its 95 % interval; None where nothing is known.

    Attributes:
        points: How many points it rests on, in so many lives of the process.
    """

    per_hour: float | None
    low: float | None
    high: float | None
    points: int
    lives: int


def fit_slope(lives: Iterable[Points]) -> Slope:
    """Fit one slope to the lives of a process that was restarted again and again.

    The median of the slopes of all pairs within a life (Theil and Sen; over blocks, Hirsch, Slack
    and Smith 1982), which outliers hardly move; the interval is of the ranks of these slopes, by
    the variance of Kendall's sum (Gilbert 1987). It takes points for independent, so it is too
    narrow where what a process holds changes slowly: give medians of longer times.

    Args:
        lives: Points (seconds, value) of each life.
    """
    kept = [life for life in lives if len(life) > 1]
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0]) * HOUR
        for life in kept
        for earlier, later in combinations(sorted(life), 2)
        if later[0] > earlier[0]
    )
    points = sum(map(len, kept))
    if not slopes:
        return Slope(None, None, None, points, len(kept))
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in map(len, kept))
    half = Z * math.sqrt(variance)
    last = len(slopes) - 1
    low = slopes[max(0, math.floor((len(slopes) - half) / 2))]
    high = slopes[min(last, math.ceil((len(slopes) + half) / 2))]
    return Slope(median(slopes), low, high, points, len(kept))


def thin(points: Points, seconds: float) -> list[tuple[float, float]]:
    """Take the median of each so many seconds, of times and of values."""
    blocks = groupby(points, key=lambda point: int(point[0] // seconds))
    return [
        (median(at for at, _ in block), median(value for _, value in block))
        for block in (list(group) for _, group in blocks)
    ]


@dataclass(frozen=True, slots=True)
class Growth:
    """How the database grew, against what was reckoned from the first part.

    Attributes:
        bytes_a_request: In the first part.
        reckoned_mb: For the rest, at that.
        grown_mb: In the rest.
    """

    bytes_a_request: float
    reckoned_mb: float
    grown_mb: float


def reckon_growth(sizes: Sequence[tuple[float, int, int]]) -> Growth | None:
    """Reckon the growth of the rest from the first third; None where a part has no requests.

    Args:
        sizes: Seconds, bytes of the database, requests acknowledged until then.
    """
    if not sizes:
        return None
    (start, size, requests), (end, last_size, last_requests) = sizes[0], sizes[-1]
    _, middle_size, middle_requests = next(
        one for one in sizes if one[0] >= start + (end - start) * FIRST_PART
    )
    first, rest = middle_requests - requests, last_requests - middle_requests
    if not first or not rest:
        return None
    each = (middle_size - size) / first
    return Growth(each, each * rest / 1e6, (last_size - middle_size) / 1e6)


@dataclass(frozen=True, slots=True)
class Serving:
    """A time in which a prompt served, and how its own answers did.

    Attributes:
        version: The prompt's.
        since: When it began to serve.
        scored, passed: Its answers; a canary's candidate's don't count.
    """

    prompt_id: int
    version: int
    since: datetime
    scored: int
    passed: int

    @property
    def share(self) -> float | None:
        """Share of its scored answers that passed; None where there is none."""
        return self.passed / self.scored if self.scored else None

    def seconds_since(self, earlier: "Serving") -> float:
        """Return the seconds from when another prompt began to serve."""
        return (self.since - earlier.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Heal:
    """What became of a bad deploy until the next one.

    Attributes:
        name, kind: The bad prompt's.
        at_seconds: When it was deployed.
        bad_share: Share of its answers that passed.
        healed_seconds: Time until the prompt began to serve that served in the end, and whose
            answers pass; None where there is none.
        healed_share: Share of that one's answers that passed.
        canary_seconds: How much of that time a canary was open.
        is_over: Whether there was as much time as is planned.
    """

    name: str
    kind: str
    at_seconds: float
    bad_share: float | None
    healed_seconds: float | None
    healed_share: float | None
    canary_seconds: float
    is_over: bool


def find_heal(
    served: Sequence[Serving], deployed_id: int, others: Iterable[int]
) -> tuple[Serving | None, Serving | None]:
    """Find when a bad prompt served first, and the serving that healed it.

    That is the last one before the next deploy, if its answers pass.

    Args:
        served: In the order of time.
        deployed_id: The bad prompt.
        others: All prompts that were deployed.
    """
    start = next((i for i, one in enumerate(served) if one.prompt_id == deployed_id), None)
    if start is None:
        return None, None
    bad, last, rest = served[start], None, set(others) - {deployed_id}
    for one in served[start + 1 :]:
        if one.prompt_id in rest:
            break
        last = one
    if last is None or last.prompt_id == deployed_id or last.scored < FEWEST_ANSWERS:
        return bad, None
    return bad, last if (last.share or 0) >= HEALED_SHARE else None


def count_outcomes(
    sent: Iterable[Sent], outcome: Outcome, windows: Sequence[tuple[float, float]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Count requests of an outcome by cause: within the windows, and outside.

    One that was under way in a window at any moment is within.

    Args:
        windows: Beginnings and ends, by the clock of `Sent`.
    """
    within: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for one in sent:
        if one.outcome == outcome:
            is_within = any(one.due_at <= end and one.ended_at >= start for start, end in windows)
            (within if is_within else outside)[one.code] += 1
    return dict(sorted(within.items())), dict(sorted(outside.items()))


def split_lives(
    samples: Iterable[Mapping[str, Any]], name: str, *, warm_up_seconds: float, block: float
) -> list[list[tuple[float, float]]]:
    """Split a part's samples by the process's lives, without each one's warm-up, thinned.

    Args:
        samples: In the order of time; `life` and `age` say how often and how long ago the process
            was started.
        name: Which figure.
    """
    lives = groupby(samples, key=lambda sample: sample["life"])
    return [
        thin(
            [(one["at"], one[name]) for one in group if one["age"] >= warm_up_seconds],
            block,
        )
        for _, group in lives
    ]
