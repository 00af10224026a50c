"""Reads what a chat completion took, as providers tell it in OpenAI's shape."""

from collections.abc import Mapping
from typing import Any, Final

from services.common.metering.spending import Spending
from services.common.schemas import TaskResponse

LARGEST_INTEGER: Final = 2**31 - 1
READ: Final = ("prompt_tokens",)
WRITTEN: Final = ("completion_tokens",)
CACHED: Final = ("prompt_tokens_details", "cached_tokens")
REASONING: Final = ("completion_tokens_details", "reasoning_tokens")


def read_count(usage: object, path: tuple[str, ...]) -> int | None:
    """Read a count of tokens at a path; None for what is no count that a column takes."""
    count: Any = usage
    for name in path:
        count = count.get(name) if isinstance(count, Mapping) else None
    is_count = isinstance(count, int) and not isinstance(count, bool)
    return count if is_count and 0 <= count <= LARGEST_INTEGER else None


def read_usage(usage: object) -> Spending:
    """Read what one call came to; reasoning is part of what was written."""
    return Spending.of_call(*(read_count(usage, path) or 0 for path in (READ, WRITTEN, CACHED)))


def read_task(task: TaskResponse) -> Spending:
    """Read what the Worker says that an answer came to."""
    return Spending.of_call(task.input_tokens, task.output_tokens, task.cached_tokens)
