"""The schema of the release before, for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# What migration 7 added, and services name.
HIDE = """
    ALTER TABLE selfheal.spending RENAME TO later_spending;
    ALTER TABLE selfheal.pending_scores RENAME trace_parent TO later_trace_parent;
"""
SHOW = """
    ALTER TABLE selfheal.later_spending RENAME TO spending;
    ALTER TABLE selfheal.pending_scores RENAME later_trace_parent TO trace_parent;
"""


@asynccontextmanager
async def schema_before_7(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Have a database lack what migration 7 added; afterwards it is as if that were applied."""
    await connection.execute(HIDE)
    try:
        yield
    finally:
        await connection.execute(SHOW)
