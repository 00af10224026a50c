"""The detail of an evaluation: strict for who makes one, forgiving for who reads a row."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.common import evaluation_detail
from services.common.evaluation_detail import (
    EvaluationDetail,
    EvaluatorDetail,
    JudgeDetail,
    read_detail,
)

WHOLE: dict[str, Any] = {
    "rule_score": 0.5,
    "capped": True,
    "cap_reasons": ["it raises"],
    "rules": [
        {"name": "is_code", "outcome": "passed"},
        {"name": "loads", "outcome": "failed"},
        {"name": "keeps_the_examples", "outcome": "failed"},
    ],
    "judge": {"name": "openai:some", "score": 1},
    "evaluator": {"fingerprint": "f"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_what_is_made_goes_out_with_the_keys_that_were_filled_in() -> None:
    detail = EvaluationDetail(
        rule_score=0.5, judge=JudgeDetail(name="rubric"), evaluator=EvaluatorDetail(fingerprint="f")
    )
    assert detail.as_json() == {
        "rule_score": 0.5,
        "judge": {"name": "rubric"},
        "evaluator": {"fingerprint": "f"},
    }


def test_who_makes_one_is_held_to_the_types() -> None:
    with pytest.raises(ValidationError):
        EvaluationDetail(rule_score="0.5")  # type: ignore[arg-type]


def test_a_whole_detail_is_read() -> None:
    detail = read_detail(WHOLE)
    assert detail.failed_rules == ("loads", "keeps_the_examples")
    assert (detail.judge.name, detail.judge.score) == ("openai:some", 1.0)
    assert detail.evaluator.fingerprint == "f"
    assert detail.as_json() == WHOLE


@pytest.mark.parametrize("value", [None, [], "x", 3, {}, {"judge": None}, {"rules": {"a": 1}}])
def test_what_says_nothing_reads_as_nothing(value: object) -> None:
    assert read_detail(value) == EvaluationDetail()


def test_of_a_damaged_part_what_is_sound_is_read() -> None:
    damaged = WHOLE | {
        "capped": "yes",
        "cap_reasons": [1, "it raises", None, ["x"]],
        "rules": [
            3,
            {"name": 4, "outcome": "failed"},
            None,
            {"name": "loads", "outcome": "failed"},
        ],
        "judge": {"name": ["a"], "score": True, "reason": "fine"},
    }
    before = copy.deepcopy(damaged)
    detail = read_detail(damaged)
    assert not detail.capped
    assert detail.cap_reasons == ["it raises"]
    assert detail.failed_rules == ("", "loads")
    assert (detail.judge.name, detail.judge.score) == ("unknown", None)
    assert detail.judge.reason == "fine"
    assert detail.rule_score == 0.5
    assert damaged == before


def test_a_long_list_is_copied_once_however_much_of_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copies: list[object] = []

    def without(value: Any, *arguments: Any) -> Any:
        copies.append(value)
        return original(value, *arguments)

    original = evaluation_detail._without
    monkeypatch.setattr(evaluation_detail, "_without", without)
    reasons = [1, "it raises", None] * 400
    assert read_detail({"cap_reasons": reasons}).cap_reasons == ["it raises"] * 400
    assert copies == [{"cap_reasons": reasons}, reasons]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(EvaluationDetail.model_fields, JSON)))
def test_any_json_can_be_read(value: dict[str, Any]) -> None:
    assert isinstance(read_detail(value), EvaluationDetail)


@given(st.sampled_from(["rules", "execution", "judge"]), st.data())
def test_any_json_in_a_known_place_can_be_read(part: str, data: st.DataObject) -> None:
    fields = ["name", "outcome", "observations", "criteria", "judgements", "layers", "output"]
    inner = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, JSON)))
    assert read_detail(WHOLE | {part: [inner, 3] if part == "rules" else inner}).rule_score == 0.5


def test_numbers_beyond_a_float_are_left_out() -> None:
    assert read_detail({"rule_score": 10**400, "capped": True}) == EvaluationDetail(capped=True)
