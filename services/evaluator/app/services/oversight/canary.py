"""The canary: labelled answers that are scored on a schedule, to notice that judging changed.

The fingerprint shows every change that is made here. What it can't show is a hosted model that
its provider changed behind the same name, or a machine on which code doesn't run any more as it
did. Answers that are known to be right or wrong show both.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from services.common.errors import ServiceError, UnscoredError
from services.common.logging import get_logger
from services.common.resilience.background import Background
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    LabelledAnswer,
    Score,
    make_request,
)
from services.evaluator.app.services.oversight.canary_baselines import CanaryBaselines

# Of twelve answers one counts 0.083: a single one that tips over is noise, two are a drop.
LARGEST_DROP = 0.1
LEAST_SCORED_SHARE = 0.75
KEPT_ROUNDS = 48

log = get_logger()


@dataclass(frozen=True, slots=True)
class CanaryRound:
    """The outcome of one round over the labelled answers.

    Attributes:
        wrong: Ids of those that were judged wrongly.
        problem: Why some have no score, in the words of the last failure.
        wrongly_passed: How many of the wrong ones were passed.
    """

    items: int
    scored: int
    agreeing: int
    wrong: tuple[str, ...] = ()
    problem: str = ""
    wrongly_passed: int = 0

    @property
    def leaning(self) -> str:
        """Which way most of the wrong ones were judged: `lenient`, `harsh`; else empty."""
        wrongly_failed = len(self.wrong) - self.wrongly_passed
        if self.wrongly_passed == wrongly_failed:
            return ""
        return "lenient" if self.wrongly_passed > wrongly_failed else "harsh"

    @property
    def agreement(self) -> float | None:
        """Share judged rightly of those scored, in [0, 1]; None where too few were scored."""
        if not self.items or self.scored < LEAST_SCORED_SHARE * self.items:
            return None
        return self.agreeing / self.scored

    @property
    def is_whole(self) -> bool:
        """Whether every answer was scored, so that later rounds may be compared with this one."""
        return 0 < self.items == self.scored


@dataclass(frozen=True, slots=True)
class CanaryStatus:
    """What the rounds up to now have shown.

    Attributes:
        state: `waiting` before the first round; `unknown` where the last one scored too little.
        agreement: Agreement of the last round, in [0, 1].
        baseline: Agreement of the first whole round under this fingerprint, in [0, 1].
        degraded: Whether the agreement dropped by more than 0.1 since then. Stays as it was
            while the agreement is unknown.
        leaning: `lenient` or `harsh` where it is degraded and mostly errs one way; else empty.
        problem: Why the agreement is unknown, or some answers have no score.
    """

    state: str = "waiting"
    agreement: float | None = None
    baseline: float | None = None
    degraded: bool = False
    leaning: str = ""
    wrong: tuple[str, ...] = ()
    problem: str = ""
    checked_at: str = ""

    def as_condition(self) -> dict[str, Any]:
        """Return the status as `/health/ready` shows it."""
        canary = asdict(self)
        return {"degraded": canary.pop("degraded"), "canary": canary}


def weigh(
    latest: CanaryRound, baseline: float | None, before: CanaryStatus, now: str
) -> CanaryStatus:
    """Compare a round with the baseline. Pure.

    Args:
        baseline: The agreement to compare with; None where this is the first round.
        now: When the round ended, in ISO 8601.
    """
    agreement = latest.agreement
    if agreement is None:
        return CanaryStatus(
            state="unknown",
            baseline=baseline,
            degraded=before.degraded,
            leaning=before.leaning,
            problem=f"{latest.scored} of {latest.items} were scored. {latest.problem}".strip(),
            checked_at=now,
        )
    if baseline is None and latest.is_whole:
        baseline = agreement
    degraded = baseline is not None and baseline - agreement > LARGEST_DROP
    return CanaryStatus(
        state="degraded" if degraded else "steady",
        agreement=agreement,
        baseline=baseline,
        degraded=degraded,
        leaning=latest.leaning if degraded else "",
        wrong=latest.wrong,
        problem=latest.problem,
        checked_at=now,
    )


async def score_canary(score: Score, items: Sequence[LabelledAnswer]) -> CanaryRound:
    """Score the labelled answers one after the other, so that users' answers come first."""
    scored, wrong, wrongly_passed, problem = 0, [], 0, ""
    for item in items:
        try:
            verdict, _ = await score(make_request(item.request, item.answer))
        except UnscoredError as error:
            problem = error.message
            continue
        scored += 1
        if verdict.passed != item.passes:
            wrong.append(item.id)
            wrongly_passed += verdict.passed
    return CanaryRound(
        items=len(items),
        scored=scored,
        agreeing=scored - len(wrong),
        wrong=tuple(wrong),
        problem=problem,
        wrongly_passed=wrongly_passed,
    )


class CanaryWatch(Background):
    """Scores the canary at start-up, in the background, and then on a schedule.

    A drop shows in `/health/ready` and as a metric, and stops nothing here: a service that isn't
    ready takes the whole system down, while a judge that errs more often than before still tells
    most answers apart. The Optimizer looks at it before it heals prompts by these scores.

    Args:
        fingerprint: Called before each round, since it changes with the sandbox.
        interval_seconds: Time from the end of a round to the beginning of the next.

    Attributes:
        history: The latest rounds since the start, the oldest first.
    """

    def __init__(
        self,
        score: Score,
        items: Sequence[LabelledAnswer],
        baselines: CanaryBaselines,
        *,
        fingerprint: Callable[[], str],
        interval_seconds: float,
        on_status: Callable[[CanaryStatus], None],
    ) -> None:
        self._score = score
        self._items = items
        self._baselines = baselines
        self._fingerprint = fingerprint
        self._interval_seconds = interval_seconds
        self._on_status = on_status
        self._latest: tuple[str, CanaryRound] | None = None
        self.status = CanaryStatus()
        self.history: deque[dict[str, Any]] = deque(maxlen=KEPT_ROUNDS)

    async def run_once(self) -> CanaryStatus:
        """Do one round: score, compare, keep the baseline if this is the first, log the status."""
        fingerprint = self._fingerprint()
        latest = await score_canary(self._score, self._items)
        self._latest = fingerprint, latest
        baseline = self._baselines.load(fingerprint)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.status = weigh(latest, baseline, self.status, now)
        names = ("checked_at", "state", "agreement")
        self.history.append({name: getattr(self.status, name) for name in names})
        if baseline is None and latest.is_whole and latest.agreement is not None:
            try:
                self._baselines.keep(fingerprint, latest.agreement)
            except OSError as error:
                # A later round, or the next start, makes it the baseline then.
                log.warning("canary_baseline_not_kept", problem=str(error))
        self._tell(fingerprint)
        return self.status

    def reconsider(self) -> None:
        """Compare the last round again where its baseline is another since.

        An Evaluator that lost its baselines, or never had any, makes its first round the baseline
        until it is given the one that the others compare with.
        """
        if self._latest is None:
            return
        fingerprint, latest = self._latest
        baseline = self._baselines.load(fingerprint)
        if baseline not in (None, self.status.baseline):
            self.status = weigh(latest, baseline, self.status, self.status.checked_at)
            self._tell(fingerprint)

    def _tell(self, fingerprint: str) -> None:
        is_bad = self.status.degraded or self.status.agreement is None
        tell = log.warning if is_bad else log.info
        tell("canary_scored", fingerprint=fingerprint, **asdict(self.status))
        self._on_status(self.status)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except ServiceError as error:
                log.error("canary_failed", code=error.code, message=error.message)
            await asyncio.sleep(self._interval_seconds)
