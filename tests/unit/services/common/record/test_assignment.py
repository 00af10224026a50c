from typing import Any
from uuid import UUID

from support.rows import for_each

from services.common.record.assignment import Assignment, find_assignment, read_assignment
from services.common.schemas import TaskResponse

ID = "11111111-2222-4333-8444-555555555555"
ASSIGNMENT = Assignment(ID, "candidate", "0123456789abcdef")


def test_headers_are_read_as_they_were_written() -> None:
    assert read_assignment(ASSIGNMENT.headers) == ASSIGNMENT
    assert ASSIGNMENT.client_headers == {"x-selfheal-rollout": f"{ID}/candidate"}
    assert ASSIGNMENT.as_detail() == {
        "rollout": ID,
        "arm": "candidate",
        "unit": "0123456789abcdef",
    }


@for_each(
    [
        {},
        {"x-selfheal-rollout": f"{ID}/candidate"},
        {"x-selfheal-unit": "0123"},
        {"x-selfheal-rollout": ID, "x-selfheal-unit": "0123"},
        {"x-selfheal-rollout": f"{ID}/third", "x-selfheal-unit": "0123"},
        {"x-selfheal-rollout": "/candidate", "x-selfheal-unit": "0123"},
    ]
)
def test_headers_that_say_half_of_it_say_nothing(headers: dict[str, str]) -> None:
    assert read_assignment(headers) is None


def test_an_answer_has_an_arm_or_none() -> None:
    told: dict[str, Any] = {
        "request_id": UUID(ID),
        "output": "",
        "prompt_version": 1,
        "latency_ms": 1,
        "model": "m",
    }
    assert find_assignment(TaskResponse(**told)) is None
    assert find_assignment(TaskResponse(**told, **ASSIGNMENT.as_detail())) == ASSIGNMENT
