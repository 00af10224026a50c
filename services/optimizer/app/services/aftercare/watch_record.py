"""Reads and writes watches: what is compared with what, and the pairs so far."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from typing_extensions import override

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.common.proof.betting import alpha_of
from services.common.record.active_prompt import COUNTS_FOR_PROMPT
from services.optimizer.app.services.aftercare.pairing import LivePair
from services.optimizer.app.services.aftercare.references import Reference, load_references
from services.optimizer.app.services.aftercare.watch import MARGIN, WatchResult
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.wagers import Wager, WagerBook

SUPERSEDED = "superseded"
# Locked, so that of two Optimizers each goes on from what the other has paired.
SELECT_WATCH = """
    SELECT w.id, w.prompt_id, w.candidate_id, w.detail, clock_timestamp() AS seen_at,
           (SELECT content FROM selfheal.candidates WHERE id = w.candidate_id) AS promoted_content
    FROM selfheal.watches w
    WHERE w.task_type = $1 AND w.ended_at IS NULL
    ORDER BY w.id DESC
    LIMIT 1
    FOR UPDATE
"""
SAVE_WATCH = """
    UPDATE selfheal.watches SET detail = coalesce(detail, '{}') || $2::jsonb
    WHERE id = $1 AND ended_at IS NULL
"""
# A confirmation that another Optimizer began, or one that was killed, has had its number; what it
# has bet since this one read the bets isn't left out.
CLAIM_CONFIRMATION = """
    UPDATE selfheal.watches
    SET detail = coalesce(detail, '{}') || jsonb_build_object(
        'confirmations', $2::integer + 1, 'looked_row', $3::bigint, 'opened', $5::integer
    )
    WHERE id = $1 AND ended_at IS NULL
      AND coalesce((detail ->> 'confirmations')::integer, 0) = $2
      AND coalesce(detail -> 'wagers', '{}') = $4::jsonb
    RETURNING id
"""
RETURN_CONFIRMATION = """
    UPDATE selfheal.watches
    SET detail = detail
        || jsonb_build_object('confirmations', $2::integer - 1, 'looked_row', $3::bigint)
    WHERE id = $1 AND (detail ->> 'confirmations')::integer = $2
"""
# By the confirmation that began last, and by no other.
SAVE_BETS = f"""
    {SAVE_WATCH} AND coalesce((detail ->> 'confirmations')::integer, 0) = $3
    RETURNING id
"""
END_WATCH = """
    UPDATE selfheal.watches
    SET ended_at = now(), outcome = $2, detail = coalesce(detail, '{}') || $3::jsonb
    WHERE id = $1 AND ended_at IS NULL
"""
# Who looks may have read what served a while ago: a watch ends by what serves now.
SUPERSEDE_WATCH = """
    UPDATE selfheal.watches w SET ended_at = now(), outcome = 'superseded'
    WHERE w.id = $1 AND w.ended_at IS NULL
      AND (
          NOT EXISTS (SELECT FROM prompts WHERE id = w.before_prompt_id)
          OR NOT EXISTS (
              SELECT FROM prompts p
              LEFT JOIN selfheal.candidates c ON c.id = w.candidate_id
              WHERE p.id = w.prompt_id AND p.is_active
                AND (c.content IS NULL OR c.content = p.content)
          )
      )
"""
COUNT_ANSWERS = f"""
    SELECT count(*) FROM (
        SELECT FROM execution_logs
        WHERE task_type = $1 AND prompt_version = $2 AND created_at >= $3 AND id > $4
          AND evaluation_passed IS NOT NULL AND {COUNTS_FOR_PROMPT}
        LIMIT 10000
    ) AS answers
