"""How near recent inputs are to golden ones."""

from services.common.task_types import GoldenInputs
from services.console.app.queries.task_types import MAX_UNCOVERED, measure_coverage

GOLDEN = GoldenInputs(choosing=("sort numbers ascending",), verdict=("reverse strings",))


def test_what_says_nearly_the_same_is_covered_whichever_half_it_is_near() -> None:
    coverage = measure_coverage(GOLDEN, ["sort numbers ascending, please", "reverse strings!"])
    assert (coverage.inputs, coverage.covered, coverage.uncovered) == (2, 2, ())


def test_what_is_near_none_is_grouped_the_largest_group_first() -> None:
    recent = ["bake bread", "fly kites high", "fly kites high now", "reverse strings"]
    coverage = measure_coverage(GOLDEN, recent)
    assert (coverage.covered, coverage.uncovered) == (
        1,
        ((2, "fly kites high"), (1, "bake bread")),
    )


def test_without_golden_inputs_nothing_is_covered_and_few_groups_are_named() -> None:
    recent = [f"{first} {second}" for first in "abcdefg" for second in "hijklm"]
    coverage = measure_coverage(GoldenInputs(), recent)
    assert coverage.covered == 0
    assert len(coverage.uncovered) == MAX_UNCOVERED


def test_without_traffic_there_is_nothing_to_say() -> None:
    assert measure_coverage(GOLDEN, []).inputs == 0
