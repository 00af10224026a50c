"""Brings a heal to its end: in force, proposed or held; on record in any case."""

import time
from contextlib import suppress

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.optimizer.app.services.diagnosis.healing_case import (
    Case,
    HealingOutcome,
    HealingPolicy,
)
from services.optimizer.app.services.heal.healing_report import HealingReport
from services.optimizer.app.services.prompt_patcher import IncumbentChangedError
from services.optimizer.app.services.proof.replay import Replayer
from services.optimizer.app.services.record.healing_runs import (
    HELD,
    PROMOTED,
    PROPOSED,
    Repair,
    Run,
    promote,
    propose,
    record_run,
)
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.verdict import Verdict

PROPOSE_MODE = "propose"
WRITTEN_FOR_USERS = "A model wrote it that had read what users wrote, so a person decides."
# What may keep a proven text from being activated, beside a person who was faster.
ACTIVATION_ERRORS = (ServiceError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

log = get_logger()


class Conclusion:
    """How one heal may end.

    Args:
        connection: The Optimizer's own connection.
        replayer: Knows what the replays cost.
        policy: What the operator decided.
        case: The prompt that was looked at.
        report: What is known by the end.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        replayer: Replayer,
        policy: HealingPolicy,
        case: Case,
        report: HealingReport,
    ) -> None:
        self._connection = connection
        self._replayer = replayer
        self._policy = policy
        self._case = case
        self._report = report
        self._started = time.monotonic()

    async def put_in_force(self, verdict: Verdict) -> HealingOutcome:
        """Activate what is proven, or propose it; if a person was faster, their prompt stays."""
        incumbent, contender = self._case.incumbent, verdict.contender
        gained = verdict.decision.improvement_pct
        what = f"{contender.candidate.strategy}: {contender.candidate.rationale}"
        summary = (
            f"{verdict.label} by {what}; on {len(verdict.pairs)} inputs that had no part in "
            f"choosing it, {verdict.decision.wins} better and {verdict.decision.losses} worse "
            f"(p = {verdict.decision.p_value:.2g}, e-value {verdict.decision.e_value:.1f})"
        )
        if contender.candidate.informed_by_users:
            self._report.waits_because = WRITTEN_FOR_USERS
            summary = f"{WRITTEN_FOR_USERS} {summary}"
        if self._policy.mode == PROPOSE_MODE or contender.candidate.informed_by_users:
            run = self._make_run(PROPOSED, "better", summary, contender)
            run_id = str(await propose(self._connection, run))
            log.info("repair_proposed", task_type=incumbent.task_type, run_id=run_id)
            return self._make_outcome(run, incumbent.version, summary, run_id=run_id)
        self._report.watching = incumbent.version
        run = self._make_run(PROMOTED, "better", summary, contender)
        repair = Repair(
            contender.candidate_id,
            contender.candidate.content,
            f"{what} ({gained:+.1f} points on replays)",
            gained,
        )
        try:
            activation = await promote(self._connection, run, repair)
        except IncumbentChangedError as error:
            self._report.watching = None
            return await self.hold(error.code, contender)
        except ACTIVATION_ERRORS as error:
            await self._note_failure(error, contender)
            raise
        log.info(
            "prompt_patched",
            task_type=incumbent.task_type,
            before_version=incumbent.version,
            after_version=activation.version,
            strategy=contender.candidate.strategy,
            label=verdict.label,
            improvement_pct=round(gained, 1),
            worker_calls=self._replayer.calls,
            report_id=activation.report_id,
        )
        return self._make_outcome(
            run,
            activation.version,
            summary,
            run_id=str(activation.run_id),
            report_id=activation.report_id,
        )

    async def _note_failure(self, error: Exception, contender: Contender) -> None:
        """Put on record what kept a proven text from serving, where the database lets us."""
        self._report.watching = None
        self._report.error = getattr(error, "code", "") or type(error).__name__
        with suppress(*ACTIVATION_ERRORS):
            await self.hold(self._report.error, contender)

    async def hold(self, reason: str, contender: Contender | None = None) -> HealingOutcome:
        """Leave the prompt as it is, and say why."""
        incumbent, attribution = self._case.incumbent, self._report.attribution
        because = attribution.because if attribution else ()
        summary = " ".join([f"Held, {reason.replace('_', ' ')}.", *because])
        run = self._make_run(HELD, reason, summary, contender)
        run_id = await record_run(self._connection, run)
        log.info(
            "optimization_held",
            task_type=incumbent.task_type,
            version=incumbent.version,
            reason=reason,
            verdict=run.verdict,
            worker_calls=self._replayer.calls,
        )
        return self._make_outcome(run, incumbent.version, summary, run_id=str(run_id))

    def _make_run(
        self, decision: str, reason: str, summary: str, contender: Contender | None
    ) -> Run:
        attribution = self._report.attribution
        return Run(
            self._case.incumbent,
            decision,
            reason,
            attribution.verdict if attribution else "",
            self._report.as_json(
                summary=summary,
                replayer=self._replayer,
                seconds=time.monotonic() - self._started,
            ),
            self._policy.triggered_by,
            contender.candidate_id if contender else None,
        )

    def _make_outcome(
        self,
        run: Run,
        version: int,
        summary: str,
        *,
        run_id: str,
        report_id: int | None = None,
    ) -> HealingOutcome:
        verdict = self._report.verdict
        pairs = verdict.pairs if verdict else ()
        return HealingOutcome(
            run.decision,
            run.reason,
            version,
            run.verdict,
            summary,
            run.incumbent.version,
            run_id,
            report_id,
            len(pairs),
            sum(verdict.incumbent[pair.input_id].passed for pair in pairs) if verdict else 0,
            sum(verdict.candidate[pair.input_id].passed for pair in pairs) if verdict else 0,
        )
