"""Answers to what the Optimizer proposed: approve, if nothing has changed since, or reject."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from selfheal.display.detail_reading import read_line, read_number, read_part, read_records
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.errors import ServiceError
from services.common.models import Prompt
from services.optimizer.app.services.log.failure_log import load_active_prompts
from services.optimizer.app.services.prompt_patcher import LOCK_TASK_TYPE, Activation
from services.optimizer.app.services.record.healing_runs import (
    PROPOSED,
    Repair,
    Run,
    approve,
    digest_text,
    reject,
)

SELECT_PROPOSALS: Final = """
    SELECT r.id, r.task_type, r.incumbent_prompt_id, r.incumbent_digest, r.reason, r.verdict,
           r.candidate_id, r.detail, r.triggered_by, r.resolution, r.created_at,
           c.content, c.strategy AS registered_as
    FROM selfheal.healing_runs r
    JOIN selfheal.candidates c ON c.id = r.candidate_id
    WHERE r.decision = 'proposed'
"""
OPEN: Final = " AND r.resolution IS NULL AND ($1::text IS NULL OR r.task_type = $1)"
LATEST_FIRST: Final = " ORDER BY r.created_at DESC, r.id LIMIT 200"
ONE_LOCKED: Final = " AND r.id = $1 FOR UPDATE OF r"
SELECT_TASK_TYPE: Final = "SELECT task_type FROM selfheal.healing_runs WHERE id = $1"
SELECT_PROMPT: Final = """
    SELECT id, task_type, content, version, is_active, change_reason, created_by, created_at
    FROM prompts
    WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proven text that waits for a person, beside the prompt that it would replace.

    Attributes:
        run_id: The run that proved it.
        incumbent: The prompt that it was proven against; None if its row is gone.
        incumbent_digest: That prompt's text, as it was then.
        candidate_id: The text's candidate.
        content: The text itself.
        registered_as: What the candidate's own row says of its origin.
        reason: Why it was proposed.
        verdict: Whose fault the failures are.
        detail: All that the run knew.
        triggered_by: Who started the run.
        resolution: The answer, once there is one.
        created_at: When it was proposed.
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
    verdict: str | None
    detail: dict[str, Any]
    triggered_by: str | None
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
        if digest_text(serving.content) != self.incumbent_digest:
            return f"the text of version {serving.version} was edited since"
        return ""

    @property
    def improvement_pct(self) -> float:
        """Percentage points of mean score that the text won on replays."""
        verdict = read_part(self.detail, "verdict")
        before, after = (
            read_number(verdict, f"{whose}_mean") for whose in ("incumbent", "candidate")
        )
        return 100 * (after - before) if after is not None and before is not None else 0.0

    @property
    def strategy(self) -> str:
        """What made the text, by the run's own record."""
        return read_line(read_part(self.detail, "verdict"), "strategy") or self.registered_as

    @property
    def change_reason(self) -> str:
        """Why the text is to serve, for the record."""
        ours = (
            one
            for one in read_records(self.detail, "candidates")
            if one.get("candidate_id") == str(self.candidate_id)
        )
        rationale = read_line(next(ours, {}), "rationale", most=200)
        why = f"{self.strategy}: {rationale}" if rationale else self.strategy
        return f"{why} ({self.improvement_pct:+.1f} points on replays), approved by the operator"


async def load_open_proposals(
    connection: asyncpg.Connection, task_type: str | None
) -> list[Proposal]:
    """Proposals that nobody has answered, the latest first."""
    records = await connection.fetch(SELECT_PROPOSALS + OPEN + LATEST_FIRST, task_type)
    serving = {prompt.task_type: prompt for prompt in await load_active_prompts(connection)}
    proposals = [await _make_proposal(connection, record) for record in records]
    return [replace(one, serving=serving.get(one.task_type)) for one in proposals]


async def approve_proposal(connection: asyncpg.Connection, run_id: UUID) -> Activation:
    """Let a proposed text serve, if the prompt that it was proven against serves unchanged.

    Raises:
        EmbeddedRuntimeError: If it was answered already, or the prompt changed since.
        ServiceError: If the database fails.
    """
    async with connection.transaction():
        proposal = await _lock(connection, run_id)
        incumbent = proposal.incumbent
        if incumbent is None or digest_text(incumbent.content) != proposal.incumbent_digest:
            raise _outdated(proposal)
        run = Run(
            incumbent,
            PROPOSED,
            proposal.reason,
            proposal.verdict or "",
            proposal.detail,
            proposal.triggered_by or "manual",
            proposal.candidate_id,
        )
        repair = Repair(
            proposal.candidate_id,
            proposal.content,
            proposal.change_reason,
            proposal.improvement_pct,
        )
        try:
            return await approve(connection, run_id, run, repair)
        except ServiceError as error:
            if error.code != "incumbent_changed":
                raise
            raise _outdated(proposal) from error


async def reject_proposal(connection: asyncpg.Connection, run_id: UUID) -> Proposal:
    """Turn a proposed text down; it isn't tried again for a day.

    Raises:
        EmbeddedRuntimeError: If it was answered already.
    """
    async with connection.transaction():
        proposal = await _lock(connection, run_id)
        await reject(connection, run_id, proposal.candidate_id)
    return proposal


async def _lock(connection: asyncpg.Connection, run_id: UUID) -> Proposal:
    """The proposal, kept from being answered by anyone else until the transaction ends."""
    # In the order of an activation: its lock first, then rows; otherwise the two could deadlock.
    task_type = await connection.fetchval(SELECT_TASK_TYPE, run_id)
    if task_type is not None:
        await connection.execute(LOCK_TASK_TYPE, task_type)
    record = await connection.fetchrow(SELECT_PROPOSALS + ONE_LOCKED, run_id)
    if record is None:
        raise EmbeddedRuntimeError(
            f"The run {run_id} proposed nothing.", remedy="See: selfheal prompts proposals"
        )
    proposal = await _make_proposal(connection, record)
    if proposal.resolution is not None:
        raise EmbeddedRuntimeError(
            f"This proposal was {proposal.resolution} already.",
            remedy="See what waits for an answer with: selfheal prompts proposals",
        )
    return proposal


async def _make_proposal(connection: asyncpg.Connection, record: asyncpg.Record) -> Proposal:
    fields = dict(record)
    prompt = await connection.fetchrow(SELECT_PROMPT, fields.pop("incumbent_prompt_id"))
    detail = fields.pop("detail")
    return Proposal(
        run_id=fields.pop("id"),
        incumbent=Prompt(**prompt) if prompt is not None else None,
        detail=detail if isinstance(detail, dict) else {},
        **fields,
    )


def _outdated(proposal: Proposal) -> EmbeddedRuntimeError:
    return EmbeddedRuntimeError(
        f"The prompt of {proposal.task_type!r} has changed since this was proven against it; "
        "nothing was activated.",
        remedy=f"Turn it down with: selfheal prompts reject {str(proposal.run_id)[:8]}",
    )
