import io

from rich.console import Console

from benchmarks.evaluator.labelled_answers import LabelledAnswer
from benchmarks.evaluator.scoring import Case, make_evaluation, score, score_all
from services.common.errors import NotJudgeableError
from services.common.evaluation_detail import EvaluationDetail
from services.common.schemas import EvaluationRequest
from services.evaluator.app.services.scorer import Verdict

SQUARE = "def square(n):\n    return n * n\n"


def case(code: str, *, name: str = "one") -> Case:
    answer = LabelledAnswer(name, "t", "canonical", code, True, True, True, ())
    return Case(answer, "none", "Write a function called square.", False, False)


class RefusingEvaluation:
    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        raise NotJudgeableError("it needs sockets")


async def test_the_serving_code_scores() -> None:
    scored = await score(make_evaluation(sandbox="off"), case(SQUARE))
    assert scored.score is not None
    assert scored.score > 0.7
    assert scored.passed is True
    assert scored.rule_score is not None
    assert scored.milliseconds > 0
    assert not scored.hit_limit


async def test_what_fails_says_why_it_was_capped() -> None:
    scored = await score(make_evaluation(sandbox="off"), case("def square(n:"))
    assert scored.passed is False
    assert scored.score is not None
    assert scored.score <= 0.4
    assert scored.cap_reasons


async def test_what_cannot_be_scored_has_no_score() -> None:
    scored = await score(RefusingEvaluation(), case(SQUARE))  # type: ignore[arg-type]
    assert scored.score is scored.passed is scored.rule_score is None
    assert "sockets" in scored.problem


async def test_results_keep_the_order_of_the_cases() -> None:
    cases = [case(SQUARE, name=str(number)) for number in range(9)]
    console = Console(file=io.StringIO())
    results = await score_all(
        make_evaluation(sandbox="off"), cases, title="scoring", console=console
    )
    assert [one.case.answer.id for one in results] == [str(number) for number in range(9)]
