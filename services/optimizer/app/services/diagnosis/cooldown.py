"""Decides how long a prompt is left alone: after heals that didn't last, or for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from services.common.record.healing_runs import has_open_proposal
from services.common.record.outcomes import PROMOTED
from services.common.record.prompts import write_digest
from services.common.record.rollouts.rollout import has_open_rollout
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.diagnosis.incident import NO_REPAIR, count_heals
from services.optimizer.app.services.proof.wager_store import ACTIVATED_BY_HAND

LONGEST_PAUSE: Final = timedelta(hours=6)
# A text that nothing was done about for so long begins anew.
FORGETTING: Final = timedelta(hours=24)
DAY: Final = timedelta(hours=24)

# Runs that the services' failures ended, or that found these at fault, say nothing of the prompt;
# those that such a failure ended after they had spent calls on it count, or the next run would
# spend them again at once.
# A prompt is its text here, since what is rolled back or healed back to is a new row. What went
# before a person deployed that text is another story: they want it looked at anew. Rows that the
# Optimizer wrote are its own doing once, when they were inserted; a later activation is a hand's.
# A run that a person asked for says nothing of heals.
SELECT_PAST_RUNS = f"""
    WITH deployed AS (
        SELECT max(a.activated_at) AS by_hand_at
        FROM selfheal.activations a
        JOIN prompts p ON p.id = a.prompt_id
        WHERE p.task_type = $1
          AND {write_digest("p.content")} = $2
          AND {ACTIVATED_BY_HAND}
    )
    SELECT created_at, decision, same_text
    FROM selfheal.healing_runs r, deployed, LATERAL (
        SELECT coalesce(
            r.incumbent_digest = $2 AND r.created_at >= coalesce(by_hand_at, '-infinity'), FALSE
        ) AS same_text
    ) compared
    WHERE r.task_type = $1 AND r.requested_by IS NULL
      AND (NOT r.detail ? 'error' OR r.detail @? '$.cost.worker_calls ? (@ > 0)')
      AND coalesce(r.verdict, '') NOT IN ('provider', 'evaluator')
      AND r.created_at > clock_timestamp() - $3::interval
      AND (same_text OR r.decision = 'promoted')
    ORDER BY r.created_at DESC
    LIMIT 1000
"""
# As far back as a run can matter: the longest pause, many times over.
MEMORY: Final = timedelta(days=7)


# While a provider or the Evaluator is down every request fails: it is put on record now and then.
TELLING_AGAIN: Final = timedelta(minutes=5)
SELECT_TOLD = """
    SELECT EXISTS (
        SELECT 1 FROM selfheal.healing_runs
        WHERE task_type = $1 AND incumbent_digest = $2 AND verdict = $3
          AND created_at > clock_timestamp() - $4::interval
    )
"""


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier run of the Optimizer on a task type.

    Attributes:
        decision: `promoted`, `proposed`, `held` or `rolled_back`.
        same_text: Whether it looked at the very text that serves now.
    """

    created_at: datetime
    decision: str
    same_text: bool = True


def explain_pause(
    runs: Sequence[PastRun], *, base_seconds: float, max_heals_per_day: int, now: datetime
) -> str:
    """Tell why no heal may begin, with the time from which on it may; empty where it may now.

    Every run on a text that still serves, or serves again, did not heal it for good: it was held,
    or what it promoted was replaced again. Each one doubles the pause, from `base_seconds` to six
    hours. A day without a run on that text begins anew. So two clusters of users with opposite
    needs get fewer and fewer changes instead of a prompt that flips for ever.

    Args:
        runs: Earlier runs of the task type, in any order.
        base_seconds: Pause after the first run; 0 for none at all.
        now: The database's time.
    """
    promoted = sum(run.decision == PROMOTED and run.created_at > now - DAY for run in runs)
    if promoted >= max_heals_per_day:
        return "heals_per_day_reached"
    on_text = sorted((run.created_at for run in runs if run.same_text), reverse=True)
    streak = _count_streak(on_text, now)
    if streak == 0 or (allowed_at := on_text[0] + _pause(base_seconds, streak)) <= now:
        return ""
    return f"cooling_down_until {allowed_at.astimezone(UTC).isoformat(timespec='seconds')}"


async def load_past_runs(
    connection: asyncpg.Connection, task_type: str, digest: str
) -> list[PastRun]:
    """Load runs of the last days that looked at that text, and the task type's promotions."""
    records = await connection.fetch(SELECT_PAST_RUNS, task_type, digest, MEMORY)
    return [PastRun(**record) for record in records]


@dataclass(frozen=True, slots=True)
class PauseRules:
    """When a case is left alone for now.

    Attributes:
        asks_first: Whether each proven text waits for a person's answer.
        is_unattended: Whether nobody started the run, so that cooldown and heals per day bind.
        base_seconds: Pause after the first run; 0 for none at all.
    """

    asks_first: bool
    is_unattended: bool
    base_seconds: float
    max_heals_per_day: int
    max_heals_per_incident: int

    async def find_pause(self, connection: asyncpg.Connection, case: Case) -> str:
        """Tell why a case is left alone for now; an empty text where it may be healed.

        Returns:
            `canary_open`, `proposal_waits`, `told_lately`, `cooling_down_until ...`,
            `heals_per_day_reached`, or `no_repair_found`: a person was told, and has to act.
        """
        prompt, found = case.incumbent, case.attribution
        if await has_open_rollout(connection, prompt.task_type):
            return "canary_open"
        if await has_open_proposal(connection, prompt, of_any_kind=self.asks_first):
            return "proposal_waits"
        if not self.is_unattended:
            return ""
        if found is not None:
            about = prompt.task_type, prompt.digest, found.fault, TELLING_AGAIN
            return "told_lately" if await connection.fetchval(SELECT_TOLD, *about) else ""
        pause = explain_pause(
            await load_past_runs(connection, prompt.task_type, prompt.digest),
            base_seconds=self.base_seconds,
            max_heals_per_day=self.max_heals_per_day,
            now=await connection.fetchval("SELECT clock_timestamp()"),
        )
        if pause:
            return pause
        heals = await count_heals(connection, prompt.task_type)
        gave_up = heals.has_given_up and heals.count >= self.max_heals_per_incident
        return NO_REPAIR if gave_up else ""


def _count_streak(moments: Sequence[datetime], now: datetime) -> int:
    """Count how many runs followed one another without a day between them, the latest first."""
    later = now
    for count, moment in enumerate(moments):
        if later - moment > FORGETTING:
            return count
        later = moment
    return len(moments)


def _pause(base_seconds: float, streak: int) -> timedelta:
    doublings = min(streak - 1, 32)  # far beyond the longest pause already
    return timedelta(seconds=min(base_seconds * 2**doublings, LONGEST_PAUSE.total_seconds()))
