"""Takes a person's answer to a proposal: approves it if nothing has changed since, or rejects."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError
from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record.activation import (
    LOCK_PROMPTS,
    Activation,
    IncumbentChangedError,
    Patch,
)
from services.common.record.healing_runs import (
    BY_HAND,
    CREATED_BY,
    HealingRun,
    Repair,
    approve,
    approve_unproven,
    reject,
)
from services.common.record.outcomes import PROPOSED
from services.common.record.people import SecondPersonRequiredError, shorten_name
from services.common.record.prompts import load_active_prompts

MAX_RATIONALE_CHARACTERS: Final = 200
SELECT_PROPOSALS: Final = """
    SELECT r.id AS run_id, r.task_type, r.incumbent_prompt_id, r.incumbent_digest, r.reason,
           r.verdict AS fault, r.candidate_id, r.detail, r.triggered_by, r.requested_by,
           r.resolution, r.created_at, c.content, c.strategy AS registered_as
    FROM selfheal.healing_runs r
    JOIN selfheal.candidates c ON c.id = r.candidate_id
    WHERE r.decision = 'proposed'
"""
OPEN: Final = " AND r.resolution IS NULL AND ($1::text IS NULL OR r.task_type = $1)"
LATEST_FIRST: Final = " ORDER BY r.created_at DESC, r.id LIMIT 200"
ONE_LOCKED: Final = " AND r.id = $1 FOR UPDATE OF r"
SELECT_PROMPT: Final = f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE id = $1"


class ProposalClosedError(ServiceError):
    """A proposal can't be answered so any more, or never was one; nothing was changed."""

    status_code = 409
    code = "proposal_closed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that waits for a person, beside the prompt that it would replace.

    Attributes:
        incumbent: The prompt that it was proven against; None if its row is gone.
        incumbent_digest: That prompt's text, as it was then.
        registered_as: What the candidate's own row says of its origin.
        requested_by: The person who asked for it; None where the Optimizer proposed by itself.
        resolution: The answer, once there is one.
        serving: The prompt that serves now; None where none does.
    """

    run_id: UUID
    task_type: str
    incumbent: Prompt | None
    incumbent_digest: str | None
    candidate_id: UUID
    content: str
    registered_as: str
    reason: str
    fault: str | None
    detail: dict[str, Any]
    triggered_by: str | None
    requested_by: str | None
    resolution: str | None
    created_at: datetime
    serving: Prompt | None = None

    @property
    def staleness(self) -> str:
        """Why it can't be approved any more, in words; empty where it can."""
        serving, incumbent = self.serving, self.incumbent
        if serving is None:
            return "no version serves now"
        if incumbent is None or serving.id != incumbent.id:
            return f"version {serving.version} serves now"
        if serving.digest != self.incumbent_digest:
            return f"the text of version {serving.version} was edited since"
        return ""

    @property
    def improvement_pct(self) -> float:
        """Percentage points of mean score that the text won on replays; 0 if not on record."""
        before, after = (
            _find(self.detail, "verdict", f"{whose}_mean") for whose in ("incumbent", "candidate")
        )
        for mean in (before, after):
            if not (isinstance(mean, int | float) and 0 <= mean <= 1):
                return 0.0
        return float(100 * (after - before))

    @property
    def strategy(self) -> str:
        """What made the text, by the run's own record."""
        return str(_find(self.detail, "verdict", "strategy") or self.registered_as)

    @property
    def is_proven(self) -> bool:
        """Whether the gate proved it: what a person proposed by hand it never saw."""
        return self.reason != BY_HAND

    def explain(self, person: str) -> str:
        """Write why the text is to serve, for the record.

        Args:
            person: Who approves it.
        """
        asked = f"asked for by {self.requested_by}, " if self.requested_by else ""
        if not self.is_proven:
            why = _find(self.detail, "change_reason") or "by hand"
            return f"{why} ({asked}approved by {person}, not proven)"
        tried = _find(self.detail, "candidates")
        ours = (
            one
            for one in (tried if isinstance(tried, list) else ())
            if _find(one, "candidate_id") == str(self.candidate_id)
        )
        rationale = str(_find(next(ours, None), "rationale") or "")[:MAX_RATIONALE_CHARACTERS]
        why = f"{self.strategy}: {rationale}" if rationale else self.strategy
        gained = f"{self.improvement_pct:+.1f} points on replays"
        return f"{why} ({gained}), {asked}approved by {person}"


