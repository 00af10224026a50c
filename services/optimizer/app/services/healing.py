"""One heal of one task type: attribute, propose, replay, decide, activate or hold, report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg

from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.task_types import TaskTypes
from services.optimizer.app.services import attribution as blame
from services.optimizer.app.services.attribution import Attribution, Replays, attribute_from_replays
from services.optimizer.app.services.candidate_lint import LintContext
from services.optimizer.app.services.candidates import (
    AskModel,
    Candidate,
    Reflect,
    RepairContext,
    find_last_good,
)
from services.optimizer.app.services.contest import FIRST_LOOK, Contender, Contest
from services.optimizer.app.services.failure_log import load_history, load_passing
from services.optimizer.app.services.healing_report import HealingReport
from services.optimizer.app.services.healing_runs import (
    HELD,
    PROMOTED,
    PROPOSED,
    Repair,
    Run,
    promote,
    propose,
    record_run,
)
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.log_records import PastPrompt, Record, Window
from services.optimizer.app.services.lost_candidates import load_lost, note_lost
from services.optimizer.app.services.promotion import can_decide, pairs_needed
from services.optimizer.app.services.prompt_patcher import IncumbentChangedError
from services.optimizer.app.services.replay import (
    BudgetExceededError,
    DeadlineExceededError,
    Replayer,
)
from services.optimizer.app.services.screening import Quarantined, screen
from services.optimizer.app.services.strategies import STRATEGIES
from services.optimizer.app.services.text_replays import TextReplays
from services.optimizer.app.services.trial import TrialInputs, plan_trial
from services.optimizer.app.services.verdict import Gate, Verdict

INCUMBENT = "incumbent"
# The share of a heal's calls that is kept for the verdict.
VERDICT_SHARE = 0.4
PROPOSE_MODE = "propose"
HOLD_REASONS = {
    blame.PROVIDER: "provider_at_fault",
    blame.EVALUATOR: "evaluator_at_fault",
    blame.INPUT: "input_at_fault",
    blame.UNKNOWN: "failures_did_not_recur",
}

log = get_logger()


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt whose failures have piled up.

    Attributes:
        incumbent: The prompt.
        window: What was logged for it, without the rows that were set aside.
        analysis: What fails.
        quarantined: Rows that were set aside.
        attribution: Whose fault it is, where the log alone tells.
        evidence_texts: All that users and models wrote in the window, for the lint.
    """

    incumbent: Prompt
    window: Window
    analysis: FailureAnalysis
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    evidence_texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealingOutcome:
    """How a heal ended.

    Attributes:
        decision: `promoted`, `proposed`, `held` or `rolled_back`.
        reason: `better`, or why the incumbent stays.
        version: The version that serves now.
        verdict: Whose fault the failures are; empty where that wasn't asked.
        summary: The same in a sentence for people.
        before_version: The version that served before.
        run_id: The run's id in `selfheal.healing_runs`.
        report_id: The report's id, where there is one.
        pairs: Inputs on which both texts were run for the verdict.
        passed_before: How many of them the incumbent passed.
        passed_after: How many the candidate passed.
    """

    decision: str
    reason: str
    version: int
    verdict: str = ""
    summary: str = field(default="", compare=False)
    before_version: int = field(default=0, compare=False)
    run_id: str = field(default="", compare=False)
    report_id: int | None = field(default=None, compare=False)
    pairs: int = field(default=0, compare=False)
    passed_before: int = field(default=0, compare=False)
    passed_after: int = field(default=0, compare=False)

    @property
    def promoted(self) -> bool:
        """Whether a candidate serves now."""
        return self.decision == PROMOTED


@dataclass(frozen=True, slots=True)
class HealingPolicy:
    """What the operator decided.

    Attributes:
        mode: `auto` activates what is proven, `propose` leaves it for a person.
        triggered_by: Goes into the report.
        lookback_minutes: How far back failures count.
        guard_inputs: Most inputs on which damage is looked for.
        max_newly_failing: Newly failing ones of ten that are borne.
        max_calls: Worker calls of a heal.
    """

    mode: str = "auto"
    triggered_by: str = "cronjob"
    lookback_minutes: int = 30
    guard_inputs: int = 10
    max_newly_failing: int = 1
    max_calls: int = 60


