"""Heals one prompt: prepares, attributes, chooses, proves, and puts in force or holds."""

import builtins
import keyword
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

import asyncpg

from services.common.config import OptimizerSettings
from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.metering.spending import metering
from services.common.proof.betting import wins_needed
from services.common.record.lost_candidates import note_lost
from services.common.record.outcomes import HealingOutcome
from services.common.task_types import TaskTypes
from services.common.tracing.evaluation import healing
from services.optimizer.app.services.diagnosis.attribution import (
    Attribution,
)
from services.optimizer.app.services.diagnosis.first_looks import attribute_by_looking
from services.optimizer.app.services.diagnosis.healing_case import DRAFT, Case
from services.optimizer.app.services.diagnosis.incident import NO_REPAIR
from services.optimizer.app.services.heal.conclusion import Conclusion
from services.optimizer.app.services.heal.healing_report import Cost, HealingReport, Progress
from services.optimizer.app.services.heal.no_repair import find_no_repair
from services.optimizer.app.services.heal.preparation import Preparation, prepare
from services.optimizer.app.services.heal.resumption import find_obstacle, find_promising
from services.optimizer.app.services.proof.budget import ANALYST
from services.optimizer.app.services.proof.paired_test import NOT_BETTER, decide
from services.optimizer.app.services.proof.replay import SPENT_ERRORS, Replayer
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import golden_failures
from services.optimizer.app.services.proof.wager_store import StoredWagers, load_wagers
from services.optimizer.app.services.proof.wagers import INPUTS_USED_UP, WagerBook
from services.optimizer.app.services.repair.candidate_lint import (
    LintContext,
    find_draft_lint,
    find_lint,
)
from services.optimizer.app.services.repair.candidates import (
    AskModel,
    Candidate,
    Reflect,
    RepairContext,
)
from services.optimizer.app.services.repair.contest import (
    Choice,
    Contender,
    Contest,
)
from services.optimizer.app.services.repair.gate import BUDGET, Gate, GateDecision
from services.optimizer.app.services.repair.strategies import FINISHING, STRATEGIES

INCUMBENT = "incumbent"
# The share of a heal's calls that is kept for the gate.
GATE_SHARE = 0.4
# The share of a heal's calls within which it is asked whose fault it is, while it can't be told.
ATTRIBUTION_SHARE = 0.4
# A prompt may name what Python itself names.
PYTHON_NAMES = " ".join([*dir(builtins), *keyword.kwlist])

log = get_logger()

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


