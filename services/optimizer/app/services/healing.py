"""One heal of one task type: propose, replay, decide, activate or hold, report."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.task_types import TaskTypes
from services.optimizer.app.services.candidates import (
    Candidate,
    RepairContext,
    propose_candidates,
)
from services.optimizer.app.services.failure_log import load_history
from services.optimizer.app.services.healing_report import (
    Contender,
    describe_analysis,
    describe_contender,
    describe_verdict,
)
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.promotion import can_decide, decide
from services.optimizer.app.services.prompt_patcher import (
    IncumbentChangedError,
    Patch,
    RepairReport,
    patch_prompt,
)
from services.optimizer.app.services.replay import Replayer, ReplayInput, ReplayResult
from services.optimizer.app.services.trial import (
    TrialInputs,
    pair_scores,
    plan_trial,
    repairs_all,
    still_fails,
)

CREATED_BY = "optimizer"
INSERT_CANDIDATE = """
    INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id)
    VALUES ($1, $2, $3, $4)
    RETURNING id
"""
INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (
        task_type, incumbent_prompt_id, decision, reason, report_id, candidate_id, detail
    ) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

log = get_logger()

Analyst = Callable[[str, FailureAnalysis], Awaitable[Sequence[Candidate]]]


@dataclass(frozen=True, slots=True)
class HealingOutcome:
    """How a heal ended.

    Attributes:
        promoted: Whether a candidate serves now.
        reason: `better`, or why the incumbent stays.
        version: The version that serves now.
    """

    promoted: bool
    reason: str
    version: int


class Healer:
    """Heals one task type at a time.

    Args:
        connection: The Optimizer's own connection.
        replayer: Runs texts on inputs, within the heal's budget.
        analyst: Proposes texts after reading the failures; None where rules alone propose.
        task_types: What is known of task types: their golden inputs and their repairs.
        triggered_by: Goes into the report.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        replayer: Replayer,
        *,
        analyst: Analyst | None,
        task_types: TaskTypes,
        triggered_by: str,
    ) -> None:
        self._connection = connection
        self._replayer = replayer
        self._analyst = analyst
        self._task_types = task_types
        self._triggered_by = triggered_by

    async def heal(self, incumbent: Prompt, analysis: FailureAnalysis) -> HealingOutcome:
        """Try to repair `incumbent`; activate what is proven better, else hold.

        Raises:
            UpstreamError: If nothing could be replayed, since Worker or Evaluator fail.
            TaskTypeError: If the task type's directory can't be used.
        """
        started = time.monotonic()
        trial = plan_trial(analysis.failing, self._task_types.golden_inputs(incumbent.task_type))
        detail: dict[str, Any] = {
            "failures": describe_analysis(analysis),
            "trial": {"choosing": len(trial.choosing), "verdict": len(trial.verdict)},
            "candidates": [],
            "budget_spent": False,
        }
        if not can_decide(len(trial.verdict)):
            return await self._hold(incumbent, "too_few_inputs", detail, started)
        incumbent_id = await self._register(
            incumbent, Candidate(incumbent.content, "incumbent", "the prompt that fails")
        )
        baseline = await self._replay(incumbent, incumbent_id, trial.choosing)
        if not still_fails(baseline):
            return await self._hold(incumbent, "failures_did_not_recur", detail, started)
        best = await self._choose(incumbent, analysis, trial, baseline, detail)
        if best is None:
            reason = "budget_exceeded" if detail["budget_spent"] else "no_better_candidate"
            return await self._hold(incumbent, reason, detail, started)
        log.info(
            "candidate_chosen",
            strategy=best.candidate.strategy,
            verdict_replays=2 * len(trial.verdict),
        )
        before = await self._replay(incumbent, incumbent_id, trial.verdict)
        after = await self._replay(incumbent, best.candidate_id, trial.verdict)
        decision = decide(pair_scores(before, after))
        detail["verdict"] = describe_verdict(decision, best, before, after)
        log.info(
            "verdict_reached",
            strategy=best.candidate.strategy,
            wins=decision.wins,
            losses=decision.losses,
            p_value=round(decision.p_value, 5),
            incumbent_mean=round(decision.incumbent_mean, 3),
            candidate_mean=round(decision.candidate_mean, 3),
        )
        if not decision.promote:
            return await self._hold(incumbent, decision.reason, detail, started)
        return await self._promote(incumbent, best, decision.improvement_pct, detail, started)

    async def _choose(
        self,
        incumbent: Prompt,
        analysis: FailureAnalysis,
        trial: TrialInputs,
        baseline: Mapping[str, ReplayResult],
        detail: dict[str, Any],
    ) -> Contender | None:
        """The candidate with the best mean on the choosing inputs, if it beats the incumbent's.

        Candidates come in the order of trust, and ties go to the earlier one. One that repairs
        every failing input and loses nowhere ends the search: what comes later is trusted less.
        """
        best: Contender | None = None
        for candidate in await self._propose(incumbent, analysis):
            if self._replayer.calls_left < len(trial.choosing) + 2 * len(trial.verdict):
                log.warning("budget_spent", calls=self._replayer.calls)
                detail["budget_spent"] = True
                break
            contender = await self._screen(incumbent, candidate, trial, baseline)
            detail["candidates"].append(describe_contender(contender))
            mean = contender.screening.candidate_mean
            if mean > contender.screening.incumbent_mean and (
                best is None or mean > best.screening.candidate_mean
            ):
                best = contender
            if contender.screening.losses == 0 and repairs_all(contender.results, baseline):
                break
        return best

    async def _propose(self, incumbent: Prompt, analysis: FailureAnalysis) -> list[Candidate]:
        proposals: Sequence[Candidate] = ()
        if self._analyst is not None:
            proposals = await self._analyst(incumbent.content, analysis)
        candidates = propose_candidates(
            RepairContext(
                incumbent=incumbent.content,
                analysis=analysis,
                history=await load_history(self._connection, incumbent),
                repairs=self._task_types.repairs(incumbent.task_type),
                proposals=proposals,
            )
        )
        log.info("candidates_proposed", strategies=[item.strategy for item in candidates])
        return candidates

    async def _screen(
        self,
        incumbent: Prompt,
        candidate: Candidate,
        trial: TrialInputs,
        baseline: Mapping[str, ReplayResult],
    ) -> Contender:
        candidate_id = await self._register(incumbent, candidate)
        results = await self._replay(incumbent, candidate_id, trial.choosing)
        screening = decide(pair_scores(baseline, results))
        log.info(
            "candidate_screened",
            strategy=candidate.strategy,
            incumbent_mean=round(screening.incumbent_mean, 3),
            candidate_mean=round(screening.candidate_mean, 3),
            wins=screening.wins,
            losses=screening.losses,
        )
        return Contender(candidate, candidate_id, results, screening)

    async def _register(self, incumbent: Prompt, candidate: Candidate) -> UUID:
        """Let the Worker generate with this text, for whoever shows the internal token."""
        candidate_id: UUID = await self._connection.fetchval(
            INSERT_CANDIDATE,
            incumbent.task_type,
            candidate.content,
            candidate.strategy,
            incumbent.id,
        )
        return candidate_id

    async def _replay(
        self, incumbent: Prompt, candidate_id: UUID, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        return await self._replayer.replay(
            task_type=incumbent.task_type, candidate_id=candidate_id, inputs=inputs
        )

    async def _promote(
        self,
        incumbent: Prompt,
        best: Contender,
        improvement_pct: float,
        detail: dict[str, Any],
        started: float,
    ) -> HealingOutcome:
        """Activate; if a person was faster, their prompt stays."""
        detail["cost"] = self._cost(started)
        patch = Patch(
            best.candidate.content,
            f"{best.candidate.strategy}: {best.candidate.rationale} "
            f"({improvement_pct:+.1f} points on replays)",
            CREATED_BY,
        )
        report = RepairReport(detail, improvement_pct, self._triggered_by)
        try:
            async with self._connection.transaction():
                activation = await patch_prompt(
                    self._connection, incumbent=incumbent, patch=patch, report=report
                )
                await self._connection.execute(
                    INSERT_RUN,
                    incumbent.task_type,
                    incumbent.id,
                    "promoted",
                    "better",
                    activation.report_id,
                    best.candidate_id,
                    detail,
                )
        except IncumbentChangedError as error:
            return await self._hold(incumbent, error.code, detail, started)
        log.info(
            "prompt_patched",
            task_type=incumbent.task_type,
            before_version=incumbent.version,
            after_version=activation.version,
            strategy=best.candidate.strategy,
            improvement_pct=round(improvement_pct, 1),
            worker_calls=self._replayer.calls,
            report_id=activation.report_id,
        )
        return HealingOutcome(True, "better", activation.version)

    async def _hold(
        self, incumbent: Prompt, reason: str, detail: dict[str, Any], started: float
    ) -> HealingOutcome:
        detail["cost"] = self._cost(started)
        await self._connection.execute(
            INSERT_RUN, incumbent.task_type, incumbent.id, "held", reason, None, None, detail
        )
        log.info(
            "optimization_held",
            task_type=incumbent.task_type,
            version=incumbent.version,
            reason=reason,
            worker_calls=self._replayer.calls,
        )
        return HealingOutcome(False, reason, incumbent.version)

    def _cost(self, started: float) -> dict[str, float]:
        return {
            "worker_calls": self._replayer.calls,
            "seconds": round(time.monotonic() - started, 2),
        }
