"""Keeps wagers in the database, so that all Optimizers and people obey one law."""

from collections.abc import Sequence

import asyncpg

from services.common.models import Prompt
from services.common.proof.betting import alpha_of
from services.common.text import digest_text
from services.optimizer.app.services.log.rollout_answers import USED_INPUTS
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.wagers import Wager, WagerBook

# SQL over `selfheal.activations AS a` and its prompt `p`: an activation that the Optimizer didn't
# cause. A row that it wrote is its own doing once; a later activation of it is a hand's.
ACTIVATED_BY_HAND = """(
    p.created_by <> 'optimizer'
    OR a.id <> (SELECT min(id) FROM selfheal.activations WHERE prompt_id = p.id)
)"""
SELECT_INCIDENT = f"""
    SELECT coalesce(max(a.id), 0)
    FROM selfheal.activations a
    JOIN prompts p ON p.id = a.prompt_id
    WHERE a.task_type = $1
      AND {ACTIVATED_BY_HAND}
"""
SELECT_WAGERS = """
    SELECT w.id, w.number, w.alpha, w.candidate_digest,
           array_remove(array_agg(i.input_digest ORDER BY i.id), NULL) AS seen,
           array_remove(array_agg(i.gain ORDER BY i.id), NULL) AS gains
    FROM selfheal.wagers w
    LEFT JOIN selfheal.wager_inputs i ON i.wager_id = w.id
    WHERE w.task_type = $1 AND w.incident = $2 AND w.incumbent_digest = $3
    GROUP BY w.id
"""
SELECT_LAST_NUMBER = """
    SELECT coalesce(max(number), 0) FROM selfheal.wagers WHERE task_type = $1 AND incident = $2
"""
# Two that open wagers at once get two numbers, or one and the same wager: whoever comes second
# waits for the first, inserts nothing and looks again.
INSERT_WAGER = """
    INSERT INTO selfheal.wagers
        (task_type, incident, incumbent_digest, candidate_digest, number, alpha)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
"""
# What any heal of the incident chose on counts: a text may be chosen in one heal and come before
# the gate in a later one, when the inputs are dealt out anew.
INSERT_CHOSEN_ON = f"""
    INSERT INTO selfheal.wager_inputs (wager_id, input_digest)
    SELECT $1::bigint, unnest($2::text[])
    UNION
    SELECT $1::bigint, used.value ->> 'fingerprint'
    FROM selfheal.healing_runs r, {USED_INPUTS} AS used
    WHERE r.task_type = $3
      AND r.created_at >= coalesce(
          (SELECT activated_at FROM selfheal.activations WHERE id = $4), '-infinity'
      )
      AND used.value ->> 'half' = 'choosing'
      AND used.value ->> 'fingerprint' IS NOT NULL
    ON CONFLICT DO NOTHING
"""
INSERT_BETS = """
    INSERT INTO selfheal.wager_inputs (wager_id, input_digest, gain)
    SELECT $1, bet.digest, bet.gain
    FROM unnest($2::text[], $3::float8[]) WITH ORDINALITY AS bet (digest, gain, at)
    ORDER BY bet.at
    ON CONFLICT DO NOTHING
"""


class StoredWagers(WagerBook):
    """The wagers of one incident on texts in place of one incumbent, on record."""

    def __init__(self, connection: asyncpg.Connection, incumbent: Prompt, incident: int) -> None:
        super().__init__()
        self._connection = connection
        self._key = incumbent.task_type, incident
        self._incumbent_digest = incumbent.digest

    @property
    def most_wealth(self) -> float:
        """What the bet that has won the most has come to; 0 where there is none."""
        return max((wager.wealth.now for wager in self._known.values()), default=0)

    async def open(self, content: str, chosen_on: Sequence[ReplayInput]) -> Wager:
        """Open the wager on a text, or find it; remember on what it was written and chosen."""
        digest = digest_text(content)
        while digest not in self._known:
            number = self._last_number + 1
            await self._connection.execute(
                INSERT_WAGER, *self._key, self._incumbent_digest, digest, number, alpha_of(number)
            )
            await self.load()
        await self._connection.execute(
            INSERT_CHOSEN_ON,
            self._known[digest].id,
            [item.fingerprint for item in chosen_on],
            *self._key,
        )
        await self.load()
        return self._known[digest]

    async def bet(self, content: str, bets: Sequence[tuple[str, float]]) -> Wager:
        """Put bets on record as soon as their results are known; return the wager with them.

        What is on record decides: an input that another run has bet this wager on meanwhile adds
        nothing.
        """
        names, gains = [name for name, _ in bets], [gain for _, gain in bets]
        await self._connection.execute(INSERT_BETS, self.find(content).id, names, gains)
        await self.load()
        return self.find(content)

    async def load(self) -> None:
        """Read the incident's wagers anew."""
        rows = await self._connection.fetch(SELECT_WAGERS, *self._key, self._incumbent_digest)
        for row in rows:
            self._known[row["candidate_digest"]] = Wager(
                row["alpha"],
                gains=tuple(row["gains"]),
                seen=frozenset(row["seen"]),
                number=row["number"],
                id=row["id"],
            )
        self._last_number = await self._connection.fetchval(SELECT_LAST_NUMBER, *self._key)


async def find_incident(connection: asyncpg.Connection, task_type: str) -> int:
    """Find what began a task type's incident: an activation that the Optimizer didn't cause.

    Returns:
        Its id; 0 where there is none.
    """
    incident: int = await connection.fetchval(SELECT_INCIDENT, task_type)
    return incident


async def load_wagers(connection: asyncpg.Connection, incumbent: Prompt) -> StoredWagers:
    """Load what was bet on texts in place of this prompt since a person last deployed one."""
    incident = await find_incident(connection, incumbent.task_type)
    book = StoredWagers(connection, incumbent, incident)
    await book.load()
    return book
