"""One heal of one task type: attribute, propose, replay, decide, activate or hold, report."""

import builtins
import keyword
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.task_types import TaskTypes
from services.optimizer.app.services.diagnosis import attribution as blame
from services.optimizer.app.services.diagnosis.attribution import (
    Attribution,
    Replays,
    attribute_from_replays,
)
from services.optimizer.app.services.diagnosis.healing_case import (
    Case,
    HealingOutcome,
    HealingPolicy,
)
from services.optimizer.app.services.heal.conclusion import Conclusion
from services.optimizer.app.services.heal.healing_report import HealingReport
from services.optimizer.app.services.log.failure_log import load_history, load_passing
from services.optimizer.app.services.log.log_records import PastPrompt, Record
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.proof.promotion import can_decide, pairs_needed
from services.optimizer.app.services.proof.replay import (
    BudgetExceededError,
    DeadlineExceededError,
    Replayer,
)
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import TrialInputs, golden_failures, plan_trial
from services.optimizer.app.services.record.lost_candidates import LostTexts, load_lost, note_lost
from services.optimizer.app.services.repair.candidate_lint import LintContext, find_lint
from services.optimizer.app.services.repair.candidates import (
    AskModel,
    Candidate,
    Reflect,
    RepairContext,
    find_last_good,
)
from services.optimizer.app.services.repair.contest import FIRST_LOOK, Contender, Contest
from services.optimizer.app.services.repair.strategies import FINISHING, STRATEGIES
from services.optimizer.app.services.repair.verdict import BUDGET, Gate
from services.optimizer.app.services.screening.screening import screen

