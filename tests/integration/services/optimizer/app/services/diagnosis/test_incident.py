"""How many heals an incident had, on real rows."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from services.common.models import Prompt
from services.common.record.healing_runs import HealingRun, Repair, record_run, register_candidate
from services.optimizer.app.services.diagnosis.incident import IncidentHeals, count_heals
from services.optimizer.app.services.prompt_patcher import promote

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

TRIED: dict[str, Any] = {"cost": {"worker_calls": 9}}


async def hold(connection: Connection, prompt: Prompt, **values: Any) -> None:
    fields: dict[str, Any] = {"reason": "not_better", "fault": "prompt", "detail": TRIED, **values}
    run = HealingRun(
        prompt, "held", fields["reason"], fields["fault"], fields["detail"], "test", None,
        fields.get("requested_by"),
    )  # fmt: skip
    await record_run(connection, run)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        pytest.param({}, 1, id="spent calls"),
        pytest.param({"detail": {"candidates": [{"strategy": "s"}]}}, 1, id="had candidates"),
        pytest.param({"detail": {"candidates": [], "cost": {"worker_calls": 0}}}, 0, id="neither"),
        pytest.param({"fault": "provider"}, 0, id="provider"),
        pytest.param({"fault": "evaluator"}, 0, id="evaluator"),
        pytest.param({"requested_by": "alice"}, 0, id="a draft"),
        pytest.param({"reason": "worse_in_live_traffic"}, 0, id="a rollback"),
    ],
)
async def test_a_heal_counts_where_it_took_something(
    connection: Connection, load_active: LoadActive, *, values: dict[str, Any], count: int
) -> None:
    await hold(connection, await load_active(), **values)
    assert await count_heals(connection, "code_generation") == IncidentHeals(count, False)


async def test_what_a_person_deploys_and_what_is_kept_begin_anew(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    prompt = await load_active()
    await hold(connection, prompt, reason="no_repair_found")
    assert await count_heals(connection, "code_generation") == IncidentHeals(1, True)
    candidate_id = await register_candidate(connection, prompt, content="Good.", strategy="s")
    run = HealingRun(prompt, "promoted", "better", "prompt", TRIED, "test", candidate_id)
    await promote(connection, run, Repair(candidate_id, "Good.", "s: better", 50.0))
    assert await count_heals(connection, "code_generation") == IncidentHeals(2, True)
    await connection.execute("UPDATE selfheal.watches SET ended_at = now(), outcome = 'kept'")
    assert await count_heals(connection, "code_generation") == IncidentHeals(0, False)
    await hold(connection, await load_active())
    assert (await count_heals(connection, "code_generation")).count == 1
    await deploy()
    assert await count_heals(connection, "code_generation") == IncidentHeals(0, False)
