"""Which answers count for or against the prompt that was active, and which belong to none."""

from typing import Final

from services.common.record.main_model import BY_MAIN_MODEL

# SQL over rows of `execution_logs`, under that name. A text that serves a share of traffic beside
# the active prompt has a version number that a prompt may have as well.
# What came after all of a table's rows is not looked up in it: the newest answers are read most.
BY_ACTIVE_PROMPT: Final = """(
    execution_logs.id > coalesce((SELECT max(execution_id) FROM selfheal.rollout_answers), 0)
    OR NOT EXISTS (
        SELECT FROM selfheal.rollout_answers AS a
        WHERE a.execution_id = execution_logs.id AND a.arm = 'candidate'
    )
)"""
COUNTS_FOR_PROMPT: Final = f"{BY_MAIN_MODEL} AND {BY_ACTIVE_PROMPT}"
