"""Answers to show the Evaluator directly, and malformed requests that each service must survive."""

import uuid
from collections.abc import Callable
from typing import Final

from grading.guide import TASK_TYPE
from grading.http import Reply
from grading.observations import EVALUATOR, MANAGER, WORKER, EvaluationSeen, ProbeSeen
from grading.observing.services import Services

EVALUATION_TASK: Final = "Write a binary search function"
BAD_OUTPUTS: Final = (
    "Hello World",
    "I am sorry, I can't help with that.",
)
BINARY_SEARCH: Final = '''def binary_search(items: list[int], target: int) -> int:
    """Return the index of target in the sorted list items, or -1 if it is not there.

    Args:
        items: A list in ascending order.
        target: The value to look for.
    """
    low = 0
    high = len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1
'''
# Never looks at the last item, and at none of a list of one.
WRONG_BINARY_SEARCH: Final = BINARY_SEARCH.replace("while low <= high", "while low < high")
LONG_TEXT: Final = 20_000


def fence(code: str) -> str:
    """Put code into a fenced block, as models do."""
    return f"```python\n{code}```"


def evaluate_good(services: Services) -> tuple[tuple[EvaluationSeen, ...], ...]:
    """Show the Evaluator a good output in two spellings; the better one counts."""
    spellings = (fence(BINARY_SEARCH), BINARY_SEARCH)
    return (tuple(services.evaluate(EVALUATION_TASK, output) for output in spellings),)


def evaluate_bad(services: Services) -> tuple[EvaluationSeen, ...]:
    """Show the Evaluator outputs that are no code at all."""
    return tuple(services.evaluate(EVALUATION_TASK, output) for output in BAD_OUTPUTS)


def evaluate_wrong_code(services: Services) -> float | None:
    """Show the Evaluator code that looks right and isn't."""
    return services.evaluate(EVALUATION_TASK, fence(WRONG_BINARY_SEARCH)).score


def send_probes(services: Services) -> tuple[ProbeSeen, ...]:
    """Send the malformed requests that count: one a service, and the Manager's commonest."""
    request = "/api/v1/request"
    return _send(
        {
            "manager_missing_fields": lambda: services.post(MANAGER, request, {}),
            "manager_invalid_json": lambda: services.post_raw(MANAGER, request, b'{"user_input": '),
            "manager_unknown_task_type": lambda: services.post(
                MANAGER, request, {"user_input": "Hello", "task_type": "no_such_task_type"}
            ),
            "worker_missing_fields": lambda: services.post(WORKER, "/api/v1/task", {}),
            "evaluator_missing_fields": lambda: services.post(EVALUATOR, "/api/v1/evaluate", {}),
        }
    )


def send_more_probes(services: Services) -> tuple[ProbeSeen, ...]:
    """Send a dozen more, which are worth knowing about and no points."""
    request = "/api/v1/request"

    def body(**changes: object) -> dict[str, object]:
        return {"user_input": "Write a function", "task_type": TASK_TYPE, **changes}

    task = {"request_id": str(uuid.uuid4()), "task_type": TASK_TYPE, "refined_input": "x"}
    return _send(
        {
            "unknown_path": lambda: services.get(MANAGER, "/api/v1/no-such-path"),
            "wrong_method": lambda: services.get(MANAGER, request),
            "empty_input": lambda: services.post(MANAGER, request, body(user_input="")),
            "null_input": lambda: services.post(MANAGER, request, body(user_input=None)),
            "number_input": lambda: services.post(MANAGER, request, body(user_input=42)),
            "list_body": lambda: services.post(MANAGER, request, ["not", "an", "object"]),
            "nul_in_input": lambda: services.post(MANAGER, request, body(user_input="a\0b")),
            "lone_surrogate": lambda: services.post_raw(
                MANAGER, request, b'{"user_input": "\\ud800", "task_type": "code_generation"}'
            ),
            "not_utf8": lambda: services.post_raw(MANAGER, request, b'{"user_input": "\xff"}'),
            "deep_json": lambda: services.post_raw(MANAGER, request, b"[" * 5000),
            "long_input": lambda: services.post(MANAGER, request, body(user_input="a" * LONG_TEXT)),
            "worker_bad_uuid": lambda: services.post(
                WORKER, "/api/v1/task", {**task, "request_id": "not-a-uuid"}
            ),
        }
    )


def _send(probes: dict[str, Callable[[], Reply]]) -> tuple[ProbeSeen, ...]:
    return tuple(ProbeSeen(name, probe()) for name, probe in probes.items())
