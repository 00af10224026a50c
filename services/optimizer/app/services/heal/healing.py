"""Heals one prompt: prepares, attributes, chooses, proves, and puts in force or holds."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import asyncpg

from services.common.config import OptimizerSettings
from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.proof.betting import wins_needed
from services.common.record.lost_candidates import note_lost
from services.common.record.outcomes import HealingOutcome
from services.common.task_types import TaskTypes
from services.common.tracing.evaluation import healing
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.diagnosis.first_looks import attribute_by_looking
from services.optimizer.app.services.diagnosis.healing_case import DRAFT, Case, Draft
from services.optimizer.app.services.diagnosis.incident import NO_REPAIR
from services.optimizer.app.services.heal.conclusion import Conclusion
from services.optimizer.app.services.heal.healing_report import Cost, HealingReport, Progress
from services.optimizer.app.services.heal.no_repair import find_no_repair
from services.optimizer.app.services.heal.preparation import Preparation, prepare
from services.optimizer.app.services.heal.resumption import (
    find_obstacle,
    find_promising,
    find_trusted,
)
from services.optimizer.app.services.proof.paired_test import NOT_BETTER, decide
from services.optimizer.app.services.proof.replay import SPENT_ERRORS, Replayer
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import golden_failures
from services.optimizer.app.services.proof.wager_store import StoredWagers, load_wagers
from services.optimizer.app.services.proof.wagers import INPUTS_USED_UP, WagerBook
from services.optimizer.app.services.repair.candidate_lint import find_draft_lint, find_lint
from services.optimizer.app.services.repair.candidates import (
    Analyst,
    Candidate,
    RepairContext,
)
from services.optimizer.app.services.repair.contest import Choice, Contender, Contest, Refusal
from services.optimizer.app.services.repair.gate import BUDGET, Gate, GateDecision
from services.optimizer.app.services.repair.strategies import FINISHING, STRATEGIES

INCUMBENT = "incumbent"
# The share of a heal's calls that is kept for the gate.
GATE_SHARE = 0.4
# The share of a heal's calls within which it is asked whose fault it is, while it can't be told.
ATTRIBUTION_SHARE = 0.4

log = get_logger()


@dataclass(frozen=True, slots=True)
class Healer:
    """Heals one prompt, once.

    Attributes:
        steps: Shares of traffic that a proven text serves, one after the other; the last is 1.
    """

    connection: asyncpg.Connection
    replayer: Replayer
    analyst: Analyst
    task_types: TaskTypes
    settings: OptimizerSettings
    steps: tuple[float, ...] = (1.0,)

    async def heal(self, case: Case) -> HealingOutcome:
        """Try to repair the prompt; activate what is proven better, else hold.

        Raises:
            ServiceError: If nothing could be replayed, since Worker or Evaluator fail, or the task
                type's directory can't be used; the run is on record.
        """
        started = time.monotonic()
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
            self.settings.optimizer_lookback_minutes,
            progress,
            Cost.of(self.replayer.budget, time.monotonic() - started),
            failure.code if failure else "",
        )
        if progress.decision is not None and not progress.hold_reason:
            conclusion = Conclusion(self.connection, self.settings, report, steps=self.steps)
            return await conclusion.put_in_force(progress.decision)
        most = self.settings.optimizer_max_heals_per_incident
        no_repair = await find_no_repair(self.connection, report, most=most)
        report = replace(report, no_repair=no_repair)
        conclusion = Conclusion(self.connection, self.settings, report)
        outcome = await conclusion.hold(NO_REPAIR if no_repair else progress.hold_reason)
        if failure is not None:
            raise failure
        return outcome

    async def _take_steps(self, case: Case) -> AsyncIterator[Progress]:
        """Prepare, attribute, choose and prove; give what is known after each step."""
        if case.attribution is not None:
            return
        incumbent = case.incumbent
        guards = self.settings.optimizer_guard_inputs
        prepared = await prepare(self.connection, case, self.task_types, guard_inputs=guards)
        yield (progress := Progress(prepared))
        replays = TextReplays(self.connection, self.replayer, incumbent)
        if case.draft and (problem := find_draft_lint(case.draft.content, prepared.lint)):
            refused = (Refusal(DRAFT, case.draft.reason, problem),)
            yield replace(progress, choice=Choice(refused=refused, hold_reason="draft_refused"))
            return
        if prepared.obstacle:
            return
        await replays.register(incumbent.content, INCUMBENT)
        book = await load_wagers(self.connection, incumbent)
        if case.draft is not None:
            choice = await take(make_candidate(case.draft), replays)
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
            max_newly_failing=self.settings.optimizer_max_newly_failing,
        )
        decision = await gate.judge(choice.best)
        yield replace(progress, decision=decision)
        if not decision.promote and not is_open(decision, book):
            await note_lost(self.connection, [choice.best.candidate_id])

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
            most_calls=ATTRIBUTION_SHARE * self.settings.max_calls,
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
        lint = prepared.lint
        promising = await find_promising(self.connection, case.incumbent.task_type, book, trial)
        if promising is not None and not find_lint(promising.content, lint):
            return await take(promising, replays)
        golden = golden_failures(trial.choosing, replays.known(incumbent))
        contest = Contest(
            replays,
            RepairContext(
                incumbent=incumbent,
                analysis=replace(case.analysis, failing=golden or trial.evidence),
                choosing=trial.choosing,
                incumbent_results=replays.known(incumbent),
                last_good=prepared.last_good,
                repairs=self.task_types.repairs(case.incumbent.task_type),
                replay=replays.run,
                lint=lint,
                analyst=self.analyst.within(self.replayer.budget),
                evidence_from_users=not golden,
            ),
            calls_left=self._calls_for_choosing,
            find_obstacle=partial(find_obstacle, book=book, trial=trial),
            trusted=find_trusted(prepared.last_good, book),
        )
        choice = await contest.choose(STRATEGIES, FINISHING)
        await note_lost(self.connection, find_lost(choice, book))
        if choice.best is not None:
            log.info(
                "candidate_chosen",
                strategy=choice.best.candidate.strategy,
                most_verdict_replays=2 * len(trial.proving),
            )
        return choice

    def _calls_for_choosing(self) -> int:
        reserve = max(2 * wins_needed(), int(GATE_SHARE * self.settings.max_calls))
        return max(0, self.replayer.calls_left - reserve)


def make_candidate(draft: Draft) -> Candidate:
    """Make a person's text a candidate."""
    return Candidate(draft.content, DRAFT, draft.reason or f"by {draft.requested_by}")


async def take(candidate: Candidate, replays: TextReplays) -> Choice:
    """Take a text for the one candidate, without a contest."""
    candidate_id = await replays.register(candidate.content, candidate.strategy)
    contender = Contender(candidate, candidate_id, {}, {}, decide([]), is_convincing=False)
    return Choice(contender, (contender,))


def find_lost(choice: Choice, book: WagerBook) -> list[UUID]:
    """Find the candidates that lost; none in a contest that failed."""
    if choice.failure is not None:
        return []
    return [
        one.candidate_id
        for one in choice.contenders
        if one is not choice.best
        and one.gain <= 0
        and not book.find(one.candidate.content).is_promising
    ]


def is_open(decision: GateDecision, book: WagerBook) -> bool:
    """Tell whether further inputs, or calls, may still show that the candidate is better."""
    is_undecided = decision.reason in (BUDGET, INPUTS_USED_UP, NOT_BETTER)
    return is_undecided and not book.find(decision.contender.candidate.content).is_lost
