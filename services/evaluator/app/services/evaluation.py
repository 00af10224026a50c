"""One evaluation: read, run, compare, weigh, judge, score, and explain."""

import asyncio

from services.common.errors import (
    InvalidRequestError,
    NotJudgeableError,
    NotJudgedError,
    OutOfTimeError,
    UnscoredError,
)
from services.common.evaluation_detail import EvaluationDetail
from services.common.logging import get_logger
from services.common.metering.spending import telling_spending
from services.common.resilience.deadline import remaining_seconds
from services.common.resilience.ranks import Rank
from services.common.resilience.turns import Turns
from services.common.schemas import EvaluationRequest
from services.common.task_types.registry import TaskTypes, open_task_types
from services.common.task_types.rules import RuleResults
from services.evaluator.app.sandbox import NoSandbox, Sandbox, unavailable
from services.evaluator.app.sandbox.run.execution import Availability
from services.evaluator.app.sandbox.run.request import SELF_TEST, problem_of_self_test
from services.evaluator.app.services.behaviour.assessment import assess, mute
from services.evaluator.app.services.behaviour.rules import (
    Run,
    find_in_run,
    grade_run,
)
from services.evaluator.app.services.bounded_reading import Reader
from services.evaluator.app.services.explanation import explain
from services.evaluator.app.services.fingerprint import fingerprint_evaluator
from services.evaluator.app.services.judging.judge import Judge, JudgedAnswer, RubricJudge
from services.evaluator.app.services.rule_sets import (
    criteria_for,
    grade_criteria,
    rules_for,
    weigh_findings,
)
from services.evaluator.app.services.scorer import Verdict, reach_verdict
from services.evaluator.app.services.static_reading import Reading

RUN_ATTEMPTS = 3
# A zygote that was lost is replaced after a second at most.
RUN_RETRY_SECONDS = 0.6
MODULE_HINT = "SANDBOX_MODULES can name modules for it. "

log = get_logger()


