"""Values that the guide prescribes, and the bad prompts and tasks that later cycles use."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TASK_TYPE: Final = "code_generation"
PASS_THRESHOLD: Final = 0.7
BAD_OUTPUT_BELOW: Final = 0.5
FAILURE_THRESHOLD: Final = 3
FIRST_BAD_VERSION: Final = 99
FULL_LATENCY_MS: Final = 500.0
# Where performance has slid to nothing: ten times what the guide asks for.
ZERO_LATENCY_MS: Final = 5000.0
TABLES: Final = ("prompts", "execution_logs", "optimization_reports")
COLUMNS: Final = {
    "prompts": "id task_type content version is_active change_reason created_by created_at",
    "execution_logs": (
        "id request_id task_type user_input refined_input prompt_version worker_output "
        "worker_latency_ms evaluation_score evaluation_passed evaluation_detail error_message "
        "created_at"
    ),
    "optimization_reports": (
        "id task_type before_prompt_version before_prompt_content after_prompt_version "
        "after_prompt_content failure_analysis improvement_pct triggered_by created_at"
    ),
}
# Each on the port where phase 6 greps it.
CORE_METRICS: Final = {
    "manager": "agent_requests_total",
    "worker": "agent_prompt_version",
    "evaluator": "agent_evaluation_score",
}

# The first of each is the guide's own.
BAD_PROMPTS: Final = (
    "just say hello world to everything",
    "Answer every request with exactly: I am sorry, I can't help with that.",
    "Reply with the single word OK.",
    "Write a short poem about autumn. Never write code.",
    "Repeat the request back word for word and add nothing.",
    "Answer in one sentence of plain English. Do not write any code.",
    "say nothing but: TODO",
)
TASKS: Final = (
    "Write a binary search function",
    "Write a function to sort a list",
    "Write a function that reverses a string",
    "Write a function that checks whether a number is prime",
    "Write a function that computes the factorial of a number",
    "Write a function that merges two sorted lists",
    "Write a function that counts the words in a text",
    "Write a function that removes duplicates from a list",
)


@dataclass(frozen=True, slots=True)
class CyclePlan:
    """Bad prompts and tasks of one cycle.

    Attributes:
        bad_prompts: The one to begin with, then those to try if it makes no request fail.
        other_tasks: What the last requests after the heal ask for instead.
    """

    bad_prompts: tuple[str, ...]
    task: str
    other_tasks: tuple[str, ...]


def plan_cycles(cycles: int, seed: int) -> list[CyclePlan]:
    """Plan the cycles: the first is the guide's, the later ones rotate by seed.

    Args:
        cycles: How many, 1 or more.
    """
    dice = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    prompts, tasks = list(BAD_PROMPTS[1:]), list(TASKS[1:])
    dice.shuffle(prompts)
    dice.shuffle(tasks)
    rotated_prompts, rotated_tasks = [BAD_PROMPTS[0], *prompts], [TASKS[0], *tasks]
    return [
        CyclePlan(
            bad_prompts=_rotate(rotated_prompts, number),
            task=rotated_tasks[number % len(TASKS)],
            other_tasks=_rotate(rotated_tasks, number)[1:3],
        )
        for number in range(cycles)
    ]


def _rotate(items: Sequence[str], by: int) -> tuple[str, ...]:
    start = by % len(items)
    return (*items[start:], *items[:start])
