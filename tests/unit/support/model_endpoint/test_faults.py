"""Which request meets which fault."""

import random

from hypothesis import given
from hypothesis import strategies as st
from support.model_endpoint.faults import Fault, FaultPlan


def test_without_a_plan_nothing_fails() -> None:
    assert FaultPlan().next_fault(None) is None


def test_a_request_chooses_its_own_fault() -> None:
    assert FaultPlan().next_fault("rate_limit") is Fault.RATE_LIMIT
    assert FaultPlan().next_fault("no such fault") is None


def test_the_next_requests_meet_a_scheduled_fault() -> None:
    plan = FaultPlan()
    plan.schedule(Fault.RESET, 2)
    assert [plan.next_fault(None) for _ in range(3)] == [Fault.RESET, Fault.RESET, None]
    assert plan.remaining == 0


def test_a_schedule_replaces_the_one_before() -> None:
    plan = FaultPlan()
    plan.schedule(Fault.RESET, 5)
    plan.schedule(Fault.EMPTY, 0)
    assert plan.next_fault(None) is None


@given(rate=st.floats(0, 1), seed=st.integers())
def test_chance_repeats_with_its_seed(rate: float, seed: int) -> None:
    plans = [FaultPlan(Fault.HANG, rate, random.Random(seed)) for _ in range(2)]
    first, second = ([plan.next_fault(None) for _ in range(20)] for plan in plans)
    assert first == second
    if rate in (0, 1):
        assert set(first) == {Fault.HANG if rate else None}
