"""When failures have piled up, and what they have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.log_records import LoggedResult


def result(
    refined_input: str = "x",
    *,
    passed: bool = False,
    score: float = 0.3,
    rules: tuple[str, ...] = (),
    output: str = "",
) -> LoggedResult:
    return LoggedResult(
        user_input=refined_input.upper(),
        refined_input=refined_input,
        score=score,
        passed=passed,
        failed_rules=rules,
        worker_output=output,
    )


RESULTS = st.lists(
    st.builds(
        result,
        st.sampled_from("abcde"),
        passed=st.booleans(),
        score=st.floats(0, 1),
        rules=st.lists(st.sampled_from(["r", "s", "t"]), unique=True).map(tuple),
        output=st.sampled_from("xyz"),
    )
)


@pytest.mark.parametrize(
    ("failures", "passes", "threshold", "needed"),
    [
        pytest.param(0, 0, 1, False, id="nothing-logged"),
        pytest.param(2, 0, 3, False, id="one-below"),
        pytest.param(3, 0, 3, True, id="at-the-threshold"),
        pytest.param(4, 0, 3, True, id="above"),
        pytest.param(3, 100, 3, True, id="among-many-passes"),
        pytest.param(0, 100, 1, False, id="only-passes"),
        pytest.param(1, 0, 1, True, id="threshold-of-one"),
    ],
)
def test_failures_count_up_to_the_threshold(
    failures: int, passes: int, threshold: int, needed: bool
) -> None:
    results = [result()] * failures + [result(passed=True, score=0.9)] * passes
    analysis = analyze_failures(results, threshold=threshold)
    assert analysis.needs_optimization is needed
    assert (analysis.failure_count, analysis.scored_count) == (failures, failures + passes)


@given(RESULTS, st.integers(1, 12))
def test_a_prompt_needs_work_exactly_when_failures_reach_the_threshold(
    results: list[LoggedResult], threshold: int
) -> None:
    failures = sum(not one.passed for one in results)
    analysis = analyze_failures(results, threshold=threshold)
    assert analysis.needs_optimization == (failures >= threshold)
    assert analysis.threshold == threshold


@given(RESULTS)
def test_failing_inputs_are_distinct_the_newest_first_with_their_newest_answer(
    results: list[LoggedResult],
) -> None:
    newest: dict[str, LoggedResult] = {}
    for one in results:
        if not one.passed:
            newest.setdefault(one.refined_input, one)
    assert analyze_failures(results, threshold=1).failing == tuple(newest.values())


def test_an_input_that_fails_again_is_as_new_as_its_last_failure() -> None:
    results = [result("a", output="new"), result("b"), result("a", output="old")]
    failing = analyze_failures(results, threshold=3).failing
    assert [(one.refined_input, one.worker_output) for one in failing] == [("a", "new"), ("b", "")]


def test_rules_are_counted_among_the_failures_the_most_frequent_first() -> None:
    results = [
        result(rules=("r",)),
        result(rules=("s", "r")),
        result(rules=("t",), passed=True),
        result(rules=("s", "r")),
    ]
    counts = analyze_failures(results, threshold=3).rule_counts
    assert list(counts.items()) == [("r", 3), ("s", 2)]


def test_the_mean_is_that_of_the_failures() -> None:
    results = [result(score=0.2), result(score=0.4), result(score=1.0, passed=True)]
    assert analyze_failures(results, threshold=3).mean_score == pytest.approx(0.3)


def test_the_mean_of_nothing_is_nothing() -> None:
    assert analyze_failures([result(passed=True)], threshold=3).mean_score is None
