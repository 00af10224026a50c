"""Knows the task types that are under an alarm or a watch: all of their answers are scored."""

from collections.abc import Iterable

from services.common.database import Database
from services.common.record.active_prompt import BY_ACTIVE_PROMPT

# As many failures, in as many minutes, as the guide's trigger takes.
ALARM_FAILURES = 3
ALARM_MINUTES = 30
SELECT_WATCHED = f"""
    SELECT name
    FROM unnest($1::text[]) AS name
    WHERE EXISTS (SELECT FROM selfheal.watches WHERE task_type = name AND ended_at IS NULL)
       OR $3 = (
           SELECT count(*) FROM (
               SELECT FROM execution_logs
               WHERE task_type = name AND evaluation_passed IS FALSE
                 AND created_at > now() - make_interval(mins => $2)
                 AND {BY_ACTIVE_PROMPT}
               LIMIT $3
           ) AS failures
       )
"""


class Attention:
    """The task types that need every answer scored now.

    Args:
        task_types: Those that score a share of their answers; about others nothing is asked.
    """

    def __init__(self, database: Database, task_types: Iterable[str]) -> None:
        self._database = database
        self._task_types = list(task_types)
        self._watched: frozenset[str] = frozenset()

    def is_on(self, task_type: str) -> bool:
        """Tell whether every answer of a task type is to be scored."""
        return task_type in self._watched

    async def refresh(self) -> None:
        """Read it anew.

        Raises:
            DatabaseUnavailableError: If the database gives no answer; what was known holds.
        """
        if not self._task_types:
            return
        async with self._database.connection() as connection:
            records = await connection.fetch(
                SELECT_WATCHED, self._task_types, ALARM_MINUTES, ALARM_FAILURES
            )
        self._watched = frozenset(record["name"] for record in records)
