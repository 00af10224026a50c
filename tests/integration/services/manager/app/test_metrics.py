import math

import asyncpg
from prometheus_client import CollectorRegistry

from services.common.database import Database
from services.manager.app.metrics import CountedMetrics
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule
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
    retention = Retention(database, [Rule("rows", 30)], lookback_minutes=30, registry=registry)
    metrics = CountedMetrics(registry, database, pending, TrafficCounter(database), retention)

    def read(task_type: str, decision: str) -> float | None:
        labels = {"task_type": task_type, "decision": decision}
        return registry.get_sample_value("agent_healing_decisions_total", labels)

    await metrics.refresh()
    assert math.isnan(registry.get_sample_value("agent_retention_behind_seconds") or 0)
    await retention.work_round()
    await metrics.refresh()
    assert 0 <= (registry.get_sample_value("agent_retention_behind_seconds") or -1) < 60
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
