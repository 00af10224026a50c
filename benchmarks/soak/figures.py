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
FEWEST_ANSWERS, HEALED_SHARE = 10, 0.9

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


def split_lives(
    samples: Iterable[Mapping[str, Any]], name: str, *, warm_up: float, block: float
) -> list[list[tuple[float, float]]]:
    """Split a part's samples by the process's lives, without each one's warm-up.

    Args:
        samples: In the order of time; `life` and `age` say how often and how long ago, in seconds,
            the process was started.
        name: Which figure; of each block of so many seconds its median is taken.
    """
    lives = (list(group) for _, group in groupby(samples, key=lambda sample: sample["life"]))
    warm = ([one for one in life if one["age"] >= warm_up] for life in lives)
    return [
        [
            (median(one["at"] for one in points), median(one[name] for one in points))
            for _, group in groupby(life, key=lambda sample: int(sample["at"] // block))
            if (points := list(group))
        ]
        for life in warm
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
        since: When it began to serve.
        scored, passed: Its answers; a canary's candidate's don't count.
    """

    prompt_id: int
    since: datetime
    scored: int
    passed: int

    @property
    def share(self) -> float | None:
        """Share of its scored answers that passed; None where there is none."""
        return self.passed / self.scored if self.scored else None


def judge_deploy(
    served: Sequence[Serving], prompt_id: int, deployed: Iterable[int]
) -> dict[str, float | None]:
    """Tell whether a bad deploy was healed: by what served last before the next deploy.

    Args:
        served: In the order of time.
        prompt_id: The bad prompt.
        deployed: All prompts that were deployed.

    Returns:
        The share of its answers that passed; and, where the last one's answers pass, the seconds
        until that began to serve, and the share of its answers that passed.
    """
    told: dict[str, float | None] = dict.fromkeys(("bad_share", "healed_seconds", "healed_share"))
    start = next((i for i, one in enumerate(served) if one.prompt_id == prompt_id), None)
    if start is None:
        return told
    last, others = served[start], set(deployed) - {prompt_id}
    told["bad_share"] = last.share
    for one in served[start + 1 :]:
        if one.prompt_id in others:
            break
        last = one
    is_other = last.prompt_id != prompt_id and last.scored >= FEWEST_ANSWERS
    if is_other and (last.share or 0) >= HEALED_SHARE:
        told["healed_seconds"] = (last.since - served[start].since).total_seconds()
        told["healed_share"] = last.share
    return told


def count_outcomes(
    sent: Iterable[Sent], outcome: Outcome, windows: Sequence[tuple[float, float]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Count requests of an outcome by cause: those under way in a window, and the others.

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
