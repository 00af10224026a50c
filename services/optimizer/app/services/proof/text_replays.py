"""Replays texts: each is registered once, and no text is run twice on the same input."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.common.models import Prompt
from services.common.record.healing_runs import name_candidate, register_candidate
from services.optimizer.app.services.proof.replay import Replayer
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult

TRIED = "tried"


class TextReplays:
    """Runs prompt texts on inputs in place of one incumbent.

    Args:
        connection: Where candidates are registered, so that the Worker can generate with them.
        incumbent: The prompt in whose place the texts would serve.
    """

    def __init__(
        self, connection: asyncpg.Connection, replayer: Replayer, incumbent: Prompt
    ) -> None:
        self._connection = connection
        self._replayer = replayer
        self._incumbent = incumbent
        self._ids: dict[str, UUID] = {}
        self._results: dict[str, dict[str, ReplayResult]] = {}
        self._attempted: dict[str, set[str]] = {}

    @property
    def calls(self) -> int:
        """Worker calls so far, of whatever text."""
        return self._replayer.calls

    @property
    def calls_left(self) -> int:
        """Worker calls that the budget still allows; 0 once the time is up."""
        return self._replayer.calls_left

    async def register(self, content: str, strategy: str = TRIED) -> UUID:
        """Get the id under which the Worker knows a text, and record which strategy proposes it.

        A text that was tried on the way, and is proposed then, gets the name of who proposed it.
        """
        known = self._ids.get(content)
        if known is None:
            known = self._ids[content] = await register_candidate(
                self._connection, self._incumbent, content=content, strategy=strategy
            )
        elif strategy != TRIED:
            await name_candidate(self._connection, known, strategy)
        return known

    async def run(self, content: str, inputs: Sequence[ReplayInput]) -> dict[str, ReplayResult]:
        """Run a text on inputs; what couldn't be scored is missing from the results.

        Raises:
            ServiceError: If of the inputs that had not been run before none could be scored.
        """
        results = self._results.setdefault(content, {})
        attempted = self._attempted.setdefault(content, set())
        fresh = [item for item in inputs if item.id not in attempted]
        if fresh:
            candidate_id = await self.register(content)
            replayed = await self._replayer.replay(
                task_type=self._incumbent.task_type, candidate_id=candidate_id, inputs=fresh
            )
            attempted.update(item.id for item in fresh)
            results |= replayed
        return {item.id: results[item.id] for item in inputs if item.id in results}

    def known(self, content: str) -> dict[str, ReplayResult]:
        """Return all results of a text so far."""
        return dict(self._results.get(content, {}))
