"""One evaluation: the score, and the detail that explains it."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.chat.evaluation import make_evaluation_request
from services.common.errors import NotJudgedError, UnscoredError
from services.common.evaluation_detail import EvaluationDetail
from services.common.metering.spending import Spending, note_spending
from services.common.schemas import Conversation, EvaluationRequest
from services.common.task_types.registry import open_task_types
from services.common.task_types.rules import RuleResults
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.explanation import MAX_REASONING_CHARACTERS
from services.evaluator.app.services.judging.judge import JudgedAnswer, Judgement, RubricJudge
from services.evaluator.app.services.rule_sets import rules_for
from services.evaluator.app.services.scorer import Verdict

REQUEST_ID = "5f1c2a8e-5a5e-4b0e-9d0e-1f2a3b4c5d6e"
GOOD = '''```python
def binary_search(items: list[int], target: int) -> int:
    """Return the index of target in the sorted list items, or -1 if it is not there."""
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1
```'''


class FixedJudge:
    """Gives every answer the same grade."""

    name = "openai:fixed"
    identity = "openai:fixed@1"
    can_judge_unseen = True

    def __init__(self, score: float) -> None:
        self.score = score

    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        return Judgement(self.score, "since I say so", 0.5)

    async def close(self) -> None: ...


class SilentJudge(FixedJudge):
    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        raise UnscoredError("The judge gave no answer.")


def request_for(
    answer: str, user_input: str = "Write a binary search function"
) -> EvaluationRequest:
    return EvaluationRequest.model_validate(
        {
            "request_id": REQUEST_ID,
            "task_type": "code_generation",
            "user_input": user_input,
            "refined_input": user_input,
            "worker_output": answer,
        }
    )


async def score(answer: str, user_input: str = "Write a binary search function") -> Verdict:
    verdict, _ = await Evaluation(RubricJudge()).evaluate(request_for(answer, user_input))
    return verdict


@pytest.mark.parametrize(
    "user_input",
    [
        "Write a binary search function",
        "Write a function to sort a list",
        "Implement a Stack class with push and pop",
    ],
)
async def test_a_greeting_for_code_scores_0_36_and_fails(user_input: str) -> None:
    verdict = await score("Hello World", user_input)
    assert verdict.score == pytest.approx(0.36, abs=0.05)
    assert not verdict.passed


async def test_typed_documented_code_in_one_block_scores_0_874_and_passes() -> None:
    verdict = await score(GOOD)
    assert verdict.score == pytest.approx(0.874, abs=0.05)
    assert verdict.passed


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(GOOD, GOOD.replace(" -> int", ""), id="without-a-type-hint"),
        pytest.param(GOOD, f"Sure! {'Here it is. ' * 5}\n{GOOD}", id="with-prose-around"),
        pytest.param(
            GOOD, GOOD.replace("low, high =", "# TODO\n    low, high ="), id="with-a-todo"
        ),
        pytest.param(GOOD, "```python\ndef binary_search():\n    pass\n```", id="a-stub"),
        pytest.param(GOOD, "```javascript\nconst binarySearch = () => -1;\n```", id="javascript"),
        pytest.param("Hello World", "", id="nothing"),
        pytest.param("Hello World", "I'm sorry, I can't help with that.", id="a-refusal"),
    ],
)
async def test_a_worse_answer_scores_less(better: str, worse: str) -> None:
    assert (await score(worse)).score < (await score(better)).score


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="nothing"),
        pytest.param("Hello World", id="a-greeting"),
        pytest.param("Binary search halves the range until it finds the target.", id="prose"),
        pytest.param("```javascript\nconst binarySearch = () => -1;\n```", id="javascript"),
        pytest.param("```python\ndef binary_search(items, target):\n    pass\n```", id="a-stub"),
        pytest.param("class BinarySearch:\n    pass", id="an-empty-class"),
        pytest.param("```python\ndef binary_search(:\n```", id="broken"),
    ],
)
async def test_no_judge_talks_a_failure_over_the_line(answer: str) -> None:
    verdict, detail = await Evaluation(FixedJudge(1)).evaluate(request_for(answer))
    assert verdict.score <= 0.4
    assert not verdict.passed
    assert detail.capped
    assert detail.cap_reasons


async def test_the_detail_tells_what_the_judge_spent() -> None:
    class SpendingJudge(FixedJudge):
        async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
            note_spending(Spending(2, 30, 4))
            return await super().judge(case, rules)

    _, detail = await Evaluation(SpendingJudge(0.75)).evaluate(request_for(GOOD))
    judge = detail.judge
    assert (judge.calls, judge.input_tokens, judge.output_tokens) == (2, 30, 4)


async def test_the_detail_explains_the_score() -> None:
    evaluation = Evaluation(FixedJudge(0.75))
    verdict, detail = await evaluation.evaluate(request_for(GOOD))
    assert detail.model_fields_set == set(EvaluationDetail.model_fields) - {
        "worker",
        "error",
        "removed",
    }
    content = detail.as_json()
    assert verdict.score == content["rule_score"] * 0.4 + content["judge_score"] * 0.6
    assert (content["capped"], content["cap_reasons"]) == (False, [])
    assert [rule["name"] for rule in content["rules"]] == [
        rule.name for rule in rules_for(open_task_types(None).find("code_generation"))
    ]
    for rule in content["rules"]:
        assert set(rule) == {"name", "weight", "outcome", "reason"}
        assert rule["outcome"] in ("passed", "failed", "not_applicable")
        assert rule["reason"]
    assert content["judge"] == {
        "name": "openai:fixed",
        "score": 0.75,
        "reason": "since I say so",
        "confidence": 0.5,
        "criteria": [],
        "judgements": [],
        "spread": 0.0,
        "second_look": "",
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "untold_calls": 0,
    }
    assert content["evaluator"] == {"fingerprint": evaluation.fingerprint_of("code_generation")}
    assert content["execution"]["status"] == "unavailable"


async def test_the_detail_keeps_the_grade_that_the_cap_took_away() -> None:
    _, detail = await Evaluation(FixedJudge(0.9)).evaluate(request_for("Hello World"))
    assert detail.judge.score == 0.9
    assert detail.judge_score == 0.4


EXTRACTION = open_task_types(None).golden_inputs("json_extraction")


def extraction_of(
    answer: object, golden_id: str | None, text: str = next(iter(EXTRACTION.expected))
) -> EvaluationRequest:
    shown = json.dumps(answer, ensure_ascii=False)
    return request_for(shown, text).model_copy(
        update={"task_type": "json_extraction", "golden_id": golden_id}
    )


def rules_of(detail: EvaluationDetail) -> dict[str, tuple[str, str]]:
    return {rule.name: (rule.outcome, rule.reason) for rule in detail.rules}


@pytest.mark.parametrize("text", EXTRACTION.expected, ids=EXTRACTION.ids.get)
async def test_a_right_answer_that_is_known_is_not_told(text: str) -> None:
    evaluation, golden_id = Evaluation(RubricJudge()), EXTRACTION.ids[text]
    right = EXTRACTION.expected[text]
    verdict, detail = await evaluation.evaluate(extraction_of(right, golden_id, text))
    assert verdict.passed
    assert rules_of(detail)["fields_are_right"] == ("passed", "check 1 of 1 passed")
    assert (detail.evidence, detail.caveat) == ("checks", "")
    wrong = dict.fromkeys(right, "Zanzibar")
    verdict, detail = await evaluation.evaluate(extraction_of(wrong, golden_id, text))
    assert verdict.capped
    assert rules_of(detail)["fields_are_right"] == ("failed", "check 1 of 1 failed")
    told = json.dumps(detail.as_json(), ensure_ascii=False)
    unsaid = [value for value in right.values() if isinstance(value, str) and value not in text]
    assert not any(value in told for value in unsaid)


async def test_a_live_request_with_a_golden_text_is_not_judged_by_its_right_answer() -> None:
    _, detail = await Evaluation(RubricJudge()).evaluate(extraction_of({}, None))
    assert rules_of(detail)["fields_are_right"][0] == "not_applicable"
    assert detail.evidence == "static"


@pytest.mark.parametrize(
    ("judge", "answer", "says_so"),
    [
        (RubricJudge(), GOOD, True),
        (FixedJudge(0.9), GOOD, False),
        (RubricJudge(), "Hello World", False),
    ],
    ids=["nothing-shows", "a-capable-judge", "shown-to-fail"],
)
async def test_it_is_said_where_nothing_shows_whether_an_answer_is_right(
    judge: RubricJudge | FixedJudge, answer: str, says_so: bool
) -> None:
    _, detail = await Evaluation(judge).evaluate(request_for(answer))
    assert detail.evidence == "static"
    assert detail.caveat == says_so * (
        "nothing here shows whether the answer is right: no example in the request, no checks, "
        "rubric judge"
    )


async def test_an_unscored_answer_has_no_score() -> None:
    with pytest.raises(UnscoredError):
        await Evaluation(SilentJudge(0)).evaluate(request_for(GOOD))


def test_the_fingerprint_follows_judge_and_task_type() -> None:
    rubric, model = Evaluation(RubricJudge()), Evaluation(FixedJudge(1))
    assert rubric.fingerprint_of("letters") == Evaluation(RubricJudge()).fingerprint_of("letters")
    assert rubric.fingerprint_of("letters") != model.fingerprint_of("letters")
    fingerprints = {rubric.fingerprint_of(name) for name in ("code_generation", "letters")}
    assert len(fingerprints) == 2


@given(st.text().filter(lambda text: "\x00" not in text))
async def test_any_answer_is_scored_in_the_unit_range_and_always_the_same(answer: str) -> None:
    evaluation = Evaluation(RubricJudge())
    request = request_for("x").model_copy(update={"worker_output": answer})
    verdict, detail = await evaluation.evaluate(request)
    assert 0 <= verdict.score <= 1
    assert (verdict, detail) == await evaluation.evaluate(request)


async def test_reasoning_is_told_apart_and_judged_by_nobody() -> None:
    verdict, detail = await Evaluation(RubricJudge()).evaluate(
        request_for(f"<think>{'Hm. TODO. ' * 1000}</think>\n{GOOD}")
    )
    plain, plain_detail = await Evaluation(RubricJudge()).evaluate(request_for(GOOD))
    assert verdict == plain
    assert detail.rules == plain_detail.rules
    assert detail.reasoning.startswith("Hm. TODO.")
    assert len(detail.reasoning) == MAX_REASONING_CHARACTERS
    assert plain_detail.reasoning == ""


async def test_an_answer_that_is_all_reasoning_is_none() -> None:
    verdict, detail = await Evaluation(FixedJudge(1)).evaluate(request_for(f"<think>\n{GOOD}"))
    assert not verdict.passed
    assert "it is all reasoning, and no answer" in [rule.reason for rule in detail.rules]


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def conversation_with(
    answer: dict[str, object], *, task_type: str, asked: str, finish_reason: str = "stop"
) -> EvaluationRequest:
    conversation = Conversation(
        messages=[{"role": "user", "content": asked}],
        tools=[WEATHER],
        answer=answer,
        finish_reason=finish_reason,
    )
    return make_evaluation_request(UUID(REQUEST_ID), task_type, conversation)


def calling(name: str, arguments: str) -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}


@pytest.mark.parametrize("task_type", ["code_generation", "json_extraction", "no_directory"])
async def test_a_call_is_no_code_and_no_data_but_a_step_on_the_way(task_type: str) -> None:
    request = conversation_with(
        calling("get_weather", '{"city": "Oslo"}'), task_type=task_type, asked="Weather in Oslo?"
    )
    verdict, detail = await Evaluation(RubricJudge()).evaluate(request)
    assert verdict.passed
    assert {rule.name for rule in detail.rules if rule.outcome != "not_applicable"} == {
        "gives_an_answer"
    }
    assert detail.caveat


@pytest.mark.parametrize("task_type", ["code_generation", "json_extraction"])
async def test_a_text_in_a_conversation_is_judged_as_it_is_elsewhere(task_type: str) -> None:
    asked = "Write a binary search function"
    for answer in (GOOD, "Hello World", ""):
        alone = request_for(answer, asked).model_copy(update={"task_type": task_type})
        within = conversation_with({"content": answer}, task_type=task_type, asked=asked)
        verdicts = [(await Evaluation(RubricJudge()).evaluate(one))[0] for one in (alone, within)]
        assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (calling("get_weather", '{"city": "Oslo"}'), True),
        ({"content": "Which city do you mean?"}, True),
        (calling("get_weather", '{"city": 7}'), False),
        (calling("get_weather", '{"city": '), False),
        (calling("get_news", "{}"), False),
        ({"content": "Hello World"}, False),
        ({"content": ""}, False),
        ({"content": None, "refusal": "I can't do that."}, False),
    ],
)
async def test_tool_use_passes_by_its_calls(answer: dict[str, object], *, passes: bool) -> None:
    request = conversation_with(answer, task_type="tool_use", asked="What is it like in Oslo?")
    verdict, _ = await Evaluation(RubricJudge()).evaluate(request)
    assert verdict.passed is passes


@pytest.mark.parametrize(("city", "passes"), [("Lisbon", True), ("Porto", False)])
async def test_a_golden_conversation_is_held_against_its_expected_calls(
    city: str, *, passes: bool
) -> None:
    golden = open_task_types(None).golden_inputs("tool_use")
    asked = golden.conversations["What's the weather like in Lisbon right now?"]
    conversation = Conversation(
        messages=list(asked.messages),
        tools=list(asked.tools),
        answer=calling("get_weather", json.dumps({"city": city})),
        finish_reason="tool_calls",
    )
    request = make_evaluation_request(
        UUID(REQUEST_ID), "tool_use", conversation, golden_id="tu-c01"
    )
    verdict, detail = await Evaluation(RubricJudge()).evaluate(request)
    assert verdict.passed is passes
    assert detail.evidence == "checks"
    assert "Lisbon" not in json.dumps([rule.reason for rule in detail.rules])
    live = request.model_copy(update={"golden_id": None})
    assert (await Evaluation(RubricJudge()).evaluate(live))[0].passed


async def test_without_the_judge_only_what_the_rules_show_gets_a_score() -> None:
    evaluation = Evaluation(SilentJudge(1))
    failing = request_for("Hello World").model_copy(update={"with_judge": False})
    verdict, detail = await evaluation.evaluate(failing)
    assert verdict.capped
    assert detail.judge.name == "rubric"
    by_rubric, _ = await Evaluation(RubricJudge()).evaluate(request_for("Hello World"))
    assert verdict == by_rubric
    with pytest.raises(NotJudgedError):
        await evaluation.evaluate(request_for(GOOD).model_copy(update={"with_judge": False}))


async def test_a_conversation_too_deep_to_read_is_unscored() -> None:
    deep: list[object] = []
    for _ in range(2_000):
        deep = [deep]
    request = conversation_with({"content": deep}, task_type="tool_use", asked="x")
    with pytest.raises(UnscoredError):
        await Evaluation(RubricJudge()).evaluate(request)
