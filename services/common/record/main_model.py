"""Which answers the main model gave, and no other in its place."""

from typing import Final

# SQL over rows of `execution_logs`, under that name.
BY_MAIN_MODEL: Final = """NOT EXISTS (
    SELECT FROM selfheal.fallback_answers AS f WHERE f.execution_id = execution_logs.id
)"""
