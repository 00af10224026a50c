"""Reads what a chat completion took, as providers tell it in OpenAI's shape."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages.ai import UsageMetadata

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
    is_count = isinstance(count, int | float) and not isinstance(count, bool)
    # NaN is in no range.
    return int(count) if is_count and 0 <= count <= LARGEST_INTEGER else None


def read_usage(usage: object) -> Spending:
    """Read what one call came to; reasoning is part of what was written."""
    return Spending.of_call(*(read_count(usage, path) or 0 for path in (READ, WRITTEN, CACHED)))


def write_usage(usage: UsageMetadata | None) -> dict[str, Any]:
    """Write what LangChain tells of an answer in OpenAI's shape; empty where it tells nothing."""
    if not usage:
        return {}
    read, written = usage.get("input_token_details", {}), usage.get("output_token_details", {})
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": {"cached_tokens": read.get("cache_read", 0)},
        "completion_tokens_details": {"reasoning_tokens": written.get("reasoning", 0)},
    }


def read_task(task: TaskResponse) -> Spending:
    """Read what the Worker says that an answer came to."""
    return Spending.of_call(task.input_tokens, task.output_tokens, task.cached_tokens)
