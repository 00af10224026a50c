"""Looks after promotions, first in each run: rolls back what turned out worse."""

from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.activation import (
    IncumbentChangedError,
    Patch,
    RepairReport,
    patch_prompt,
)
from services.common.record.changes import TextErasedError
from services.common.record.healing_runs import (
    CREATED_BY,
    WORSE_LIVE,
    HealingRun,
    has_open_proposal,
    propose,
    record_run,
    register_candidate,
    set_outcome,
)
from services.common.record.outcomes import HELD, PROPOSED, ROLLED_BACK, HealingOutcome
from services.common.record.text_lint import find_erased
from services.optimizer.app.services.aftercare.alarm_confirmation import (
    Alarm,
    Confirm,
    Confirmation,
)
from services.optimizer.app.services.aftercare.look import Comparison, Look, look_at_watch
from services.optimizer.app.services.aftercare.references import Reference
from services.optimizer.app.services.aftercare.watch import KEPT
from services.optimizer.app.services.aftercare.watch_record import WatchBets
from services.optimizer.app.services.proof.paired_test import Decision

STRATEGY = "rollback"

log = get_logger()


@dataclass(frozen=True, slots=True)
class Rollback:
    """A rollback with which replays agree."""

    look: Look
    comparison: Comparison
    alarm: Alarm
    confirmation: Confirmation
    decision: Decision

    @property
    def points_lost(self) -> float:
        """Percentage points of mean score that the promotion lost."""
        result = self.comparison.result
        return 100 * ((result.before_mean or 0) - (result.mean or 0))

    def describe(self, what: str) -> dict[str, Any]:
        """Tell why the promoted text is to go, as the report has it."""
        result, reference = self.comparison.result, self.comparison.reference
        version, replayed = self.alarm.serving.version, self.confirmation.replayed
        return {
            "summary": (
                f"{what}: version {version} does worse in live traffic than version "
                f"{reference.version} before it ({self.points_lost:.1f} points of mean score "
                f"over {result.pairs} pairs, p = {result.p_value:.2g}), and on {replayed} "
                f"replayed inputs too (p = {self.decision.p_value:.2g})."
            ),
            "watch": {
                **asdict(result),
                "version": version,
                "before_version": reference.version,
                "against": reference.name,
                "alpha": self.alarm.wager.alpha,
                "confirmation": self.alarm.wager.number,
                "replayed": replayed,
                "replay_e_value": self.decision.e_value,
                "replay_p_value": self.decision.p_value,
                "worker_calls": self.confirmation.worker_calls,
            },
        }


