"""Runs of the Optimizer that proved a text, and what is on record of them."""

from uuid import UUID

import asyncpg

from services.common.models import Prompt
from services.common.record.healing_runs import HealingRun, Repair, register_candidate

Connection = asyncpg.Connection

CONTENT = "You write Python, {braces} and all. \u2603"
DETAIL = {"summary": "since", "cost": {"worker_calls": 3}}


async def make_run(
    connection: Connection, prompt: Prompt, decision: str = "promoted"
) -> HealingRun:
    candidate_id = await register_candidate(
        connection, prompt, content=CONTENT, strategy="reflection"
    )
    return HealingRun(prompt, decision, "better", "prompt", DETAIL, "test", candidate_id)


def repair_of(run: HealingRun) -> Repair:
    assert run.candidate_id is not None
    return Repair(run.candidate_id, CONTENT, "reflection: since", 51.4)


async def read_run(connection: Connection, run_id: UUID | None) -> asyncpg.Record:
    return await connection.fetchrow("SELECT * FROM selfheal.healing_runs WHERE id = $1", run_id)


async def outcome_of(connection: Connection, run: HealingRun) -> str | None:
    outcome: str | None = await connection.fetchval(
        "SELECT outcome FROM selfheal.candidates WHERE id = $1", run.candidate_id
    )
    return outcome
