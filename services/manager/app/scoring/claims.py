"""Claims answers that wait for their scores, and writes what became of them.

Any number of Managers may do it at once. A claim is a lease: it moves `claimable_at` to its end
and counts up `attempts`, and only who holds the latest claim can end it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from services.common.costs.bill import Bill, charging
from services.common.costs.prices import Prices
from services.common.database import Database
from services.common.errors import UpstreamError
from services.common.evaluation_detail import ErrorDetail, EvaluationDetail
from services.common.logging import get_logger, name_error
from services.common.schemas import Conversation, EvaluationResponse
from services.manager.app.scoring.sampling import Mark

UNREADABLE = ErrorDetail(service="manager", code="conversation_unreadable")

log = get_logger()

# By `=`: a subquery after IN may be run anew for every row, and locks another one each time.
CLAIM = """
    WITH claimed AS (
        UPDATE selfheal.pending_scores
        SET attempts = attempts + 1, claimable_at = now() + make_interval(secs => $1)
        WHERE execution_id = (
            SELECT execution_id FROM selfheal.pending_scores
            WHERE claimable_at <= now()
            ORDER BY claimable_at
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING *
    )
    SELECT execution_id, attempts, with_judge, rules_share, judge_share, l.task_type,
           l.request_id, evaluation_detail AS detail,
           CASE WHEN l.id IS NOT NULL THEN messages END AS messages,
           coalesce(tools, '[]') AS tools, choices -> 0 -> 'message' AS answer,
           finish_reason, to_jsonb(claimed) ->> 'trace_parent' AS trace_parent
    FROM claimed
    LEFT JOIN execution_logs AS l ON l.id = execution_id
    LEFT JOIN selfheal.conversations USING (execution_id)
"""
# Each ends a claim, unless a later one has been made: then it changes nothing.
END_CLAIM = """
    WITH ended AS (
        DELETE FROM selfheal.pending_scores
        WHERE execution_id = $1 AND attempts = $2
        RETURNING execution_id
    )
"""
KEEP_SCORE = f"""
    {END_CLAIM}, weighed AS (
        UPDATE selfheal.conversations AS c SET inclusion_probability = $6
        FROM ended WHERE c.execution_id = ended.execution_id
    )
    UPDATE execution_logs SET evaluation_score = $3, evaluation_passed = $4, evaluation_detail = $5
    FROM ended WHERE id = execution_id
"""
KEEP_ERROR = f"""
    {END_CLAIM}
    UPDATE execution_logs SET error_message = $3, evaluation_detail = $4
    FROM ended WHERE id = execution_id
"""
LEAVE_UNSCORED = f"{END_CLAIM} SELECT FROM ended"
PUT_BACK = """
    UPDATE selfheal.pending_scores
    SET claimable_at = now() + make_interval(secs => $3), attempts = attempts - $4::boolean::int
    WHERE execution_id = $1 AND attempts = $2
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer that is this process's to score for as long as the lease runs.

    Attributes:
        attempts: How often it was claimed, this time included.
        detail: What the row's detail holds already.
        trace_parent: The span of the answer, where it was traced.
    """

    execution_id: int
    attempts: int
    mark: Mark
    request_id: UUID
    task_type: str
    detail: Mapping[str, Any]
    conversation: Conversation
    trace_parent: str | None = None


class PendingScores:
    """The answers that wait for their scores.

    Every method raises DatabaseUnavailableError if the database gives no answer.

    Args:
        lease_seconds: How long a claim holds; longer than an evaluation may take.
        prices: What the judge costs.
    """

    def __init__(
        self, database: Database, *, lease_seconds: float, prices: Prices | None = None
    ) -> None:
        self._database = database
        self._prices = prices or Prices()
        self._lease_seconds = lease_seconds

    async def claim(self) -> Claim | None:
        """Claim the answer that has waited longest; None where none waits.

        One that can't be read is unscored from now on: nobody will ever score it.
        """
        async with self._database.connection() as connection:
            while record := await connection.fetchrow(CLAIM, self._lease_seconds):
                try:
                    return _read_claim(record)
                except ValidationError as error:
                    execution_id = record["execution_id"]
                    log.error("answer_unreadable", execution_id=execution_id, **name_error(error))
                    detail = EvaluationDetail(error=UNREADABLE).as_json()
                    await connection.execute(
                        KEEP_ERROR,
                        execution_id,
                        record["attempts"],
                        "The conversation can't be read.",
                        (record["detail"] or {}) | detail,
                    )
        return None

    async def keep_score(
        self, claim: Claim, evaluation: EvaluationResponse, probability: float
    ) -> None:
        """Write a score, with the chance with which the answer's outcome came to be known."""
        bill = Bill(self._prices, claim.task_type)
        detail = bill.add_judging("judging", evaluation.detail)
        async with self._database.connection() as connection, connection.transaction():
            # Whoever's the claim is by now: the judge was asked.
            await bill.keep(connection)
            await connection.execute(
                KEEP_SCORE,
                claim.execution_id,
                claim.attempts,
                evaluation.score,
                evaluation.passed,
                {**claim.detail, **detail},
                probability,
            )

    async def keep_error(self, claim: Claim, message: str, detail: Mapping[str, Any]) -> None:
        """Write why an answer has no score; it is unscored from now on."""
        await self._end(KEEP_ERROR, claim, message, {**claim.detail, **detail})

    async def leave_unscored(self, claim: Claim) -> None:
        """End the wait of an answer that was not chosen to be judged."""
        await self._end(LEAVE_UNSCORED, claim)

    async def put_back(
        self, claim: Claim, *, after_seconds: float, is_forgiven: bool = False
    ) -> None:
        """Let anybody claim the answer again, after a pause; a forgiven attempt doesn't count."""
        await self._end(PUT_BACK, claim, after_seconds, is_forgiven)

    async def charge_failure(self, claim: Claim, failure: UpstreamError) -> None:
        """Charge what an evaluation cost that gave no score."""
        async with charging(self._prices, claim.task_type, self._database.connection) as bill:
            bill.add_failure("judging", failure, is_asked=False)

    async def _end(self, statement: str, claim: Claim, *values: object) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement, claim.execution_id, claim.attempts, *values)


def _read_claim(record: asyncpg.Record) -> Claim:
    """Read a claimed answer.

    Raises:
        ValidationError: If its conversation isn't there, or is none.
    """
    return Claim(
        execution_id=record["execution_id"],
        attempts=record["attempts"],
        mark=Mark(record["with_judge"], record["rules_share"], record["judge_share"]),
        request_id=record["request_id"],
        task_type=record["task_type"],
        detail=record["detail"] or {},
        conversation=Conversation(
            messages=record["messages"],
            tools=record["tools"],
            answer=record["answer"] or {},
            finish_reason=record["finish_reason"],
        ),
        trace_parent=record["trace_parent"],
    )