async def load_open_proposals(
    connection: asyncpg.Connection, task_type: str | None
) -> list[Proposal]:
    """Load the proposals that wait for an answer, the latest first, 200 at most."""
    records = await connection.fetch(SELECT_PROPOSALS + OPEN + LATEST_FIRST, task_type)
    serving = {prompt.task_type: prompt for prompt in await load_active_prompts(connection)}
    proposals = [await _make_proposal(connection, record) for record in records]
    return [replace(one, serving=serving.get(one.task_type)) for one in proposals]


async def approve_proposal(
    connection: asyncpg.Connection, run_id: UUID, *, person: str, needs_second: bool = False
) -> Activation:
    """Let a proposed text serve, if the prompt that it is to replace serves unchanged.

    Args:
        needs_second: Whether who asked for it may not be who approves it.

    Raises:
        SecondPersonRequiredError: If they are the same, and may not.
        ProposalClosedError: If it was answered already, or the prompt changed since.
        VersionsExhaustedError: If no version number is left.
    """
    async with connection.transaction():
        proposal = await _lock(connection, run_id)
        if needs_second and proposal.requested_by == person:
            raise SecondPersonRequiredError(
                "You asked for this change, so another person approves it (REQUIRE_SECOND_PERSON)."
            )
        incumbent = proposal.incumbent
        if incumbent is None or incumbent.digest != proposal.incumbent_digest:
            raise _outdated(proposal)
        try:
            return await _put_in_force(connection, proposal, incumbent, person)
        except IncumbentChangedError as error:
            raise _outdated(proposal) from error


async def _put_in_force(
    connection: asyncpg.Connection, proposal: Proposal, incumbent: Prompt, person: str
) -> Activation:
    why = proposal.explain(person)
    author = shorten_name(proposal.requested_by) if proposal.requested_by else CREATED_BY
    if not proposal.is_proven:
        patch = Patch(proposal.content, why, author)
        return await approve_unproven(connection, proposal.run_id, incumbent, patch, person=person)
    run = HealingRun(
        incumbent,
        PROPOSED,
        proposal.reason,
        proposal.fault or "",
        proposal.detail,
        proposal.triggered_by or "manual",
        proposal.candidate_id,
    )
    gained = proposal.improvement_pct
    repair = Repair(proposal.candidate_id, proposal.content, why, gained, author)
    return await approve(connection, proposal.run_id, run, repair, person=person)


async def reject_proposal(connection: asyncpg.Connection, run_id: UUID, *, person: str) -> None:
    """Turn a proposed text down; it isn't tried again for a day.

    Raises:
        ProposalClosedError: If it was answered already.
    """
    async with connection.transaction():
        proposal = await _lock(connection, run_id)
        await reject(connection, run_id, proposal.candidate_id, person=person)


async def _lock(connection: asyncpg.Connection, run_id: UUID) -> Proposal:
    """Load a proposal, and keep others from answering it until the transaction ends."""
    # In the order of an activation: its lock first, then rows; otherwise the two could deadlock.
    await connection.execute(LOCK_PROMPTS)
    record = await connection.fetchrow(SELECT_PROPOSALS + ONE_LOCKED, run_id)
    if record is None:
        raise ProposalClosedError(f"The run {run_id} proposed nothing.")
    proposal = await _make_proposal(connection, record)
    if proposal.resolution is not None:
        raise ProposalClosedError(f"This proposal was {proposal.resolution} already.")
    return proposal


async def _make_proposal(connection: asyncpg.Connection, record: asyncpg.Record) -> Proposal:
    fields = dict(record)
    prompt = await connection.fetchrow(SELECT_PROMPT, fields.pop("incumbent_prompt_id"))
    detail = fields.pop("detail")
    return Proposal(
        incumbent=Prompt(**prompt) if prompt is not None else None,
        detail=detail if isinstance(detail, dict) else {},
        **fields,
    )


def _find(record: object, *path: str) -> Any:
    """Find what stands at a path in a record that may lack any part; None where nothing does."""
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _outdated(proposal: Proposal) -> ProposalClosedError:
    rejection = f"selfheal prompts reject {str(proposal.run_id)[:8]}"
    return ProposalClosedError(
        f"The prompt of {proposal.task_type!r} has changed since this was proven against it; "
        f"nothing was activated. Turn it down with: {rejection}"
    )
