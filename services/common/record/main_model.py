"""Which answers the main model gave, and no other in its place."""

from typing import Final

# SQL over rows of `execution_logs`, under that name.
# What came after all of a table's rows is not looked up in it: the newest answers are read most.
BY_MAIN_MODEL: Final = """(
    execution_logs.id > coalesce((SELECT max(execution_id) FROM selfheal.fallback_answers), 0)
    OR NOT EXISTS (
        SELECT FROM selfheal.fallback_answers AS f WHERE f.execution_id = execution_logs.id
    )
)"""
