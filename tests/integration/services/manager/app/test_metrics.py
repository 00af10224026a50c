import asyncpg
from prometheus_client import CollectorRegistry

from services.common.database import Database
from services.manager.app.metrics import CountedMetrics
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.manager.app.scoring.claims import PendingScores

INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail)
    VALUES ($1, 1, $2, 'r', '{}')
"""


async def test_decisions_are_counted_at_a_scrape_and_stand_while_the_database_is_away(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    pending = PendingScores(database, lease_seconds=1)
    metrics = CountedMetrics(registry, database, pending, TrafficCounter(database))

    def read(task_type: str, decision: str) -> float | None:
        labels = {"task_type": task_type, "decision": decision}
        return registry.get_sample_value("agent_healing_decisions_total", labels)

    await metrics.refresh()
    assert read("a", "held") is None
    for task_type, decision in (("a", "held"), ("a", "held"), ("a", "promoted"), ("b", "proposed")):
        await connection.execute(INSERT_RUN, task_type, decision)
    await metrics.refresh()
    counted = {"a": [1, 0, 2, 0], "b": [0, 1, 0, 0]}
    for name, counts in counted.items():
        decisions = ("promoted", "proposed", "held", "rolled_back")
        assert [read(name, decision) for decision in decisions] == counts
    await database.close()
    await metrics.refresh()
    assert read("a", "held") == 2


async def test_what_was_spent_this_month_is_told_by_task_type_model_and_purpose(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    pending = PendingScores(database, lease_seconds=1)
    metrics = CountedMetrics(registry, database, pending, TrafficCounter(database))
    await connection.execute(
        """INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
               input_tokens, cached_tokens, output_tokens, cost_usd)
           VALUES (now(), 't', 'judging', 'openai:m', 3, 1, 0, 0, 0, 0.25),
                  (now(), 't', 'judging', 'openai:m', 1, 0, 0, 0, 0, 0.5),
                  (now() - interval '32 days', 't', 'judging', 'openai:m', 9, 9, 0, 0, 0, 7)"""
    )
    await metrics.refresh()
    labels = {"task_type": "t", "model": "openai:m", "purpose": "judging"}
    assert registry.get_sample_value("agent_cost_usd_total", labels) == 0.75
    assert registry.get_sample_value("agent_unpriced_calls_total", labels) == 1
