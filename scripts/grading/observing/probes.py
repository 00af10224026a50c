"""Answers to show the Evaluator directly, and malformed requests that each service must survive."""

from collections.abc import Mapping
from typing import Final

from grading.guide import TASK_TYPE
from grading.observations import EVALUATOR, MANAGER, WORKER, EvaluationSeen, ProbeSeen
from grading.observing.services import EVALUATE_PATH, REQUEST_PATH, TASK_PATH, Services

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

# Service, path, and body as `Services.ask` takes them.
Call = tuple[str, str, object]


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
    unknown_task_type = {"user_input": "Hello", "task_type": "no_such_task_type"}
    return _send(
        services,
        {
            "manager_missing_fields": (MANAGER, REQUEST_PATH, {}),
            "manager_invalid_json": (MANAGER, REQUEST_PATH, b'{"user_input": '),
            "manager_unknown_task_type": (MANAGER, REQUEST_PATH, unknown_task_type),
            "worker_missing_fields": (WORKER, TASK_PATH, {}),
            "evaluator_missing_fields": (EVALUATOR, EVALUATE_PATH, {}),
        },
    )


def send_more_probes(services: Services) -> tuple[ProbeSeen, ...]:
    """Send a dozen more, which are worth knowing about and no points."""

    def request(user_input: object) -> Call:
        return MANAGER, REQUEST_PATH, {"user_input": user_input, "task_type": TASK_TYPE}

    surrogate = b'{"user_input": "\\ud800", "task_type": "code_generation"}'
    task = {"request_id": "not-a-uuid", "task_type": TASK_TYPE, "refined_input": "x"}
    return _send(
        services,
        {
            "unknown_path": (MANAGER, "/api/v1/no-such-path", None),
            "wrong_method": (MANAGER, REQUEST_PATH, None),
            "empty_input": request(""),
            "null_input": request(None),
            "number_input": request(42),
            "list_body": (MANAGER, REQUEST_PATH, ["not", "an", "object"]),
            "nul_in_input": request("a\0b"),
            "lone_surrogate": (MANAGER, REQUEST_PATH, surrogate),
            "not_utf8": (MANAGER, REQUEST_PATH, b'{"user_input": "\xff"}'),
            "deep_json": (MANAGER, REQUEST_PATH, b"[" * 5000),
            "long_input": request("a" * LONG_TEXT),
            "worker_bad_uuid": (WORKER, TASK_PATH, task),
        },
    )


def _send(services: Services, probes: Mapping[str, Call]) -> tuple[ProbeSeen, ...]:
    return tuple(ProbeSeen(name, services.ask(*call)) for name, call in probes.items())
