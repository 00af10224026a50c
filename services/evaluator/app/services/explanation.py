"""The `detail` of an evaluation: what was run, what came back, and why it scored as it did."""

from dataclasses import asdict

from services.common.evaluation_detail import (
    EvaluationDetail,
    EvaluatorDetail,
    ExecutionDetail,
    JudgeDetail,
    ObservationDetail,
    RuleDetail,
)
from services.common.metering.spending import Spending
from services.common.task_types.rules import RuleResults
from services.evaluator.app.sandbox.run.execution import Availability
from services.evaluator.app.services.behaviour.rules import EvidenceGrade, Run
from services.evaluator.app.services.judging.judge import Judge, Judgement
from services.evaluator.app.services.scorer import Verdict
from services.evaluator.app.services.static_reading import Reading

# Printed text is kept as a hint for people; the log row needn't carry all of it.
MAX_OUTPUT_CHARACTERS = 500
MAX_REASONING_CHARACTERS = 2_000


def explain(
    verdict: Verdict,
    rules: RuleResults,
    judgement: Judgement,
    *,
    judge: Judge,
    spent: Spending,
    fingerprint: str,
    reading: Reading,
    run: Run | None,
    availability: Availability,
) -> EvaluationDetail:
    """Tell all of an evaluation, as it is answered and logged."""
    evidence = "checks" if reading.knows_the_answer else run.evidence if run else "static"
    return EvaluationDetail(
        rule_score=verdict.rule,
        judge_score=verdict.judge,
        capped=verdict.capped,
        cap_reasons=rules.cap_reasons,
        evidence=evidence,
        caveat=describe_doubt(evidence, judge, rules),
        execution=describe_run(run, availability),
        rules=[
            RuleDetail(
                name=result.rule.name,
                weight=result.rule.weight,
                outcome=result.finding.outcome,
                reason=result.finding.reason,
            )
            for result in rules.results
        ],
        judge=JudgeDetail(
            name=judge.name,
            score=judgement.score,
            reason=judgement.reason,
            confidence=judgement.confidence,
            criteria=list(judgement.criteria),
            judgements=list(judgement.judgements),
            spread=judgement.spread,
            second_look=judgement.second_look,
            **asdict(spent),
        ),
        evaluator=EvaluatorDetail(fingerprint=fingerprint),
        reasoning=reading.reasoning[:MAX_REASONING_CHARACTERS],
    )


def describe_doubt(evidence: EvidenceGrade, judge: Judge, rules: RuleResults) -> str:
    """Say in one line that nothing tells whether the answer is right; empty where something does.

    A judge that has an opinion of its own tells, and so does a rule that shows a failure.
    """
    if evidence in ("checks", "examples") or judge.can_judge_unseen or rules.cap_reasons:
        return ""
    return (
        "nothing here shows whether the answer is right: no example in the request, no checks, "
        f"{judge.name} judge"
    )


def describe_run(run: Run | None, availability: Availability) -> ExecutionDetail:
    """Tell what was run and what came back; `not_run` where the answer holds nothing to run."""
    if run is None:
        return ExecutionDetail(status="not_run", reason="the answer holds no program that parses")
    execution = run.execution
    return ExecutionDetail(
        status=execution.status,
        reason=execution.reason,
        backend=availability.backend,
        layers=list(execution.layers),
        cpu_ms=execution.cpu_ms,
        wall_ms=execution.wall_ms,
        output=execution.output[:MAX_OUTPUT_CHARACTERS],
        output_cut=execution.output_cut or len(execution.output) > MAX_OUTPUT_CHARACTERS,
        observations=[
            ObservationDetail(
                kind=one.kind,
                ran=one.ran,
                came_back=one.came_back,
                expected=one.expected,
                verdict=one.outcome,
                reason=one.reason,
            )
            for one in run.behaviour.observations
        ],
    )
