"""What Evaluators know of judges and of themselves, kept for all of them: they have no database.

The Manager gives each what is kept, and keeps what it has that is new. Whichever replica an
exchange meets, all come to the same: of a judge its latest calibration, of a fingerprint its first
baseline.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.common.oversight.records import CALIBRATION, MAX_RECORDS, EvaluatorRecord

SELECT: Final = f"""
    SELECT kind, identity, record, recorded_at FROM selfheal.evaluator_records
    ORDER BY recorded_at DESC LIMIT {MAX_RECORDS}
"""
MERGE: Final = f"""
    INSERT INTO selfheal.evaluator_records AS kept (kind, identity, record, recorded_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, identity) DO UPDATE
    SET record = excluded.record, recorded_at = excluded.recorded_at
    WHERE CASE kept.kind WHEN '{CALIBRATION}' THEN excluded.recorded_at > kept.recorded_at
          ELSE excluded.recorded_at < kept.recorded_at END
"""


async def load_records(connection: asyncpg.Connection) -> list[EvaluatorRecord]:
    """Load what is kept for all."""
    return [EvaluatorRecord(**record) for record in await connection.fetch(SELECT)]


async def merge_records(connection: asyncpg.Connection, records: Sequence[EvaluatorRecord]) -> None:
    """Keep what outranks what is kept."""
    # In one order, so that two who merge at once don't wait for each other.
    ordered = sorted(records, key=lambda one: (one.kind, one.identity))
    await connection.executemany(
        MERGE, [(one.kind, one.identity, one.record, one.recorded_at) for one in ordered]
    )
