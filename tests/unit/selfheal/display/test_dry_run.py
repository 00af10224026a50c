"""What a dry run tells a person."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.display.dry_run import describe_dry_run

PLAN: dict[str, Any] = {
    "event": "would_look_into",
    "task_type": "code_generation",
    "version": 99,
    "failures": 5,
    "answers": 7,
    "verdict": "open until the prompt is run again",
    "because": [],
    "strategies": ["last_good_version", "few_shot"],
    "inputs": {"choosing": 8, "verdict": 24, "guard": 1},
    "mode": "auto",
    "max_calls": 60,
}


@pytest.mark.parametrize(("mode", "would"), [("auto", "activate"), ("propose", "propose to you")])
def test_a_plan_is_told_in_sentences(mode: str, would: str) -> None:
    assert describe_dry_run({**PLAN, "mode": mode}) == (
        "code_generation, version 99: 5 of 7 scored answers failed. A run would ask the prompt "
        "again to see whose fault it is; if it is the prompt's, it would try last good version, "
        "few shot on 8 inputs, and prove the best on up to 24 others, with 60 calls of the Worker "
        f"at most. What is proven it would {would}."
    )


def test_a_plan_to_hold_says_why() -> None:
    held = {**PLAN, "strategies": [], "verdict": "provider", "because": ["3 got no answer."]}
    assert describe_dry_run(held).endswith(
        "A run would hold, and change nothing: provider at fault. 3 got no answer."
    )
    few = {**PLAN, "strategies": [], "verdict": "too few inputs to prove a repair on"}
    assert describe_dry_run(few).endswith("change nothing: too few inputs to prove a repair on.")


def test_where_a_run_would_do_nothing_it_is_said() -> None:
    assert "a run would do nothing" in describe_dry_run({"event": "optimizer_off"})
    waits = {"event": "heal_postponed", "task_type": "letters", "reason": "proposal_waits"}
    assert describe_dry_run(waits) == (
        "letters: a proven repair waits for your answer, so a run would do nothing; see: selfheal "
        "prompts proposals."
    )


def test_the_guides_words_stay_as_they_are() -> None:
    assert describe_dry_run({"event": "no task types need optimization"}) == ""


@given(
    st.dictionaries(
        st.sampled_from([*PLAN, "reason"]),
        st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2),
    ),
    st.sampled_from(["would_look_into", "heal_postponed", "optimizer_off"]),
)
def test_an_event_that_lacks_parts_is_told_as_far_as_it_goes(
    fields: dict[str, Any], name: str
) -> None:
    assert describe_dry_run({**fields, "event": name})
