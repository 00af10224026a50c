"""Brings a heal to its end: in force, proposed or held; on record in any case."""

from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg

from services.common.config import OptimizerSettings
from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.presentation.wordings import HOLDS, NEXT_STEPS
from services.common.record.activation import IncumbentChangedError
from services.common.record.healing_runs import HealingRun, Repair, propose, record_run
from services.common.record.leases import LeaseLostError
from services.common.record.outcomes import CANARY, HELD, PROMOTED, PROPOSED, HealingOutcome
from services.common.record.rollouts.steps import RolloutOpenError, start_rollout
from services.optimizer.app.services.diagnosis.healing_case import DRAFT
from services.optimizer.app.services.heal.healing_report import HealingReport
from services.optimizer.app.services.prompt_patcher import promote
from services.optimizer.app.services.proof.budget import WORKER_CALLS
from services.optimizer.app.services.proof.wagers import INPUTS_USED_UP
from services.optimizer.app.services.repair.gate import BUDGET, GateDecision

PROPOSE_MODE = "propose"
# What may keep a proven text from being activated, beside a person who was faster.
ACTIVATION_ERRORS = (ServiceError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

log = get_logger()


@dataclass(slots=True)
class Conclusion:
    """How one heal may end.

    Attributes:
        steps: Shares of traffic that a proven text serves, growing; a single 1 for all at once.
    """

    connection: asyncpg.Connection
    settings: OptimizerSettings
    report: HealingReport
    steps: tuple[float, ...] = (1.0,)

    async def put_in_force(self, decision: GateDecision) -> HealingOutcome:
        """Activate what is proven, or propose it; if a person was faster, their prompt stays."""
        incumbent, contender, bet = self.report.case.incumbent, decision.contender, decision.bet
        what = f"{contender.candidate.strategy}: {contender.candidate.rationale}"
        proof = (
            f"{decision.label} by {what}; on {len(decision.pairs)} inputs that had no part in "
            f"choosing it, {bet.wins} better and {bet.losses} worse "
            f"(p = {bet.p_value:.2g}, e-value {bet.e_value:.1f})"
        )
        summary = f"{self.report.waits_because} {proof}".strip()
        if self.settings.optimizer_mode == PROPOSE_MODE or self.report.waits_because:
            run = self._make_run(PROPOSED, "better", summary)
            run_id = str(await propose(self.connection, run))
            log.info("repair_proposed", task_type=incumbent.task_type, run_id=run_id)
            return self._make_outcome(run, incumbent.version, run_id)
        gained = bet.improvement_pct
        repair = Repair(
            contender.candidate_id,
            contender.candidate.content,
            f"{what} ({gained:+.1f} points on replays)",
            gained,
        )
        put_in_force = self._roll_out if len(self.steps) > 1 else self._promote
        try:
            return await put_in_force(decision, repair, summary)
        except (IncumbentChangedError, LeaseLostError, RolloutOpenError) as error:
            return await self.hold(error.code)
        except ACTIVATION_ERRORS as error:
            await self._record_failure(error)
            raise

    async def _promote(
        self, decision: GateDecision, repair: Repair, summary: str
    ) -> HealingOutcome:
        incumbent, report = self.report.case.incumbent, self.report
        run = self._make_run(PROMOTED, "better", summary, watching=incumbent.version)
        activation = await promote(self.connection, run, repair, lease=report.case.lease)
        log.info(
            "prompt_patched",
            task_type=incumbent.task_type,
            before_version=incumbent.version,
            after_version=activation.version,
            strategy=decision.contender.candidate.strategy,
            label=decision.label,
            improvement_pct=round(repair.improvement_pct, 1),
            worker_calls=report.cost.worker_calls,
            report_id=activation.report_id,
        )
        return self._make_outcome(
            run, activation.version, str(activation.run_id), activation.report_id
        )

    async def _roll_out(
        self, _decision: GateDecision, repair: Repair, summary: str
    ) -> HealingOutcome:
        """Let a proven text serve a share of traffic first."""
        shares, incumbent = list(self.steps), self.report.case.incumbent
        run = self._make_run(CANARY, "better", summary)
        run.detail["rollout"] = {"shares": shares}
        rollout = await start_rollout(
            self.connection, run, repair, self.steps, lease=self.report.case.lease
        )
        log.info(
            "canary_started",
            task_type=incumbent.task_type,
            before_version=incumbent.version,
            rollout_id=str(rollout.id),
            reserved_version=rollout.reserved_version,
            shares=shares,
        )
        return self._make_outcome(run, incumbent.version, str(rollout.run_id))

    async def _record_failure(self, error: Exception) -> None:
        """Put on record what kept a proven text from serving, if the database takes it."""
        code = getattr(error, "code", "") or type(error).__name__
        self.report = replace(self.report, error=code)
        with suppress(*ACTIVATION_ERRORS):
            await self.hold(code)

    async def hold(self, reason: str) -> HealingOutcome:
        """Leave the prompt as it is, and say why."""
        progress = self.report.progress
        because = progress.attribution.because if progress.attribution else ()
        if self.report.case.draft and progress.choice and progress.choice.refused:
            because = (f"It wasn't run: {progress.choice.refused[0].refused}.",)
        if reason == BUDGET:
            what = self.report.cost.used_up or WORKER_CALLS
            because = (*because, f"The budget of {what} is used up.")
        if reason == INPUTS_USED_UP or self.report.no_repair:
            because = (*because, *HOLDS[reason])
        if self.report.no_repair:
            because = (*because, NEXT_STEPS[self.report.no_repair["next_step"]])
        summary = " ".join([f"Held, {reason.replace('_', ' ')}.", *because])
        run = self._make_run(HELD, reason, summary)
        run_id = await record_run(self.connection, run)
        log.info(
            "optimization_held",
            task_type=self.report.case.incumbent.task_type,
            version=self.report.case.incumbent.version,
            reason=reason,
            verdict=run.fault,
            worker_calls=self.report.cost.worker_calls,
        )
        return self._make_outcome(run, self.report.case.incumbent.version, str(run_id))

    def _make_run(
        self, decision: str, reason: str, summary: str, *, watching: int | None = None
    ) -> HealingRun:
        progress, draft = self.report.progress, self.report.case.draft
        return HealingRun(
            self.report.case.incumbent,
            decision,
            reason,
            progress.attribution.fault if progress.attribution else "",
            self.report.as_json(summary, watching=watching),
            DRAFT if draft else self.settings.optimizer_triggered_by,
            progress.decision.contender.candidate_id if progress.decision else None,
            draft.requested_by if draft else None,
        )

    def _make_outcome(
        self, run: HealingRun, version: int, run_id: str, report_id: int | None = None
    ) -> HealingOutcome:
        decision = self.report.progress.decision
        attribution = self.report.progress.attribution
        return HealingOutcome(
            run.decision,
            run.reason,
            version,
            run.fault,
            run.detail["summary"],
            run.incumbent.version,
            run_id,
            report_id,
            len(decision.pairs) if decision else 0,
            decision.incumbent_passes if decision else 0,
            decision.candidate_passes if decision else 0,
            attribution.cause if attribution else "",
        )
