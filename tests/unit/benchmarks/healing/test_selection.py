from benchmarks.healing.records import Measurement
from benchmarks.healing.scenarios import PromptScenario
from benchmarks.healing.selection import judge_control, judge_regression, one_of_each_kind

SCENARIO = PromptScenario("x", "typos", "text")
GOOD = Measurement(0.9, 10, 10, (True,) * 10)


def measure(mean: float, failing: int) -> Measurement:
    passes = (False,) * failing + (True,) * (10 - failing)
    return Measurement(mean, 10 - failing, 10, passes)


def test_a_regression_counts_where_it_costs_score_and_breaks_inputs() -> None:
    assert judge_regression(SCENARIO, GOOD, measure(0.6, 4)).left_out == ""
    assert "costs 0.050" in judge_regression(SCENARIO, GOOD, measure(0.85, 4)).left_out
    assert "breaks 10%" in judge_regression(SCENARIO, GOOD, measure(0.7, 1)).left_out


def test_a_control_counts_where_it_costs_next_to_nothing() -> None:
    assert judge_control(SCENARIO, GOOD, measure(0.89, 0)).left_out == ""
    assert judge_control(SCENARIO, GOOD, measure(0.95, 0)).left_out == ""
    assert "costs 0.050" in judge_control(SCENARIO, GOOD, measure(0.85, 0)).left_out
    assert "breaks 10%" in judge_control(SCENARIO, GOOD, measure(0.89, 1)).left_out


def test_one_of_each_kind_comes_before_the_second_of_any() -> None:
    scenarios = [
        PromptScenario(name, kind, "") for name, kind in zip("abcde", "xxyxy", strict=True)
    ]
    assert "".join(one.name for one in one_of_each_kind(scenarios)) == "acbed"
