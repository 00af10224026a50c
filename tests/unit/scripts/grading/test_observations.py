from dataclasses import replace

from grading.guide import TASKS
from hypothesis import given
from hypothesis import strategies as st
from support.observed import REQUEST_ID, evaluation, exchange, observations, page, unanswered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["request_id", "refined_input", "worker_output", "evaluation_score", "evaluation_passed",
     "prompt_version"]
)  # fmt: skip


@given(FIELDS, JSON)
def test_a_field_of_any_type_is_read_as_its_own_or_as_none(name: str, value: object) -> None:
    seen = exchange(changes={name: value})
    assert isinstance(seen.output, str)
    assert isinstance(seen.refined_input, str)
    assert isinstance(seen.request_id, str)
    assert seen.passed in (True, False, None)
    assert seen.score is None or 0 <= seen.score <= 1
    assert seen.prompt_version is None or isinstance(seen.prompt_version, int)


def test_what_was_asked_for_stands_in_for_a_refined_input_that_is_none() -> None:
    assert exchange(changes={"refined_input": "refined"}).refined_input == "refined"
    assert exchange(changes={"refined_input": " "}).refined_input == TASKS[0]


def test_a_request_id_is_written_as_the_database_writes_it() -> None:
    assert exchange(changes={"request_id": REQUEST_ID.upper()}).request_id == REQUEST_ID
    assert unanswered().request_id == ""


def test_a_page_is_no_answer() -> None:
    assert not replace(exchange(), reply=page(200, "<html>")).succeeded


def test_a_score_counts_only_where_the_call_went_well() -> None:
    assert evaluation("x", 0.5).score == 0.5
    failed = replace(evaluation("x", 0.5).reply, status=500)
    assert replace(evaluation("x", 0.5), reply=failed).score is None


def test_requests_are_those_before_and_in_all_cycles() -> None:
    seen = observations()
    assert len(seen.exchanges) == len(seen.healthy) + 10