INCUMBENT = "incumbent"
# The share of a heal's calls that is kept for the verdict.
VERDICT_SHARE = 0.4
# A prompt may name what Python itself names, whoever else does.
PYTHON_NAMES = " ".join([*dir(builtins), *keyword.kwlist])
HOLD_REASONS = {
    blame.PROVIDER: "provider_at_fault",
    blame.EVALUATOR: "evaluator_at_fault",
    blame.INPUT: "input_at_fault",
    blame.UNKNOWN: "failures_did_not_recur",
}

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a heal plays on: the inputs, the texts' replays, who served before, and who lost."""

    trial: TrialInputs
    replays: TextReplays
    history: Sequence[PastPrompt]
    last_good: PastPrompt | None
    lost: LostTexts


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

    async def heal(self, case: Case) -> HealingOutcome:
        """Try to repair the prompt; activate what is proven better, else hold.

        Raises:
            ServiceError: If nothing could be replayed, since Worker or Evaluator fail, or the task
                type's directory can't be used; the run is on record.
        """
        report = HealingReport(
            case.window, case.analysis, self._policy.lookback_minutes, case.quarantined
        )
        conclusion = Conclusion(self._connection, self._replayer, self._policy, case, report)
        if case.attribution is not None:
            report.attribution = case.attribution
            return await conclusion.hold(HOLD_REASONS[case.attribution.verdict])
        try:
            return await self._heal(case, report, conclusion)
        except (BudgetExceededError, DeadlineExceededError) as error:
            return await conclusion.hold(error.code)
        except ServiceError as error:
            if not report.error:  # else what kept it from serving is on record
                report.error = error.code
                await conclusion.hold(error.code)
            raise

    async def _heal(
        self, case: Case, report: HealingReport, conclusion: Conclusion
    ) -> HealingOutcome:
        incumbent = case.incumbent
        history = await load_history(self._connection, incumbent)
        passing = await load_passing(self._connection, incumbent, history)
        clean = screen(passing).clean
        if passing and not clean:
            return await conclusion.hold("guards_quarantined")
        trial = plan_trial(
            case.analysis.failing,
            self._task_types.golden_inputs(incumbent.task_type),
            clean,
            guard_inputs=self._policy.guard_inputs,
        )
        report.trial = trial
        if not can_decide(len(trial.verdict)):
            return await conclusion.hold("too_few_inputs")
        replays = TextReplays(self._connection, self._replayer, incumbent)
        await replays.register(incumbent.content, INCUMBENT)
        lost = await load_lost(self._connection, incumbent)
        last_good = find_last_good(
            [past for past in history if past.content not in lost.banned],
            incumbent.content,
            incumbent_pass_rate=_pass_rate(case.analysis),
        )
        stage = _Stage(trial, replays, history, last_good, lost)
        report.attribution = await self._attribute(case, stage)
        log.info(
            "failures_attributed",
            task_type=incumbent.task_type,
            verdict=report.attribution.verdict,
            because=list(report.attribution.because),
        )
        if not report.attribution.calls_for_repair:
            return await conclusion.hold(HOLD_REASONS[report.attribution.verdict])
        best, is_budget_spent = await self._choose(case, stage, report)
        if best is None:
            reason = BudgetExceededError.code if is_budget_spent else "no_better_candidate"
            return await conclusion.hold(reason)
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
            if report.verdict.reason != BUDGET:
                await note_lost(self._connection, [best.candidate_id])
            return await conclusion.hold(report.verdict.reason, best)
        return await conclusion.put_in_force(report.verdict)

    async def _attribute(self, case: Case, stage: _Stage) -> Attribution:
        """Run the prompt again, and beside it the last one that served well; a few inputs first.

        Where a few inputs seem to clear the prompt, the others must agree.
        """
        choosing, last_good = stage.trial.choosing, stage.last_good
        for inputs in (choosing[:FIRST_LOOK], choosing):
            incumbent = await stage.replays.run(case.incumbent.content, inputs)
            before = await stage.replays.run(last_good.content, inputs) if last_good else None
            found = attribute_from_replays(
                case.window,
                Replays(
                    inputs,
                    incumbent,
                    before,
                    last_good_version=last_good.version if last_good else None,
                    last_good_served=last_good is None or last_good.scored > 0,
                    failing_clusters=stage.trial.clusters,
                ),
            )
            if found.calls_for_repair:
                break
        return found

    async def _choose(
        self, case: Case, stage: _Stage, report: HealingReport
    ) -> tuple[Contender | None, bool]:
        """The candidate for the verdict, and whether the calls ran out before all had a try."""
        incumbent, replays = case.incumbent.content, stage.replays
        lint = self._lint_rules(case, stage)
        golden = golden_failures(stage.trial.choosing, replays.known(incumbent))
        contest = Contest(
            replays,
            RepairContext(
                incumbent=incumbent,
                analysis=replace(case.analysis, failing=golden or stage.trial.evidence),
                choosing=stage.trial.choosing,
                incumbent_results=replays.known(incumbent),
                history=stage.history,
                last_good=stage.last_good,
                repairs=self._task_types.repairs(case.incumbent.task_type),
                replay=replays.run,
                find_lint=partial(find_lint, rules=lint),
                reflect=self._counted_reflection(report),
                ask_model=self._counted_question(report),
                evidence_from_users=not golden,
            ),
            lint,
            calls_left=self._calls_for_choosing,
        )
        try:
            best = await contest.choose(STRATEGIES, FINISHING)
        finally:
            report.contenders, report.refused = contest.contenders, contest.refused
        await note_lost(
            self._connection,
            [one.candidate_id for one in contest.contenders if one is not best and one.gain <= 0],
        )
        return best, contest.budget_spent

    def _calls_for_choosing(self) -> int:
        reserve = max(2 * pairs_needed(), int(VERDICT_SHARE * self._policy.max_calls))
        return max(0, self._replayer.calls_left - reserve)

    def _lint_rules(self, case: Case, stage: _Stage) -> LintContext:
        task_type, lost = case.incumbent.task_type, stage.lost
        served = frozenset(past.content for past in stage.history)
        repairs = self._task_types.repairs(task_type)
        golden = self._task_types.golden_inputs(task_type)
        incumbent = case.incumbent.content
        return LintContext(
            incumbent=incumbent,
            longest_served_bytes=max(len(text.encode()) for text in (*served, incumbent)),
            served=served - lost.banned,
            lost_recently=lost.recent | lost.banned,
            evidence=case.evidence_texts,
            trusted=(
                incumbent,
                *served,
                *golden.choosing,
                repairs.role,
                *repairs.by_rule.values(),
                PYTHON_NAMES,
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


def _pass_rate(analysis: FailureAnalysis) -> float:
    return Record(analysis.scored_count, analysis.scored_count - analysis.failure_count).pass_rate
