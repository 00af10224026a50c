"""Does what people ask of an Optimizer: puts a draft through the gate, sends a test message."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.changes import load_serving
from services.common.record.jobs import (
    DRAFT,
    MESSAGE,
    StoredJob,
    claim_job,
    finish_job,
    release_job,
    tell_optimizers,
)
from services.common.record.leases import Connect, Lease, give_back
from services.common.record.outcomes import PROPOSED
from services.optimizer.app.services.cycle import (
    Announce,
    Heal,
    heals_alone,
    translate_failures,
)
from services.optimizer.app.services.diagnosis.healing_case import Draft
from services.optimizer.app.services.diagnosis.survey import Surveyor

# A lease outlives the longest heal by this much.
LEASE_MARGIN_SECONDS = 120
BUSY = "Another heal of this task type runs; this one waits for it."
STOPPED = "The Optimizer was stopped meanwhile."

log = get_logger()

SendTest = Callable[[str], Awaitable[str]]


class JobFailedError(ServiceError):
    """A job can't be done, and no later attempt would change that."""

    code = "job_failed"


@dataclass(frozen=True, slots=True)
class JobTaker:
    """Takes jobs, one after the other.

    Attributes:
        heal: Heals a case; a draft's is one with a single candidate.
        announce: Tells people of a proposal.
        send_test: Sends a test message for a person; tells what went wrong, empty if nothing did.
        connect: Opens further connections, to renew leases and where one was lost.
    """

    surveyor: Surveyor
    heal: Heal
    announce: Announce
    send_test: SendTest
    deadline_seconds: float
    connect: Connect

    async def take_all(self, connection: asyncpg.Connection) -> None:
        """Take the jobs that wait, up to the first draft: no prompt waits for two to be healed.

        An Optimizer that watches comes back for the others.
        """
        tried: list[UUID] = []
        lease_seconds = self.deadline_seconds + LEASE_MARGIN_SECONDS
        while job := await claim_job(connection, lease_seconds=lease_seconds, besides=tried):
            tried.append(job.id)
            log.info("job_taken", kind=job.kind, job_id=str(job.id), attempt=job.attempts)
            await self._take(connection, job)
            if job.kind == DRAFT:
                break

    async def take_all_apart(self) -> bool:
        """Take them over a connection of its own; whoever asked for them is told by their rows."""
        async with self.connect() as connection:
            await self.take_all(connection)
        return False

    async def _take(self, connection: asyncpg.Connection, job: StoredJob) -> None:
        """Do a job, or give it back, whatever keeps it from being done."""
        try:
            with translate_failures():
                await self._do(connection, job)
        except JobFailedError as error:
            await self._write(connection, partial(finish_job, job=job, error=error.message))
        except ServiceError as error:
            log.error("job_attempt_failed", job_id=str(job.id), code=error.code)
            reason = f"{error.code}: {error.message}"
            await self._write(connection, partial(release_job, job=job, error=reason))
        except asyncio.CancelledError:
            await self._write(connection, partial(release_job, job=job, error=STOPPED))
            raise
        except Exception as error:
            reason = f"unexpected_error: {type(error).__name__}"
            await self._write(connection, partial(release_job, job=job, error=reason))
            raise

    async def _write(
        self, connection: asyncpg.Connection, write: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> None:
        """Write what became of a job, for as long as nobody else takes it."""
        await give_back(write, connection, self.connect, seconds=LEASE_MARGIN_SECONDS)

    async def _do(self, connection: asyncpg.Connection, job: StoredJob) -> None:
        if job.kind == MESSAGE:
            if problem := await self.send_test(job.requested_by):
                raise JobFailedError(problem)
            await self._write(connection, partial(finish_job, job=job))
            return
        async with heals_alone(connection, self.connect, job.task_type or "") as lease:
            if lease is None:
                await release_job(connection, job, BUSY, counts=False)
                return
            await self._prove(connection, job, lease)

    async def _prove(self, connection: asyncpg.Connection, job: StoredJob, lease: Lease) -> None:
        serving: Prompt = await load_serving(connection, job.task_type or "")
        draft = Draft(job.content or "", job.requested_by, job.reason)
        case = await self.surveyor.take_draft(connection, serving, draft)
        outcome = await self.heal(connection, replace(case, lease=lease))

        async def finish(connection: asyncpg.Connection) -> None:
            await finish_job(connection, job, run_id=UUID(outcome.run_id))
            await tell_optimizers(connection)

        # Before all else that may fail: it would be proven again.
        await self._write(connection, finish)
        log.info("draft_judged", run_id=outcome.run_id, decision=outcome.decision,
                 reason=outcome.reason)  # fmt: skip
        if outcome.decision == PROPOSED:
            await self.announce(connection, serving, outcome)
