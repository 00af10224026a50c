"""Tells whether texts were taken out of the log since it was read."""

from collections.abc import Iterable

import asyncpg

from services.common.evaluation_detail import HAS_TEXTS
from services.optimizer.app.services.log.log_records import LoggedResult

SELECT_BLANKED = f"""
    SELECT EXISTS (SELECT FROM execution_logs WHERE id = ANY($1::bigint[]) AND NOT {HAS_TEXTS})
"""


async def was_blanked_since(
    connection: asyncpg.Connection, results: Iterable[LoggedResult]
) -> bool:
    """Tell whether any of these rows has lost its text: who has it still must not write it down."""
    ids = [row.row_id for row in results]
    is_blank: bool = await connection.fetchval(SELECT_BLANKED, ids)
    return is_blank