class Evaluation:
    """Scores answers: reads them, runs them, applies the rules and asks one judge.

    Args:
        sandbox: Runs the answers' code; by default nothing is run.
        task_types: What good means, by task type; by default the built-in ones.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        sandbox: Sandbox | None = None,
        task_types: TaskTypes | None = None,
        reader: Reader | None = None,
        sandbox_slots: int = 16,
    ) -> None:
        self._judge = judge
        self._sandbox = sandbox or NoSandbox("this evaluation was given no sandbox")
        self._task_types = task_types or open_task_types(None)
        # Why the sandbox isn't what it was; empty where it is.
        self._loss = ""
        self._turns = Turns(sandbox_slots)
        self._reader = reader or Reader(self._task_types.own_directory)

    @property
    def judge(self) -> Judge:
        """Return the judge, who gives 60 % of a score."""
        return self._judge

    @property
    def availability(self) -> Availability:
        """Return whether code is run here, and if not, why."""
        return self._sandbox.availability

    @property
    def obstacle(self) -> str:
        """Say why nothing can be scored that has to be run; empty where it can."""
        return f"The sandbox was lost: {self._loss}." if self._loss else ""

    async def recover(self) -> bool:
        """Try a sandbox that was lost; tell whether it is there."""
        if self._loss:
            self._loss = problem_of_self_test(await self._sandbox.run(*SELF_TEST))
        return not self._loss

    def admits(self, rank: Rank) -> bool:
        """Tell whether no more wait for the sandbox than can run in it at a time."""
        return self._turns.count_waiting(rank) < self._turns.places

    async def start(self) -> None:
        """Start the sandbox; where it can't be had, evaluations do without."""
        await self._sandbox.start()

    async def close(self) -> None:
        """End the sandbox and let go of the judge."""
        await self._sandbox.close()
        await self._judge.close()

    def fingerprint_of(self, task_type: str, availability: Availability | None = None) -> str:
        """Return the fingerprint of a task type's scores; scores of two of them don't compare.

        Args:
            availability: The sandbox as it was at a score; by default as it is now.
        """
        definition = self._task_types.find(task_type)
        availability = availability or self._sandbox.availability
        return fingerprint_evaluator(
            judge=self._judge.identity,
            sandbox=" ".join((availability.backend, *availability.modules)),
            task_type=definition.digest if definition else "",
        )

    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        """Score an answer and explain the score.

        Raises:
            InvalidRequestError: If it names a golden input that isn't the request.
            NotJudgedError: If the judge isn't to be asked, and the rules show no failure.
            OutOfTimeError: If the request's deadline comes before there is a grade.
            UnscoredError: If the answer can't be read in time, can't be judged here, or the
                judge gives no usable grade.
        """
        # As it is now: one that is found meanwhile didn't run this answer.
        availability = self._sandbox.availability
        definition = self._task_types.find(request.task_type)
        golden = self._task_types.golden_inputs(request.task_type)
        if request.golden_id not in (None, golden.ids.get(request.user_input)):
            raise InvalidRequestError("golden_id names another input than the request is.")
        try:
            # A run that is cut short by our time, and not by its own, shows nothing of the answer.
            async with asyncio.timeout(remaining_seconds()):
                reading = await self._reader.read(
                    task_type=request.task_type,
                    user_input=request.user_input,
                    answer=request.worker_output,
                    is_golden=request.golden_id is not None,
                    conversation=request.conversation,
                )
                run = await self._run(reading, availability)
        except TimeoutError as error:
            raise OutOfTimeError from error
        findings = reading.findings | find_in_run(run)
        rules = weigh_findings(rules_for(definition), findings)
        judge = self._judge_for(request, rules)
        self._require_judgeable(rules, run)
        grades = reading.grades | grade_run(run)
        case = JudgedAnswer(
            task_type=request.task_type,
            user_input=request.user_input,
            answer=reading.answer,
            grades=grade_criteria(criteria_for(definition), grades),
            conversation=request.conversation,
        )
        with telling_spending(judge.name) as spent:
            judgement = await judge.judge(case, rules)
        verdict = reach_verdict(
            rules.score, judgement.score, demonstrably_fails=bool(rules.cap_reasons)
        )
        detail = explain(
            verdict,
            rules,
            judgement,
            judge=judge,
            spent=spent,
            fingerprint=self.fingerprint_of(request.task_type, availability),
            reading=reading,
            run=run,
            availability=availability,
        )
        return verdict, detail

    def _judge_for(self, request: EvaluationRequest, rules: RuleResults) -> Judge:
        """Choose who judges: where the judge isn't to be asked, the rubric grades a failure."""
        if request.with_judge:
            return self._judge
        if not rules.cap_reasons:
            raise NotJudgedError("The rules show no failure, and the judge was not to be asked.")
        return RubricJudge()

    async def _run(self, reading: Reading, availability: Availability) -> Run | None:
        """Run the program in the answer; None where there is none.

        Raises:
            UnscoredError: If there is a sandbox, and it was lost three times in a row: a verdict
                without a run would be another evaluator's.
        """
        if not reading.source:
            return None
        if not availability.is_available:
            execution = unavailable(availability.problem, len(reading.plan.steps))
            return Run(execution, assess(reading.plan, execution))
        for attempt in range(RUN_ATTEMPTS):
            await asyncio.sleep(RUN_RETRY_SECONDS if attempt else 0)
            async with self._turns.holding():
                execution = await self._sandbox.run(reading.source, reading.plan.steps)
            if execution.status != "unavailable":
                self._loss = ""
                behaviour = assess(reading.plan, execution)
                return Run(mute(execution) if reading.plan.is_golden else execution, behaviour)
            log.warning("sandbox_lost", reason=execution.reason)
        self._loss = execution.reason
        raise UnscoredError(f"The answer could not be run: {execution.reason}.")

    def _require_judgeable(self, rules: RuleResults, run: Run | None) -> None:
        """Refuse to guess: what the sandbox stood in the way of is neither right nor wrong.

        A judge that has an opinion of its own may give it. The rubric's rests on what a run
        shows, and code that keeps itself from being run must not pass by that.
        """
        if run is None or rules.cap_reasons or self._judge.can_judge_unseen:
            return
        if run.obstacle:
            named = MODULE_HINT if ModuleNotFoundError.__name__ in run.obstacle else ""
            raise NotJudgeableError(
                f"The answer can't be judged: {run.obstacle}. {named}A JUDGE_MODEL could judge it."
            )
