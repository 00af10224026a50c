"""Reads the versions that a watch compares a promotion with."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.common.record.prompts import write_digest
from services.optimizer.app.services.log.answers import load_results
from services.optimizer.app.services.log.log_records import LoggedResult

# Each version's last time of service before the watch. What was edited since isn't what served:
# of the version that was replaced the report has the text, of the last good one its digest.
SELECT_REFERENCES = f"""
    SELECT named.name, p.id AS prompt_id, p.version,
           CASE named.name WHEN 'before' THEN coalesce(r.before_prompt_content, p.content)
                ELSE p.content END AS content,
           coalesce(served.activated_at, p.created_at) AS served_from,
           least(served.replaced_at, w.started_at) AS served_until
    FROM selfheal.watches w
    LEFT JOIN optimization_reports r ON r.id = w.report_id
    CROSS JOIN LATERAL (
        VALUES (1, 'last_good', w.last_good_prompt_id), (2, 'before', w.before_prompt_id)
    ) AS named (rank, name, prompt_id)
    JOIN prompts p ON p.id = named.prompt_id
    LEFT JOIN LATERAL (
        SELECT a.activated_at, (
            SELECT min(n.activated_at) FROM selfheal.activations n
            WHERE n.task_type = w.task_type AND n.id > a.id
        ) AS replaced_at
        FROM selfheal.activations a
        WHERE a.prompt_id = p.id AND a.activated_at < w.started_at
        ORDER BY a.id DESC
        LIMIT 1
    ) AS served ON TRUE
    WHERE w.id = $1
      AND (named.name = 'before' OR (
          w.last_good_prompt_id <> w.before_prompt_id
          AND coalesce(
              {write_digest("p.content")} = r.failure_analysis #>> '{{last_good,digest}}', TRUE
          )
      ))
    ORDER BY named.rank
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """A version that a promotion is compared with, and when it served last before that.

    Attributes:
        name: `last_good`, or `before` for the version that was replaced.
    """

    name: str
    prompt_id: int
    version: int
    content: str
    served_from: datetime
    served_until: datetime

    async def load_answers(
        self, connection: asyncpg.Connection, task_type: str
    ) -> tuple[LoggedResult, ...]:
        """Load its scored answers of that time, the newest first."""
        return await load_results(
            connection, task_type, self.version, start=self.served_from, end=self.served_until
        )


async def load_references(connection: asyncpg.Connection, watch_id: int) -> list[Reference]:
    """Load them: the last good version, where it is another, then the one that was replaced."""
    return [Reference(**one) for one in await connection.fetch(SELECT_REFERENCES, watch_id)]
