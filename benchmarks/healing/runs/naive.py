"""The naive healer, for comparison: three failures, one rewrite, activated unproven."""

from benchmarks.healing.lane.database import TASK_TYPE
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import NaiveResult
from benchmarks.healing.runs.held_out import HeldOutMeter
from services.common.task_types import open_task_types


def rewrite() -> str:
    """Write a prompt without a model: the task type's role and all its repair sentences."""
    repairs = open_task_types(None).repairs(TASK_TYPE)
    return "\n".join([repairs.role, *(f"- {rule}" for rule in repairs.by_rule.values())])


async def judge_naive(lane: Lane, meter: HeldOutMeter, *, triggered: bool) -> NaiveResult:
    """Measure the naive healer's rewrite with the model that the lane has now.

    Args:
        lane: The lane.
        meter: Measures the rewrite, once for each model.
        triggered: Whether three scored failures lay within half an hour.
    """
    measurement = await meter.measure(lane, rewrite())
    return NaiveResult(triggered=triggered, after=measurement.mean)
