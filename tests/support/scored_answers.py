"""Made-up evaluations, to compute figures of."""

from benchmarks.evaluator.labelled_answers import LabelledAnswer
from benchmarks.evaluator.scoring import Case, Scored


def scored(
    score: float | None,
    *,
    right: bool,
    task: str = "t",
    kind: str = "canonical",
    form: str = "examples",
    contradicts: bool = False,
    betrayed: bool = False,
    rule_score: float | None = None,
    milliseconds: float = 10.0,
    hit_limit: bool = False,
) -> Scored:
    answer = LabelledAnswer(f"{task}/{kind}", task, kind, "pass", right, True, True, ())
    return Scored(
        case=Case(answer, form, "Do it.", contradicts, betrayed),
        score=score,
        rule_score=score if rule_score is None else rule_score,
        passed=None if score is None else score >= 0.7,
        cap_reasons=(),
        milliseconds=milliseconds,
        hit_limit=hit_limit,
        problem="no usable grade" if score is None else "",
    )