class Healer:
    """Heals one prompt, once.

    Args:
        connection: The Optimizer's own connection.
        replayer: Runs texts on inputs, within the heal's budget.
        reflect: Proposes texts after reading the failures; None where rules alone propose.
        ask_model: Asks the configured model anything; None without one.
        task_types: What is known of task types: their golden inputs and their repairs.
        policy: What the operator decided.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        replayer: Replayer,
        *,
        reflect: Reflect | None = None,
        ask_model: AskModel | None = None,
        task_types: TaskTypes,
        policy: HealingPolicy,
    ) -> None:
        self._connection = connection
        self._replayer = replayer
        self._reflect = reflect
        self._ask_model = ask_model
        self._task_types = task_types
        self._policy = policy
        self._started = time.monotonic()

    async def heal(self, case: Case) -> HealingOutcome:
        """Try to repair the prompt; activate what is proven better, else hold.

        Raises:
            UpstreamError: If nothing could be replayed, since Worker or Evaluator fail.
            TaskTypeError: If the task type's directory can't be used.
        """
        report = HealingReport(
            case.window, case.analysis, self._policy.lookback_minutes, case.quarantined
        )
        if case.attribution is not None:
            report.attribution = case.attribution
            return await self._hold(case, HOLD_REASONS[case.attribution.verdict], report)
        try:
            return await self._heal(case, report)
        except (BudgetExceededError, DeadlineExceededError) as error:
            return await self._hold(case, error.code, report)

    async def _heal(self, case: Case, report: HealingReport) -> HealingOutcome:
        incumbent = case.incumbent
        history = await load_history(self._connection, incumbent)
        trial = await self._plan(case, history)
        report.trial = trial
        if not can_decide(len(trial.verdict)):
            return await self._hold(case, "too_few_inputs", report)
        replays = TextReplays(self._connection, self._replayer, incumbent)
        await replays.register(incumbent.content, INCUMBENT)
        last_good = find_last_good(
            history, incumbent.content, incumbent_pass_rate=_pass_rate(case.analysis)
        )
        report.attribution = await self._attribute(case, trial, replays, last_good)
        log.info(
            "failures_attributed",
            task_type=incumbent.task_type,
            verdict=report.attribution.verdict,
            because=list(report.attribution.because),
        )
        if not report.attribution.calls_for_repair:
            return await self._hold(case, HOLD_REASONS[report.attribution.verdict], report)
        best = await self._choose(case, trial, replays, history, last_good, report)
        if best is None:
            spent = report.error == BudgetExceededError.code
            return await self._hold(case, report.error if spent else "no_better_candidate", report)
        log.info(
            "candidate_chosen",
            strategy=best.candidate.strategy,
            most_verdict_replays=2 * len(trial.verdict),
        )
        gate = Gate(
            replays,
            trial,
            incumbent.content,
            calls_left=lambda: self._replayer.calls_left,
            max_newly_failing=self._policy.max_newly_failing,
        )
        report.verdict = await gate.judge(best)
        if not report.verdict.promote:
            await note_lost(self._connection, [best.candidate_id])
            return await self._hold(case, report.verdict.reason, report, best)
        return await self._put_in_force(case, report, report.verdict)

    async def _plan(self, case: Case, history: Sequence[PastPrompt]) -> TrialInputs:
        passing = await load_passing(self._connection, case.incumbent, history)
        return plan_trial(
            case.analysis.failing,
            self._task_types.golden_inputs(case.incumbent.task_type),
            screen(passing).clean,
            guard_inputs=self._policy.guard_inputs,
        )

    async def _attribute(
        self,
        case: Case,
        trial: TrialInputs,
        replays: TextReplays,
        last_good: PastPrompt | None,
    ) -> Attribution:
        """Run the prompt again, and beside it the last one that served well; a few inputs first.

        Where a few inputs seem to clear the prompt, the others must agree.
        """
        for inputs in (trial.choosing[:FIRST_LOOK], trial.choosing):
            incumbent = await replays.run(case.incumbent.content, inputs)
            before = await replays.run(last_good.content, inputs) if last_good else None
            version = last_good.version if last_good else None
            found = attribute_from_replays(case.window, Replays(inputs, incumbent, before, version))
            if found.calls_for_repair:
                break
        return found

    async def _choose(
        self,
        case: Case,
        trial: TrialInputs,
        replays: TextReplays,
        history: Sequence[PastPrompt],
        last_good: PastPrompt | None,
        report: HealingReport,
    ) -> Contender | None:
        incumbent = case.incumbent.content
        contest = Contest(
            replays,
            RepairContext(
                incumbent=incumbent,
                analysis=replace(case.analysis, failing=trial.evidence),
                choosing=trial.choosing,
                incumbent_results=replays.known(incumbent),
                history=history,
                last_good=last_good,
                repairs=self._task_types.repairs(case.incumbent.task_type),
                replay=replays.run,
                reflect=self._counted_reflection(report),
                ask_model=self._counted_question(report),
            ),
            await self._lint_rules(case, history),
            calls_left=self._calls_for_choosing,
        )
        try:
            best = await contest.choose(STRATEGIES)
        finally:
            report.contenders, report.refused = contest.contenders, contest.refused
        await note_lost(
            self._connection,
            [one.candidate_id for one in contest.contenders if one is not best and one.gain <= 0],
        )
        if best is None and contest.budget_spent:
            report.error = BudgetExceededError.code
        return best

    def _calls_for_choosing(self) -> int:
        reserve = max(2 * pairs_needed(), int(VERDICT_SHARE * self._policy.max_calls))
        return max(0, self._replayer.calls_left - reserve)

    async def _lint_rules(self, case: Case, history: Sequence[PastPrompt]) -> LintContext:
        task_type = case.incumbent.task_type
        served = frozenset(past.content for past in history)
        repairs = self._task_types.repairs(task_type)
        golden = self._task_types.golden_inputs(task_type)
        incumbent = case.incumbent.content
        lost = await load_lost(self._connection, case.incumbent)
        return LintContext(
            incumbent=incumbent,
            longest_served_bytes=max(len(text.encode()) for text in (*served, incumbent)),
            served=served - lost.rolled_back,
            lost_recently=lost.recent | lost.rolled_back,
            evidence=case.evidence_texts,
            trusted=(
                incumbent,
                *served,
                *golden.choosing,
                repairs.role,
                *repairs.by_rule.values(),
            ),
        )

    def _counted_reflection(self, report: HealingReport) -> Reflect | None:
        reflect = self._reflect
        if reflect is None:
            return None

        async def ask(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
            report.analyst_calls += 1
            return await reflect(incumbent, analysis)

        return ask

    def _counted_question(self, report: HealingReport) -> AskModel | None:
        ask_model = self._ask_model
        if ask_model is None:
            return None

        async def ask(question: str) -> str:
            report.analyst_calls += 1
            return await ask_model(question)

        return ask

    async def _put_in_force(
        self, case: Case, report: HealingReport, verdict: Verdict
    ) -> HealingOutcome:
        """Activate, or propose; if a person was faster, their prompt stays."""
        incumbent, contender = case.incumbent, verdict.contender
        report.watching = incumbent.version
        gained = verdict.decision.improvement_pct
        what = f"{contender.candidate.strategy}: {contender.candidate.rationale}"
        summary = (
            f"{verdict.label} by {what}; on {len(verdict.pairs)} inputs that had no part in "
            f"choosing it, {verdict.decision.wins} better and {verdict.decision.losses} worse "
            f"(e-value {verdict.decision.e_value:.1f})"
        )
        repair = Repair(
            contender.candidate_id,
            contender.candidate.content,
            f"{what} ({gained:+.1f} points on replays)",
            gained,
        )
        if self._policy.mode == PROPOSE_MODE:
            run = self._run(case, PROPOSED, "better", report, summary, contender)
            run_id = await propose(self._connection, run)
            log.info("repair_proposed", task_type=incumbent.task_type, run_id=str(run_id))
            return self._outcome(run, incumbent.version, summary, verdict, run_id=str(run_id))
        run = self._run(case, PROMOTED, "better", report, summary, contender)
        try:
            activation = await promote(self._connection, run, repair)
        except IncumbentChangedError as error:
            return await self._hold(case, error.code, report, contender)
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
        return self._outcome(
            run,
            activation.version,
            summary,
            verdict,
            run_id=str(activation.run_id),
            report_id=activation.report_id,
        )

    async def _hold(
        self,
        case: Case,
        reason: str,
        report: HealingReport,
        contender: Contender | None = None,
    ) -> HealingOutcome:
        incumbent = case.incumbent
        because = report.attribution.because if report.attribution else ()
        summary = " ".join([f"Held, {reason.replace('_', ' ')}.", *because])
        run = self._run(case, HELD, reason, report, summary, contender)
        run_id = await record_run(self._connection, run)
        log.info(
            "optimization_held",
            task_type=incumbent.task_type,
            version=incumbent.version,
            reason=reason,
            verdict=run.verdict,
            worker_calls=self._replayer.calls,
        )
        return self._outcome(run, incumbent.version, summary, report.verdict, run_id=str(run_id))

    def _run(
        self,
        case: Case,
        decision: str,
        reason: str,
        report: HealingReport,
        summary: str,
        contender: Contender | None,
    ) -> Run:
        seconds = time.monotonic() - self._started
        detail: dict[str, Any] = report.as_json(
            summary=summary, replayer=self._replayer, seconds=seconds
        )
        return Run(
            case.incumbent,
            decision,
            reason,
            report.attribution.verdict if report.attribution else "",
            detail,
            self._policy.triggered_by,
            contender.candidate_id if contender else None,
        )

    def _outcome(
        self,
        run: Run,
        version: int,
        summary: str,
        verdict: Verdict | None,
        *,
        run_id: str,
        report_id: int | None = None,
    ) -> HealingOutcome:
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


def _pass_rate(analysis: FailureAnalysis) -> float:
    return Record(analysis.scored_count, analysis.scored_count - analysis.failure_count).pass_rate