@dataclass(frozen=True, slots=True)
class PromotionKeeper:
    """Looks after promotions.

    Attributes:
        confirm: Replays both texts where live rows say that a promotion does worse.
        asks_first: Whether a person decides on rollbacks.
    """

    confirm: Confirm
    triggered_by: str
    asks_first: bool = False

    async def look_after(
        self, connection: asyncpg.Connection, serving: Prompt
    ) -> HealingOutcome | None:
        """Compare a task type's last promotion with the versions before it; undo it if it is worse.

        What live rows say is an alarm only: a rollback takes replays that agree. Without them the
        watch goes on.

        Returns:
            The outcome of a rollback, of a proposal of one, or of one that can't be since the text
            before lost words to an erasure; None where there was none.
        """
        look = await look_at_watch(connection, serving)
        if look is None:
            return None
        if self.asks_first and await has_open_proposal(connection, serving, reason=WORSE_LIVE):
            return None
        erased = None
        for comparison in look.comparisons:
            if not await look.is_alarming(connection, comparison):
                continue
            if find_erased(comparison.reference.content, serving.content):
                erased = erased or comparison
                continue
            found = await self._look_into(connection, look, comparison)
            if found is None:
                return None
            undo = self._propose if self.asks_first else self._roll_back
            return await undo(connection, found)
        if erased:
            return await self._hold(connection, look, erased)
        first = look.comparisons[0].result
        if first.outcome == KEPT:
            await look.watch.end(connection, KEPT, first)
        return None

    async def _look_into(
        self, connection: asyncpg.Connection, look: Look, comparison: Comparison
    ) -> Rollback | None:
        """Replay both texts on an alarm; None where replays don't agree yet, or can't be had now.

        The bet that the version before is better goes on at the next look, unless it has lost.
        """
        watch, serving, reference = look.watch, look.serving, comparison.reference
        told = {
            "task_type": serving.task_type, "version": serving.version, "against": reference.name
        }  # fmt: skip
        passing = [row for row in (*look.after, *comparison.old) if row.passed]
        wager = watch.find_wager(reference.name)
        book = WatchBets(connection, watch, reference.name)
        alarm = Alarm(serving, reference.content, look.fresh, passing, wager, book)
        if not await watch.claim_confirmation(connection, look.after):
            return None
        try:
            found = await self.confirm(alarm)
        except ServiceError as error:
            await watch.return_confirmation(connection)
            log.warning("watch_alarm_unconfirmed", **told, code=error.code)
            return None
        decision = found.decision
        if decision is None:
            await watch.spend(connection, wager)
            log.warning("watch_alarm_unconfirmed", **told, code=found.code)
            return None
        if decision.promote:
            return Rollback(look, comparison, alarm, found, decision)
        goes_on = decision.e_value > 1
        if not goes_on:  # what was logged in the meantime still counts
            await watch.clear_alarm(connection, reference.name, look.after)
        log.warning(
            "watch_alarm_undecided" if goes_on else "watch_alarm_dismissed",
            **told,
            e_value=round(decision.e_value, 2),
            p_value=round(decision.p_value, 4),
            replayed=found.replayed,
            worker_calls=found.worker_calls,
        )
        return None

    async def _propose(self, connection: asyncpg.Connection, found: Rollback) -> HealingOutcome:
        """Leave the text before for a person to approve."""
        look, reference = found.look, found.comparison.reference
        serving = look.serving
        detail = found.describe("A rollback is proposed")
        detail["verdict"] = {**asdict(found.decision), "strategy": STRATEGY}
        candidate_id = await register_candidate(
            connection, serving, content=reference.content, strategy=STRATEGY
        )
        run = HealingRun(serving, PROPOSED, WORSE_LIVE, "", detail, self.triggered_by, candidate_id)
        return await _leave_to_a_person(connection, look, reference, run)

    async def _hold(
        self, connection: asyncpg.Connection, look: Look, alarming: Comparison
    ) -> HealingOutcome:
        """Have it told that what served before can't serve again."""
        serving, reference = look.serving, alarming.reference
        summary = (
            f"Held: version {serving.version} does worse in live traffic than version "
            f"{reference.version} before it, and {find_erased(reference.content, serving.content)}."
        )
        detail = {"summary": summary, "watch": asdict(alarming.result)}
        run = HealingRun(serving, HELD, TextErasedError.code, "", detail, self.triggered_by)
        return await _leave_to_a_person(connection, look, reference, run)

    async def _roll_back(
        self, connection: asyncpg.Connection, found: Rollback
    ) -> HealingOutcome | None:
        """Serve the text before as a new version, or do nothing if a person deployed another."""
        watch, serving, result = found.look.watch, found.look.serving, found.comparison.result
        detail = found.describe("Rolled back")
        reason = f"rollback of version {serving.version}, which did worse in live traffic"
        run = HealingRun(serving, ROLLED_BACK, WORSE_LIVE, "", detail, self.triggered_by)
        try:
            async with connection.transaction():
                activation = await patch_prompt(
                    connection,
                    incumbent=serving,
                    patch=Patch(found.alarm.before, reason, CREATED_BY),
                    report=RepairReport(detail, found.points_lost, self.triggered_by),
                )
                await watch.end(connection, ROLLED_BACK, result)
                if watch.candidate_id is not None:
                    await set_outcome(connection, [watch.candidate_id], ROLLED_BACK)
                run_id = await record_run(connection, run, report_id=activation.report_id)
        except IncumbentChangedError:
            await watch.supersede(connection)
            return None
        log.warning(
            "prompt_rolled_back",
            task_type=serving.task_type,
            before_version=serving.version,
            after_version=activation.version,
            e_value=round(result.e_value, 2),
            p_value=round(result.p_value, 4),
            report_id=activation.report_id,
        )
        return HealingOutcome(
            ROLLED_BACK,
            WORSE_LIVE,
            activation.version,
            summary=detail["summary"],
            before_version=serving.version,
            run_id=str(run_id),
            report_id=activation.report_id,
        )


async def _leave_to_a_person(
    connection: asyncpg.Connection, look: Look, reference: Reference, run: HealingRun
) -> HealingOutcome:
    """Record a run that changes nothing; another one follows only for answers that come later."""
    is_proposed = run.decision == PROPOSED
    record = propose if is_proposed else record_run
    async with connection.transaction():
        run_id = await record(connection, run)
        await look.watch.clear_alarm(connection, reference.name, look.after)
    version = run.incumbent.version
    event = "rollback_proposed" if is_proposed else "rollback_held"
    log.warning(event, task_type=run.incumbent.task_type, run_id=str(run_id))
    return HealingOutcome(
        run.decision, run.reason, version, "", run.detail["summary"], version, str(run_id)
    )
