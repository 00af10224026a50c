from itertools import pairwise

from grading.guide import BAD_PROMPTS, TASKS, plan_cycles
from hypothesis import given
from hypothesis import strategies as st

SEEDS = st.integers()


@given(SEEDS)
def test_the_first_cycle_is_the_guides(seed: int) -> None:
    first = plan_cycles(1, seed)[0]
    assert first.bad_prompts[0] == "just say hello world to everything"
    assert first.task == "Write a binary search function"


@given(SEEDS, st.integers(1, 20))
def test_later_cycles_rotate_and_the_same_seed_plans_the_same(seed: int, cycles: int) -> None:
    plans = plan_cycles(cycles, seed)
    assert len(plans) == cycles
    assert plans == plan_cycles(cycles, seed)
    for one, following in pairwise(plans):
        assert one.task != following.task
        assert one.bad_prompts[0] != following.bad_prompts[0]
    for plan in plans:
        assert sorted(plan.bad_prompts) == sorted(BAD_PROMPTS)
        assert len({plan.task, *plan.other_tasks}) == 3
        assert {plan.task, *plan.other_tasks} <= set(TASKS)


def test_seeds_differ() -> None:
    assert len({tuple(plan_cycles(3, seed)) for seed in range(10)}) > 5