"""


class LookedMeanwhileError(ServiceError):
    """Another Optimizer looks into the same alarm by now, and goes on with its bet."""

    code = "looked_meanwhile"


@dataclass(slots=True)
class Watch:
    """An open watch.

    Attributes:
        promoted_content: The promoted text; None where its candidate is gone.
        seen_at: The database's time when it was read.
        paired: The pairs with each reference, by its name.
        dismissed: By reference, how many pairs there were at each alarm that came to nothing.
        confirmations: Looks into alarms, this one included once it is claimed.
        wagers: The bets that an older version is better that still go on, by reference.
        opened: Such bets so far; each has an error rate of its own.
        looked_row: The newest row when an alarm was last looked into.
        cleared_row: The newest row when an alarm was last dismissed: only later ones are asked
            again for the next one.
    """

    id: int
    prompt_id: int
    candidate_id: UUID | None
    promoted_content: str | None
    seen_at: datetime
    references: Sequence[Reference]
    paired: dict[str, list[LivePair]] = field(default_factory=dict)
    dismissed: dict[str, list[int]] = field(default_factory=dict)
    confirmations: int = 0
    wagers: dict[str, Wager] = field(default_factory=dict)
    opened: int = 0
    looked_row: int = 0
    cleared_row: int = 0

    def is_over(self, serving: Prompt) -> bool:
        """Tell whether this prompt, by its row and its text, isn't what was promoted."""
        return serving.id != self.prompt_id or self.promoted_content not in (None, serving.content)

    async def save_pairs(self, connection: asyncpg.Connection, result: WatchResult) -> None:
        """Put the pairs on record, and what they say; it belongs into the lock's transaction."""
        paired = {
            name: [[one.answer_id, one.partner_id, one.score, one.partner_score] for one in pairs]
            for name, pairs in self.paired.items()
        }
        await connection.execute(SAVE_WATCH, self.id, self.describe(result) | {"paired": paired})

    async def claim_confirmation(
        self, connection: asyncpg.Connection, after: Sequence[LoggedResult]
    ) -> bool:
        """Take the number of the next confirmation; False where another Optimizer has it."""
        newest = max((row.row_id for row in after), default=self.looked_row)
        bets = self._describe_wagers()["wagers"]
        found = await connection.fetchval(
            CLAIM_CONFIRMATION, self.id, self.confirmations, newest, bets, self.opened
        )
        self.confirmations += found is not None
        return found is not None

    async def return_confirmation(self, connection: asyncpg.Connection) -> None:
        """Give the number back, and the answers: not one pair was seen, so nothing was spent."""
        await connection.execute(RETURN_CONFIRMATION, self.id, self.confirmations, self.looked_row)

    def find_wager(self, name: str) -> Wager:
        """Return the bet that a reference is better as it stands, or as it would be opened now."""
        number = self.opened + 1
        return self.wagers.get(name) or Wager(alpha_of(number), number=number)

    async def save_wager(self, connection: asyncpg.Connection, name: str, wager: Wager) -> None:
        """Put a bet on record, with all that came of it.

        Raises:
            LookedMeanwhileError: If another Optimizer goes on with it.
        """
        self.wagers[name], self.opened = wager, max(self.opened, wager.number)
        if not await self._save_bets(connection, self._describe_wagers()):
            raise LookedMeanwhileError("Another Optimizer looks into the same alarm by now.")

    async def spend(self, connection: asyncpg.Connection, wager: Wager) -> None:
        """Have a bet's error rate spent: pairs of it were seen, of which none may be on record."""
        self.opened = max(self.opened, wager.number)
        await self._save_bets(connection, self._describe_wagers())

    async def _save_bets(self, connection: asyncpg.Connection, detail: dict[str, Any]) -> bool:
        """Put them on record, unless another Optimizer looks into an alarm by now."""
        saved = await connection.fetchval(SAVE_BETS, self.id, detail, self.confirmations)
        return saved is not None

    def _describe_wagers(self) -> dict[str, Any]:
        plain = {
            name: {"number": one.number, "gains": one.gains, "seen": sorted(one.seen)}
            for name, one in self.wagers.items()
        }
        return {"wagers": plain, "opened": self.opened}

    async def clear_alarm(
        self, connection: asyncpg.Connection, name: str, after: Sequence[LoggedResult]
    ) -> None:
        """Let only what is logged later raise an alarm again.

        The next one goes on with the same bet, unless a new one would decide sooner. Where another
        Optimizer looks into it by now, it is that one's to clear.
        """
        if not self.find_wager(name).is_ahead_of(alpha_of(self.opened + 1)):
            self.wagers.pop(name, None)
        self.dismissed.setdefault(name, []).append(len(self.paired[name]))
        self.cleared_row = max((row.row_id for row in after), default=self.cleared_row)
        cleared = {
            "dismissed": self.dismissed,
            "cleared_row": self.cleared_row,
            "cleared_at": self.seen_at.isoformat(),
        }
        await self._save_bets(connection, cleared | self._describe_wagers())

    async def end(self, connection: asyncpg.Connection, outcome: str, result: WatchResult) -> None:
        """End this watch, and no other."""
        await connection.execute(END_WATCH, self.id, outcome, self.describe(result))

    async def supersede(self, connection: asyncpg.Connection) -> None:
        """End this watch if what it watches doesn't serve now."""
        await connection.execute(SUPERSEDE_WATCH, self.id)

    def describe(self, result: WatchResult) -> dict[str, Any]:
        """Tell how it stands."""
        versions = {one.name: one.version for one in self.references}
        return {**asdict(result), "margin": MARGIN, "versions": versions}


class WatchBets(WagerBook):
    """Puts the bets that one reference is better on a watch's record."""

    def __init__(self, connection: asyncpg.Connection, watch: Watch, name: str) -> None:
        super().__init__()
        self._connection = connection
        self._watch = watch
        self._name = name

    @override
    async def bet(self, content: str, bets: Sequence[tuple[str, float]]) -> Wager:
        """Put bets on the version's text on record; return the wager."""
        further = self._watch.find_wager(self._name).bet_on(bets)
        if bets:
            await self._watch.save_wager(self._connection, self._name, further)
        return further


async def load_watch(connection: asyncpg.Connection, task_type: str) -> Watch | None:
    """Load the open watch of a task type, and lock it until the transaction ends; None without."""
    record = await connection.fetchrow(SELECT_WATCH, task_type)
    if record is None:
        return None
    detail: Mapping[str, Any] = record["detail"] or {}
    return Watch(
        record["id"],
        record["prompt_id"],
        record["candidate_id"],
        record["promoted_content"],
        record["seen_at"],
        await load_references(connection, record["id"]),
        paired={
            name: [LivePair(*one) for one in pairs]
            for name, pairs in detail.get("paired", {}).items()
        },
        dismissed=dict(detail.get("dismissed", {})),
        confirmations=detail.get("confirmations", 0),
        wagers={
            name: Wager(
                alpha_of(one["number"]),
                tuple(one["gains"]),
                frozenset(one["seen"]),
                number=one["number"],
            )
            for name, one in detail.get("wagers", {}).items()
        },
        # A watch from before bets went on has spent an error rate with each look.
        opened=detail.get("opened", detail.get("confirmations", 0)),
        looked_row=detail.get("looked_row", 0),
        cleared_row=detail.get("cleared_row", 0),
    )
