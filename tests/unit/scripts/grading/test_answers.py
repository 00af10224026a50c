import json
import uuid

import pytest
from grading.answers import REQUEST_FIELDS, find_field_problems, is_score
from hypothesis import given
from hypothesis import strategies as st

RIGHT = {
    "request_id": str(uuid.uuid4()),
    "refined_input": "x",
    "worker_output": "",
    "evaluation_score": 0.5,
    "evaluation_passed": False,
    "prompt_version": 1,
}
HUGE = 10**400  # JSON has integers that no float can hold
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_right_answer_has_no_problem_and_may_say_more() -> None:
    assert find_field_problems({**RIGHT, "more": []}, REQUEST_FIELDS) == []


@pytest.mark.parametrize("name", REQUEST_FIELDS)
def test_a_missing_field_is_named(name: str) -> None:
    answer = {key: value for key, value in RIGHT.items() if key != name}
    (problem,) = find_field_problems(answer, REQUEST_FIELDS)
    assert (problem.field, problem.seen) == (name, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_id", "7"),
        ("request_id", 7),
        ("request_id", []),
        ("refined_input", " "),
        ("worker_output", None),
        ("evaluation_score", "0.5"),
        ("evaluation_score", True),
        ("evaluation_score", float("nan")),
        ("evaluation_score", HUGE),
        ("evaluation_passed", 1),
        ("prompt_version", "1"),
        ("prompt_version", 1.0),
        ("prompt_version", True),
    ],
)
def test_a_mistyped_field_is_shown(name: str, value: object) -> None:
    (problem,) = find_field_problems({**RIGHT, name: value}, REQUEST_FIELDS)
    assert problem.field == name
    assert problem.seen is not None
    assert problem.seen.startswith(type(value).__name__)


def test_what_is_nested_too_deep_to_print_is_shown_all_the_same() -> None:
    deep: object = json.loads("[" * 900 + "]" * 900)
    for _ in range(2000):
        deep = [deep]
    (problem,) = find_field_problems({**RIGHT, "prompt_version": deep}, REQUEST_FIELDS)
    assert problem.seen is not None
    assert problem.seen.startswith("list: [[[")


@given(st.dictionaries(st.sampled_from(list(REQUEST_FIELDS)) | st.text(), JSON))
def test_whatever_comes_is_described_in_a_line(answer: dict[str, object]) -> None:
    problems = find_field_problems(answer, REQUEST_FIELDS)
    assert all(len(one.seen) <= 80 for one in problems if one.seen is not None)
    missing = {one.field for one in problems if one.seen is None}
    assert missing == {name for name in REQUEST_FIELDS if name not in answer}


@given(JSON)
def test_a_score_lies_between_nothing_and_one(value: object) -> None:
    if is_score(value):
        assert isinstance(value, int | float)
        assert 0 <= value <= 1
