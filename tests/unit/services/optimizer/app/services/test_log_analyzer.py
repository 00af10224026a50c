"""When failures have piled up, how surprising they are, and what they have in common."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.chat.messages import ChatInput
from services.common.record.surprise import Outcome, Record, Served
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.log_analyzer import (
    MAX_ANSWERS_PER_INPUT,
    analyze_failures,
    split_where_it_fell,
)


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


def window(*, failures: int, passes: int) -> list[LoggedResult]:
    """Answers to inputs that differ."""
    failed = [result(f"failing {number}") for number in range(failures)]
    return [*failed, *(result(f"{number}", passed=True, score=0.9) for number in range(passes))]


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
RECORDS = st.lists(
    st.integers(0, 300).flatmap(
        lambda scored: st.builds(Record, st.just(scored), st.integers(0, scored))
    ),
    max_size=3,
)


@pytest.mark.parametrize(
    ("failures", "passes", "threshold", "reached"),
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
    *, failures: int, passes: int, threshold: int, reached: bool
) -> None:
    analysis = analyze_failures(window(failures=failures, passes=passes), threshold=threshold)
    assert analysis.reaches_floor is reached
    assert (analysis.failure_count, analysis.scored_count) == (failures, failures + passes)


@for_each(
    [
        # Failures of a new prompt, its passes before them, how the one before it did.
        (3, 0, [], True),
        (5, 0, [], True),  # the guide's demo
        (3, 2, [], True),
        (3, 8, [], False),
        (3, 97, [], False),
        (2, 0, [], False),
        (3, 0, [Record(200, 190)], True),
        (4, 1, [Record(200, 160)], True),
        (3, 0, [Record(200, 110)], False),
        (3, 0, [Record(200, 110), Record(200, 190)], True),  # the better one is the norm
        (3, 0, [Record(200, 20)], True),  # what never worked is none
    ]
)
def test_a_prompt_needs_work_where_failures_pile_up_and_are_not_usual(
    row: tuple[int, int, list[Record], bool],
) -> None:
    failures, passes, usual, needed = row
    results = window(failures=failures, passes=passes)
    assert analyze_failures(results, threshold=3, usual=usual).needs_optimization is needed


@for_each(
    [
        # Failures among a window of a hundred, whether these are too many of twentieths.
        (5, False),
        (10, False),
        (40, True),
    ]
)
def test_a_prompt_that_has_long_served_is_compared_with_itself(row: tuple[int, bool]) -> None:
    failures, needed = row
    results = window(failures=failures, passes=100 - failures)
    earlier = [Outcome(number % 20 > 0) for number in range(2_000)]
    recent = [Outcome(number * failures % 100 >= failures) for number in range(100)]
    served = Served(earlier, recent, is_whole=False)
    analysis = analyze_failures(results, threshold=3, served=served, usual=[Record(200, 200)])
    assert analysis.needs_optimization is needed


@given(RESULTS, st.integers(1, 12), RECORDS)
def test_nothing_needs_work_below_the_floor(
    results: list[LoggedResult], threshold: int, usual: list[Record]
) -> None:
    analysis = analyze_failures(results, threshold=threshold, usual=usual)
    assert analysis.reaches_floor == (analysis.failure_count >= threshold)
    assert analysis.failure_count <= sum(not one.passed for one in results)
    assert analysis.needs_optimization == (
        analysis.reaches_floor and analysis.surprise.is_surprising
    )


@given(RESULTS)
def test_failing_inputs_are_distinct_the_newest_first_with_their_newest_answer(
    results: list[LoggedResult],
) -> None:
    newest: dict[str, LoggedResult] = {}
    for place, one in enumerate(results):
        asked_since = sum(other.refined_input == one.refined_input for other in results[:place])
        if not one.passed and asked_since < MAX_ANSWERS_PER_INPUT:
            newest.setdefault(one.refined_input, one)
    assert analyze_failures(results, threshold=1).failing == tuple(newest.values())


def test_an_input_that_fails_again_is_as_new_as_its_last_failure() -> None:
    results = [result("a", output="new"), result("b"), result("a", output="old")]
    failing = analyze_failures(results, threshold=3).failing
    assert [(one.refined_input, one.worker_output) for one in failing] == [("a", "new"), ("b", "")]


@pytest.mark.parametrize(
    ("flood", "failures", "passes", "needed"),
    [
        pytest.param(result("flood", passed=True), 10, 0, True, id="one-that-passes-hides-nothing"),
        pytest.param(result("flood", passed=True), 10, 10, True, id="nor-among-others"),
        pytest.param(result("flood"), 0, 95, False, id="one-that-fails-is-no-breakdown"),
        pytest.param(result("flood"), 0, 0, True, id="one-that-fails-is-all-there-is"),
    ],
)
def test_a_request_that_is_repeated_counts_five_times(
    flood: LoggedResult, *, failures: int, passes: int, needed: bool
) -> None:
    results = [*[flood] * 300, *window(failures=failures, passes=passes)]
    analysis = analyze_failures(results, threshold=3)
    assert analysis.needs_optimization is needed
    assert analysis.scored_count == 5 + failures + passes
    assert analysis.failure_count == failures + (0 if flood.passed else 5)


def test_of_a_request_that_is_repeated_the_newest_answers_count() -> None:
    results = [*[result(score=0.5)] * 5, *[result(score=0.1, rules=("r",))] * 5]
    analysis = analyze_failures(results, threshold=3)
    assert (analysis.failure_count, analysis.mean_score) == (5, pytest.approx(0.5))
    assert analysis.rule_counts == {}


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


# How surprising failures are.


# Where a window changed.


@pytest.mark.parametrize(
    ("oldest_first", "before", "since"),
    [
        pytest.param("", Record(0, 0), Record(0, 0), id="nothing"),
        pytest.param("+", Record(0, 0), Record(1, 1), id="one"),
        pytest.param("++++----", Record(4, 4), Record(4, 0), id="a-clean-break"),
        pytest.param("+++-++++-----", Record(8, 7), Record(5, 0), id="a-break-with-noise"),
        pytest.param("----++++", Record(0, 0), Record(8, 4), id="for-the-better"),
        pytest.param("+++--+--+---", Record(0, 0), Record(12, 5), id="nothing-but-luck"),
    ],
)
def test_a_window_is_cut_where_the_pass_rate_fell(
    oldest_first: str, before: Record, since: Record
) -> None:
    results = [result(passed=mark == "+") for mark in reversed(oldest_first)]
    assert split_where_it_fell(results) == (before, since)


@given(st.lists(st.booleans(), max_size=60))
def test_the_parts_make_the_whole(passes: list[bool]) -> None:
    before, since = split_where_it_fell([result(passed=one) for one in passes])
    assert before.scored + since.scored == len(passes)
    assert before.passed + since.passed == sum(passes)
    assert before.scored < max(1, len(passes))


def test_answers_that_stand_for_others_weigh_as_many() -> None:
    """Rules look at every answer, the judge at a tenth: passes are known of a tenth alone."""
    rows = [result(f"f{n}") for n in range(5)]
    rows += [replace(result(f"p{n}", passed=True, score=0.9), weight=10.0) for n in range(10)]
    weighed = analyze_failures(rows, threshold=3)
    plain = analyze_failures([replace(row, weight=1.0) for row in rows], threshold=3)
    assert (weighed.failure_count, weighed.reaches_floor) == (5, True)
    assert plain.surprise.e_value > 10 * weighed.surprise.e_value
    assert not weighed.needs_optimization


@given(st.lists(st.tuples(st.booleans(), st.just(4.0))))
def test_weights_that_are_alike_change_no_count(outcomes: list[tuple[bool, float]]) -> None:
    assert Record.of(outcomes) == Record(len(outcomes), sum(passed for passed, _ in outcomes))


def test_conversations_that_end_alike_are_different_inputs() -> None:
    def ending(*texts: str) -> LoggedResult:
        messages = [{"role": "user", "content": text} for text in texts]
        return replace(result("yes"), conversation=ChatInput(messages))

    found = analyze_failures([ending("A?", "yes"), ending("B?", "yes")], threshold=1)
    assert len(found.failing) == 2