class Healer:
    """Heals one prompt, once.

    Args:
        reflect: Proposes texts after reading the failures; None where rules alone propose.
        ask_model: Asks the configured model anything; None without one.
        steps: Shares of traffic that a proven text serves, one after the other; the last is 1.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        replayer: Replayer,
        *,
        reflect: Reflect | None = None,
        ask_model: AskModel | None = None,
        task_types: TaskTypes,
        settings: OptimizerSettings,
        steps: tuple[float, ...] = (1.0,),
    ) -> None:
        self._steps = steps
        self._connection = connection
        self._replayer = replayer
        self._reflect = self._count(reflect) if reflect else None
        self._ask_model = self._count(ask_model) if ask_model else None
        self._task_types = task_types
        self._settings = settings
        self._started = time.monotonic()

    async def heal(self, case: Case) -> HealingOutcome:
        """Try to repair the prompt; activate what is proven better, else hold.

        Raises:
            ServiceError: If nothing could be replayed, since Worker or Evaluator fail, or the task
                type's directory can't be used; the run is on record.
        """
        progress = Progress(attribution=case.attribution)
        failure: ServiceError | None = None
        try:
            with healing(case.incumbent.task_type):
                async for step in self._take_steps(case):
                    progress = step
        except SPENT_ERRORS as error:
            progress = replace(progress, failure=error)
        except ServiceError as error:
            failure = error
            progress = replace(progress, failure=error)
        report = HealingReport(
            case,
            self._settings.optimizer_lookback_minutes,
            progress,
            self._sum_up_cost(),
            failure.code if failure else "",
        )
        if progress.decision is not None and not progress.hold_reason:
            conclusion = Conclusion(self._connection, self._settings, report, steps=self._steps)
            return await conclusion.put_in_force(progress.decision)
        most = self._settings.optimizer_max_heals_per_incident
        no_repair = await find_no_repair(self._connection, report, most=most)
        report = replace(report, no_repair=no_repair)
        conclusion = Conclusion(self._connection, self._settings, report)
        outcome = await conclusion.hold(NO_REPAIR if no_repair else progress.hold_reason)
        if failure is not None:
            raise failure
        return outcome

    async def _take_steps(self, case: Case) -> AsyncIterator[Progress]:
        """Prepare, attribute, choose and prove; give what is known after each step."""
        if case.attribution is not None:
            return
        incumbent = case.incumbent
        golden = self._task_types.golden_inputs(incumbent.task_type)
        prepared = await prepare(
            self._connection, case, golden, guard_inputs=self._settings.optimizer_guard_inputs
        )
        yield (progress := Progress(prepared))
        replays = TextReplays(self._connection, self._replayer, incumbent)
        if refusal := self._refuse_draft(case, prepared):
            yield replace(progress, choice=refusal)
            return
        if prepared.obstacle:
            return
        await replays.register(incumbent.content, INCUMBENT)
        book = await load_wagers(self._connection, incumbent)
        if case.draft is not None:
            draft = case.draft
            reason = draft.reason or f"by {draft.requested_by}"
            choice = await self._take(Candidate(draft.content, DRAFT, reason), replays)
        else:
            attribution = await self._attribute(case, prepared, replays)
            yield (progress := replace(progress, attribution=attribution))
            if not attribution.calls_for_repair:
                return
            choice = await self._choose(case, prepared, replays, book)
        yield (progress := replace(progress, choice=choice))
        if choice.failure is not None:
            raise choice.failure
        if choice.best is None:
            return
        gate = Gate(
            replays,
            prepared.trial,
            incumbent.content,
            book=book,
            max_newly_failing=self._settings.optimizer_max_newly_failing,
        )
        decision = await gate.judge(choice.best)
        yield replace(progress, decision=decision)
        if not decision.promote and not self._is_open(decision, book):
            await note_lost(self._connection, [choice.best.candidate_id])

    async def _attribute(
        self, case: Case, prepared: Preparation, replays: TextReplays
    ) -> Attribution:
        """Find whose fault it is, within the share of the calls that there is for it."""
        found = await attribute_by_looking(
            replays,
            prepared.trial,
            case.window,
            incumbent=case.incumbent.content,
            last_good=prepared.last_good,
            most_calls=ATTRIBUTION_SHARE * self._settings.max_calls,
        )
        log.info(
            "failures_attributed",
            task_type=case.incumbent.task_type,
            verdict=found.fault,
            because=list(found.because),
        )
        return found

    async def _choose(
        self, case: Case, prepared: Preparation, replays: TextReplays, book: StoredWagers
    ) -> Choice:
        """Let strategies propose candidates, and choose the one that comes before the gate."""
        incumbent, trial = case.incumbent.content, prepared.trial
        lint = self._lint_rules(case, prepared)
        promising = await find_promising(self._connection, case.incumbent.task_type, book, trial)
        if promising is not None and not find_lint(promising.content, lint):
            return await self._take(promising, replays)
        golden = golden_failures(trial.choosing, replays.known(incumbent))
        contest = Contest(
            replays,
            RepairContext(
                incumbent=incumbent,
                analysis=replace(case.analysis, failing=golden or trial.evidence),
                choosing=trial.choosing,
                incumbent_results=replays.known(incumbent),
                history=prepared.history,
                last_good=prepared.last_good,
                repairs=self._task_types.repairs(case.incumbent.task_type),
                replay=replays.run,
                find_lint=partial(find_lint, rules=lint),
                reflect=self._reflect,
                ask_model=self._ask_model,
                evidence_from_users=not golden,
            ),
            lint,
            calls_left=self._calls_for_choosing,
            find_obstacle=partial(find_obstacle, book=book, trial=trial),
        )
        choice = await contest.choose(STRATEGIES, FINISHING)
        if choice.failure is None:
            lost = [
                one
                for one in choice.contenders
                if one is not choice.best
                and one.gain <= 0
                and not book.find(one.candidate.content).is_promising
            ]
            await note_lost(self._connection, [one.candidate_id for one in lost])
        if choice.best is not None:
            log.info(
                "candidate_chosen",
                strategy=choice.best.candidate.strategy,
                most_verdict_replays=2 * len(trial.proving),
            )
        return choice

    def _is_open(self, decision: GateDecision, book: WagerBook) -> bool:
        """Tell whether further inputs, or calls, may still show that the candidate is better."""
        is_undecided = decision.reason in (BUDGET, INPUTS_USED_UP, NOT_BETTER)
        return is_undecided and not book.find(decision.contender.candidate.content).is_lost

    def _refuse_draft(self, case: Case, prepared: Preparation) -> Choice | None:
        """Refuse a person's text that may not be run; None where there is none to refuse."""
        draft = case.draft
        if draft is None:
            return None
        problem = find_draft_lint(draft.content, self._lint_rules(case, prepared))
        refused = ((DRAFT, draft.reason, problem),)
        return Choice(refused=refused, hold_reason="draft_refused") if problem else None

    async def _take(self, candidate: Candidate, replays: TextReplays) -> Choice:
        """Take a text for the one candidate, without a contest."""
        candidate_id = await replays.register(candidate.content, candidate.strategy)
        contender = Contender(candidate, candidate_id, {}, {}, decide([]), is_convincing=False)
        return Choice(contender, (contender,))

    def _calls_for_choosing(self) -> int:
        reserve = max(2 * wins_needed(), int(GATE_SHARE * self._settings.max_calls))
        return max(0, self._replayer.calls_left - reserve)

    def _lint_rules(self, case: Case, prepared: Preparation) -> LintContext:
        task_type, lost = case.incumbent.task_type, prepared.lost
        served = frozenset(past.content for past in prepared.history)
        definition = self._task_types.find(task_type)
        repairs = self._task_types.repairs(task_type)
        golden = self._task_types.golden_inputs(task_type)
        incumbent = case.incumbent.content
        return LintContext(
            incumbent=incumbent,
            longest_served_bytes=max(len(text.encode()) for text in (*served, incumbent)),
            served=served - lost.banned,
            lost_recently=lost.recent | lost.banned,
            evidence=case.read_texts,
            trusted=(
                incumbent,
                *served,
                *golden.choosing,
                repairs.role,
                *repairs.by_rule.values(),
                PYTHON_NAMES,
            ),
            variables=definition.variables if definition else (),
        )

    def _count(
        self, ask: Callable[Question, Awaitable[Answer]]
    ) -> Callable[Question, Awaitable[Answer]]:
        """Have the analyst asked within the budget, and what it spends counted."""
        budget = self._replayer.budget

        async def ask_and_count(*args: Question.args, **options: Question.kwargs) -> Answer:
            budget.require_analyst()
            with metering() as spent:
                try:
                    return await ask(*args, **options)
                finally:
                    spent.calls = max(spent.calls, 1)
                    budget.spent[ANALYST].add(spent)

        return ask_and_count

    def _sum_up_cost(self) -> Cost:
        return Cost.of(self._replayer.budget, time.monotonic() - self._started)
