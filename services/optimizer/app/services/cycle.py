"""Runs the Optimizer once: looks after promotions, finds task types that need work, heals them."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from uuid import uuid4

import asyncpg

from services.common.database import translate_database_errors
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.activation import is_same_prompt
from services.common.record.leases import Connect, Lease
from services.common.record.outcomes import HELD, PROPOSED, ROLLED_BACK, HealingOutcome
from services.common.record.prompts import load_active_prompts
from services.common.record.rollouts.rollout import Rollout, load_open_rollouts
from services.optimizer.app.services.background import BackgroundWork
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.diagnosis.survey import Survey, Surveyor
from services.optimizer.app.services.log.answers import was_blanked_since

# One heal at a time for each task type, over all Optimizers; one that is killed holds it no longer.
LEASE_SECONDS = 40.0

log = get_logger()

Heal = Callable[[asyncpg.Connection, Case], Awaitable[HealingOutcome]]
KeepPromotion = Callable[[asyncpg.Connection, Prompt], Awaitable[HealingOutcome | None]]
KeepRollout = Callable[[Rollout, Prompt | None], Awaitable[HealingOutcome | None]]
Announce = Callable[[asyncpg.Connection, Prompt, HealingOutcome | ServiceError], Awaitable[None]]


class HealAlreadyRunsError(ServiceError):
    """Another Optimizer is at work on this task type."""

    code = "heal_already_runs"


class DatabaseFailedError(ServiceError):
    """The database refused what a heal asked of it."""

    code = "database_error"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a run came to: outcomes by task type, and failures in their order."""

    outcomes: dict[str, HealingOutcome] = field(default_factory=dict)
    failures: list[ServiceError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a run is made of.

    Attributes:
        announce: Tells people of an outcome, or of what kept a heal from having one.
        connect: Opens further connections: one for each heal, and to renew leases.
        keep_promotion: Looks after what was promoted last; tells how a rollback ended.
        keep_rollout: Looks after a rollout, given what serves; tells how its run ended.
        heals_at_once: How many task types are healed side by side, at least 1.
    """

    surveyor: Surveyor
    heal: Heal
    announce: Announce
    connect: Connect
    keep_promotion: KeepPromotion
    keep_rollout: KeepRollout
    heals_at_once: int = 1

    async def run(
        self, connection: asyncpg.Connection, background: BackgroundWork | None = None
    ) -> dict[str, HealingOutcome]:
        """Look at every active prompt and heal those that need it.

        A task type whose heal or rollback fails, the database included, keeps no other from being
        healed.

        Args:
            background: Where heals go on after this look, which leaves alone the task types whose
                heals do; None to wait for all of them.

        Returns:
            Outcomes by task type; empty where nothing needed work, or its heal goes on.

        Raises:
            ServiceError: The first failure, after all of them were tried.
        """
        log.info("optimization_cycle_started", **asdict(self.surveyor.trigger))
        found = _Found()
        under_way = background.names if background is not None else frozenset()
        await self._keep_rollouts(connection, found)
        for prompt in await load_active_prompts(connection):
            if prompt.task_type in under_way:
                continue
            work = self.keep_promotion(connection, prompt)
            await self._bring_to_end(connection, prompt, work, found)
        rolled_back = [name for name, one in found.outcomes.items() if one.decision == ROLLED_BACK]
        survey = await self.surveyor.survey(connection, besides=under_way)
        self._tell_cases(survey)
        if background is None:
            await self._heal_all(survey.cases, found)
        else:
            for case in survey.cases:
                background.start(case.incumbent.task_type, partial(self._heal_apart, case))
        return self._conclude(found, rolled_back)

    async def _heal_all(self, cases: Sequence[Case], found: _Found) -> None:
        """Heal task types side by side, as many at a time as may be, and all to their ends.

        Raises:
            Exception: The first that nobody expects; not in a group, as of tasks that end together.
        """
        slots = asyncio.Semaphore(self.heals_at_once)

        async def heal_in_turn(case: Case) -> None:
            async with slots:
                await self._heal(case, found)

        for error in await asyncio.gather(*map(heal_in_turn, cases), return_exceptions=True):
            if error is not None:
                raise error

    async def _heal_apart(self, case: Case) -> bool:
        """Heal in the background; tell whether there was an outcome.

        Raises:
            ServiceError: If it failed; that was announced.
        """
        found = _Found()
        await self._heal(case, found)
        if not found.outcomes and not found.failures:
            return False
        return bool(self._conclude(found))

    async def _heal(self, case: Case, found: _Found) -> None:
        """Heal over a connection of its own."""
        try:
            async with self.connect() as connection:
                work = self._heal_alone(connection, case)
                await self._bring_to_end(connection, case.incumbent, work, found)
        except DatabaseUnavailableError as error:
            found.failures.append(error)

    def _conclude(
        self, found: _Found, rolled_back: Sequence[str] = ()
    ) -> dict[str, HealingOutcome]:
        """Log what a run came to, and give it, or its first failure."""
        outcomes, failures = found.outcomes, found.failures
        if failures and not outcomes:
            raise failures[0]
        log.info(
            "optimization_completed",
            promoted=[name for name, outcome in outcomes.items() if outcome.promoted],
            held={
                name: outcome.reason
                for name, outcome in outcomes.items()
                if outcome.decision == HELD
            },
            proposed=[name for name, outcome in outcomes.items() if outcome.decision == PROPOSED],
            rolled_back=list(rolled_back),
        )
        if failures:
            raise failures[0]
        return outcomes

    async def follow_rollouts(self, connection: asyncpg.Connection) -> bool:
        """Look after rollouts alone; tell whether any was open.

        Raises:
            ServiceError: The first failure, after all of them were looked after.
        """
        found = _Found()
        has_rollouts = await self._keep_rollouts(connection, found)
        if found.failures:
            raise found.failures[0]
        return has_rollouts

    async def _keep_rollouts(self, connection: asyncpg.Connection, found: _Found) -> bool:
        rollouts = await load_open_rollouts(connection)
        prompts = await load_active_prompts(connection) if rollouts else []
        serving = {prompt.task_type: prompt for prompt in prompts}
        for rollout in rollouts:
            prompt = serving.get(rollout.task_type)
            if prompt is None:
                try:
                    with translate_failures():
                        await self.keep_rollout(rollout, None)
                except ServiceError as error:
                    found.failures.append(error)
            else:
                work = self._keep_alone(connection, rollout, prompt)
                await self._bring_to_end(connection, prompt, work, found)
        return bool(rollouts)

    async def _keep_alone(
        self, connection: asyncpg.Connection, rollout: Rollout, serving: Prompt
    ) -> HealingOutcome | None:
        """Look after a rollout, unless another run is at it."""
        lease = _make_lease(f"canary {rollout.task_type}")
        async with lease.holding(connection, self.connect) as is_held:
            return await self.keep_rollout(rollout, serving) if is_held else None

    async def _heal_alone(
        self, connection: asyncpg.Connection, case: Case
    ) -> HealingOutcome | None:
        """Heal, unless another run is at it, or the prompt or the log has changed: no outcome."""
        task_type = case.incumbent.task_type
        async with heals_alone(connection, self.connect, task_type) as lease:
            if lease is None:
                log.warning("heal_already_runs", task_type=task_type)
                return None
            if not await _still_serves(connection, case.incumbent):
                log.info("incumbent_changed", task_type=task_type)
                return None
            if await was_blanked_since(connection, case.window.results):
                log.info("texts_erased_meanwhile", task_type=task_type)
                return None
            return await self.heal(connection, replace(case, lease=lease))

    async def _bring_to_end(
        self,
        connection: asyncpg.Connection,
        prompt: Prompt,
        work: Awaitable[HealingOutcome | None],
        found: _Found,
    ) -> None:
        """Wait for work on a prompt, and keep and announce what came of it, if anything did."""
        try:
            with translate_failures():
                outcome = await work
        except ServiceError as error:
            found.failures.append(error)
            log.error(
                "healing_failed", task_type=prompt.task_type, code=error.code, message=error.message
            )
            await self.announce(connection, prompt, error)
            return
        if outcome is not None:
            found.outcomes[prompt.task_type] = outcome
            await self.announce(connection, prompt, outcome)

    def _tell_cases(self, survey: Survey) -> None:
        needy = [case for case in survey.cases if case.analysis.needs_optimization]
        if needy:
            log.info(
                "task_types_needing_optimization",
                task_types=[case.incumbent.task_type for case in needy],
                failures={case.incumbent.task_type: case.analysis.failure_count for case in needy},
            )
        elif not survey.postponed:
            log.info("no task types need optimization", **asdict(self.surveyor.trigger))


async def _still_serves(connection: asyncpg.Connection, prompt: Prompt) -> bool:
    """Tell whether the prompt is still what serves: another run, or a person, may have acted."""
    serving = await load_active_prompts(connection)
    return any(is_same_prompt(other, prompt) for other in serving)


@contextmanager
def translate_failures() -> Iterator[None]:
    """Turn what the database raises into a `ServiceError`: other task types are still healed."""
    try:
        with translate_database_errors():
            yield
    except asyncpg.PostgresError as error:
        raise DatabaseFailedError(f"The database failed ({type(error).__name__}).") from error


@asynccontextmanager
async def heals_alone(
    connection: asyncpg.Connection, connect: Connect, task_type: str
) -> AsyncIterator[Lease | None]:
    """Keep other runs from healing this task type; gives nothing where another one does."""
    lease = _make_lease(f"heal {task_type}")
    async with lease.holding(connection, connect) as is_held:
        if not is_held and (found := await lease.find_holder(connection)):
            log.info("lease_held_by_another", task_type=task_type, holder=found[0],
                     ends_in_seconds=round(found[1], 1))  # fmt: skip
        yield lease if is_held else None


def _make_lease(name: str) -> Lease:
    holder = f"optimizer {socket.gethostname()} {os.getpid()} {uuid4().hex[:8]}"
    return Lease(name, holder, LEASE_SECONDS)
