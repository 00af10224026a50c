"""Decides what needs a person now, the gravest first. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from services.common.presentation.visible_text import make_visible_line
from services.common.presentation.wordings import FAULTS
from services.common.record.outcomes import CANARY
from services.common.record.surprise import Outcome, Record, Served, rate_surprise

# When the Optimizer acts, unless its settings say otherwise.
WINDOW: Final = timedelta(minutes=30)
FAILURE_THRESHOLD: Final = 3
LATE: Final = timedelta(minutes=10)
QUIET: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the Optimizer, as far as this page tells of it; `version` is what it activated."""

    id: UUID
    task_type: str
    decision: str
    reason: str
    fault: str | None
    resolution: str | None
    resolved_at: datetime | None
    created_at: datetime
    version: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a task type now; counts are those of the window.

    Attributes:
        outcomes: Whether each scored answer of the version that serves passed, the oldest first,
            300 at most.
        own: How that version did before the window; `previous` is how the one before it did.
        unscored: Answers that an error kept from having a score.
        pending_since: Since when the oldest answer waits for its score.
        looked_at: The latest run since these failures began.
        trying_since: When a heal that hasn't ended yet last made a candidate.
        proposal: A proven text that waits for a person.
        watch_since: Since when a promotion is under watch; `watch_run_id` is where it came from.
        rollback: The latest rollback within a day.
        beaten_by: The latest run in which a repair was proven better than the very text that
            serves.
        requests: Requests of the last 24 hours.
        tokens: Tokens since midnight UTC.
    """

    task_type: str
    version: int
    outcomes: tuple[bool, ...] = ()
    own: Record = field(default=Record())
    previous: Record = field(default=Record())
    unscored: int = 0
    pending: int = 0
    pending_since: datetime | None = None
    looked_at: Run | None = None
    trying_since: datetime | None = None
    proposal: Run | None = None
    watch_since: datetime | None = None
    watch_run_id: UUID | None = None
    rollback: Run | None = None
    beaten_by: UUID | None = None
    requests: int = 0
    tokens: int = 0
    last_request_at: datetime | None = None

    @property
    def scored(self) -> int:
        """Count the scored answers."""
        return len(self.outcomes)

    @property
    def failed(self) -> int:
        """Count those that didn't pass."""
        return self.scored - sum(self.outcomes)

    @property
    def is_failing(self) -> bool:
        """Whether failures have piled up to what the Optimizer acts on, beyond what is usual.

        Answers before the window are known in sum alone, which tells nothing of an activation.
        """
        served = Served(
            [Outcome(n < self.own.passed) for n in range(self.own.scored)],
            [Outcome(passed) for passed in self.outcomes],
            is_whole=not self.own.scored,
        )
        surprise = rate_surprise(Record(self.scored, sum(self.outcomes)), served, [self.previous])
        return self.failed >= FAILURE_THRESHOLD and surprise.is_surprising


@dataclass(frozen=True, slots=True)
class Concern:
    """Something to know or to do.

    Attributes:
        gravity: Its rank; 0 is the gravest.
        kind: `bad`, `warn` or `info`; the last needs nothing to be done.
        state: What it makes of a task type, in a word or two.
        texts: Sentences with places for `values`.
        action: What the link to `url` says, where it is handled.
    """

    gravity: int
    kind: str
    state: str
    texts: tuple[str, ...]
    action: str
    url: str
    since: datetime | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    task_type: str = ""


def list_concerns(
    facts: Iterable[Facts],
    *,
    now: datetime,
    job_since: datetime | None = None,
    counted_at: datetime | None = None,
) -> list[Concern]:
    """List what needs a person now, the gravest first.

    Args:
        job_since: Since when the oldest job waits that no Optimizer has taken.
        counted_at: When a Manager last counted the traffic; None where none ever did.
    """
    found = [
        replace(concern, values=_values_of(it), task_type=it.task_type)
        for it in facts
        for concern in _look_at(it, now)
    ]
    if job_since is not None and now - job_since > LATE:
        told = "No Optimizer takes what was asked of it. See that one runs."
        found.append(
            Concern(6, "warn", "Waits", (told,), "See what runs", "/settings/condition", job_since)
        )
    if counted_at is not None and now - counted_at > LATE:
        told = (
            "No Manager counts the requests any more, so the charts below end. See that one runs."
        )
        found.append(
            Concern(7, "warn", "Old", (told,), "See what runs", "/settings/condition", counted_at)
        )
    return sorted(found, key=lambda concern: (concern.gravity, concern.task_type))


