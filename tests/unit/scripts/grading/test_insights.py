from grading.insights import find_insights, percentile
from grading.observations import ProbeSeen
from grading.result import Facts, InsightCode
from hypothesis import given
from hypothesis import strategies as st
from support.observed import BAD, SEED, cycle, observations, page, reply


def told(**changes: object) -> dict[InsightCode, Facts]:
    return {one.code: one.facts for one in find_insights(observations(**changes))}


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_enough_do_not_exceed(
    values: list[float], share: int
) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) * 100 >= share * len(values)
    assert sum(value < found for value in values) * 100 < share * len(values)


def test_wrong_code_is_told_by_its_score() -> None:
    assert told()[InsightCode.WRONG_CODE_TOLD] == {"right": 0.9, "wrong": 0.4, "told": True}
    assert told(wrong_code=0.85)[InsightCode.WRONG_CODE_TOLD]["told"] is False
    assert InsightCode.WRONG_CODE_TOLD not in told(right_code=None)


def test_malformed_requests_are_counted_and_the_unhandled_named() -> None:
    probes = (ProbeSeen("deep_json", page(500, "oops")), ProbeSeen("not_utf8", reply({})))
    assert told(more_probes=probes)[InsightCode.MALFORMED_REQUESTS] == {
        "handled": 1,
        "sent": 2,
        "unhandled": "deep_json",
    }


def test_reports_are_told_beside_the_heals() -> None:
    unhealed = cycle(number=2, tried=3, prompts_after=(SEED, BAD), reports_after=1)
    found = told(cycles=(cycle(), unhealed))
    assert found[InsightCode.REPORTS_WRITTEN] == {"reports": 1, "heals": 1}
    assert found[InsightCode.BAD_PROMPTS_REPLACED] == {"replaced": 2}
    assert found[InsightCode.OPTIMIZER_TIME] == {"mean_seconds": 1.5, "most_seconds": 1.5}
    assert InsightCode.BAD_PROMPTS_REPLACED not in told()