def _look_at(it: Facts, now: datetime) -> Iterator[Concern]:
    answers_url = "/requests?" + urlencode({"task_type": it.task_type})
    if it.is_failing:
        yield _explain_failures(it, now)
    elif it.proposal is not None:
        told = "A proven repair of %(task_type)s waits for your answer: approve or reject it."
        url, since = heal_url(it.proposal.id), it.proposal.created_at
        yield Concern(1, "warn", "Waits for an answer", (told,), "Answer it", url, since)
    if it.beaten_by is not None and not it.is_failing:
        told = (
            "Version %(version)s of %(task_type)s has a text that a repair was proven better than. "
            "See whether that repair is to serve again."
        )
        url = heal_url(it.beaten_by)
        yield Concern(1, "warn", "Proven worse", (told,), "See the heal", url)
    if it.watch_since is not None:
        told = (
            "Version %(version)s of %(task_type)s was healed and is under watch: the autopilot, or "
            "the next run of the Optimizer, rolls it back if it does worse."
        )
        url = heal_url(it.watch_run_id)
        yield Concern(2, "info", "Under watch", (told,), "See the heal", url, it.watch_since)
    if it.rollback is not None:
        told = (
            "A repair of %(task_type)s was rolled back within the last 24 hours: it did worse than "
            "what it had replaced. See whether the present text will do."
        )
        url, since = heal_url(it.rollback.id), it.rollback.created_at
        yield Concern(3, "warn", "Rolled back", (told,), "See why", url, since)
    if it.unscored >= FAILURE_THRESHOLD and it.unscored > it.scored:
        told = (
            "%(unscored)s answers of %(task_type)s got no score in the last 30 minutes, so nothing "
            "is known of them and nothing is healed. See what their errors say."
        )
        url = answers_url + "&outcome=unscored"
        yield Concern(4, "warn", "Unscored", (told,), "See the answers", url)
    elif it.pending_since is not None and now - it.pending_since > LATE:
        told = (
            "%(pending)s answers of %(task_type)s wait for their scores. See that the Evaluator "
            "keeps up."
        )
        url = "/evaluator"
        yield Concern(
            4, "warn", "Scores are late", (told,), "See the Evaluator", url, it.pending_since
        )
    if it.requests and it.last_request_at is not None and now - it.last_request_at > QUIET:
        told = "%(task_type)s has had no request for more than an hour."
        action, since = "See the last ones", it.last_request_at
        yield Concern(5, "info", "No traffic", (told,), action, answers_url, since)


def _explain_failures(it: Facts, now: datetime) -> Concern:
    """Say that answers fail, and what is being done about it or has to be."""
    failing = "%(failed)s of the last %(scored)s answers of %(task_type)s failed."
    kind, state = "bad", "Failing"
    told: tuple[str, ...]
    if it.proposal is not None:
        told = ("A proven repair waits for your answer: approve or reject it.",)
        action, url = "Answer it", heal_url(it.proposal.id)
    elif it.looked_at is not None and it.looked_at.decision == CANARY:
        kind, state = "warn", "A repair serves a share"
        shares = (
            "A proven repair serves a share of the traffic, and all of it once enough of its "
            "answers show that it is no worse. To decide by hand: selfheal canary"
        )
        told = (shares,)
        action, url = "See the heal", heal_url(it.looked_at.id)
    elif it.trying_since is not None and now - it.trying_since < LATE:
        kind, state = "warn", "A heal is under way"
        told = ("A heal is under way: look again in a minute.",)
        action, url = "See the heals", "/heals"
    elif it.looked_at is not None:
        fault = FAULTS.get(it.looked_at.fault or "", FAULTS["unknown"])
        told = ("The Optimizer looked into it and changed nothing.", fault)
        action, url = "See why", heal_url(it.looked_at.id)
    else:
        told = ("No Optimizer has looked into it: see that one runs, or roll back.",)
        action, url = "Go to the prompt", "/prompts?" + urlencode({"task_type": it.task_type})
    return Concern(0, kind, state, (failing, *told), action, url)


def _values_of(it: Facts) -> Mapping[str, object]:
    counts = ("version", "scored", "failed", "unscored", "pending")
    told = {name: getattr(it, name) for name in counts}
    return told | {"task_type": make_visible_line(it.task_type)}


def heal_url(run_id: UUID | None) -> str:
    """Return the address of a heal's page; of all heals where it isn't known."""
    return f"/heals/{run_id}" if run_id else "/heals"
