import math

import asyncpg
from prometheus_client import CollectorRegistry
from support.earlier_schema import schema_before_7

from services.common.database import Database
from services.manager.app.metrics import CountedMetrics
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule
from services.manager.app.rollups.traffic_counter import TrafficCounter

INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail)
    VALUES ($1, 1, $2, 'r', '{}')
"""
INSERT_TRAFFIC = """
    INSERT INTO selfheal.traffic
    SELECT task_type, date_bin('5 minutes', now(), '2000-01-01Z') + ago::interval, version,
           requests, 0, scored, passed, score_sum, 0, 0, input_tokens, output_tokens
    FROM (VALUES
        ('a', '0', 1, 6, 4, 3, 3.5, 70, 7), ('a', '-5 min', 1, 2, 0, 0, 0, 30, 3),
        ('a', '-1 hour', 1, 99, 9, 0, 0, 9, 9), ('a', '0', 2, 1, 1, 1, 1, 0, 0),
        ('a', '0', NULL, 5, 0, 0, 0, 0, 0)
    ) AS t (
        task_type, ago, version, requests, scored, passed, score_sum, input_tokens, output_tokens
    )
"""


async def test_decisions_are_counted_at_a_scrape_and_stand_while_the_database_is_away(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    metrics = CountedMetrics(registry, database, is_removing=True)

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


async def test_what_waits_and_what_is_late_is_told(
    database: Database, connection: asyncpg.Connection
) -> None:
    registries = {removes: CollectorRegistry() for removes in (True, False)}
    both = [
        CountedMetrics(registry, database, is_removing=removes)
        for removes, registry in registries.items()
    ]
    retention = Retention(
        database, [Rule("rows", 30)], lookback_minutes=30, registry=CollectorRegistry()
    )

    async def read(name: str, *, removes: bool = True) -> float:
        for metrics in both:
            await metrics.refresh()
        value = registries[removes].get_sample_value(f"agent_{name}")
        assert value is not None
        return value

    assert await read("pending_scores") == await read("pending_scores_oldest_seconds") == 0
    assert math.isnan(await read("traffic_rollup_age_seconds"))
    assert math.isnan(await read("retention_behind_seconds"))
    await connection.execute(
        "INSERT INTO selfheal.pending_scores (execution_id, task_type, with_judge, rules_share, "
        "judge_share, created_at) VALUES (1, 't', TRUE, 1, 1, now() - interval '1 hour')"
    )
    await TrafficCounter(database).count_round()
    await retention.work_round()
    assert await read("pending_scores") == 1
    assert 3_600 <= await read("pending_scores_oldest_seconds") < 3_700
    assert 0 <= await read("traffic_rollup_age_seconds") < TrafficCounter.lease_seconds
    assert 0 <= await read("retention_behind_seconds") < 60
    assert math.isnan(await read("retention_behind_seconds", removes=False))


async def test_what_was_spent_this_month_is_told_by_task_type_model_and_purpose(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    metrics = CountedMetrics(registry, database, is_removing=False)
    await connection.execute(
        """INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
               input_tokens, cached_tokens, output_tokens, cost_usd)
           VALUES (now(), 't', 'judging', 'openai:m', 3, 1, 0, 0, 0, 0.25),
                  (now(), 't', 'judging', 'openai:m', 1, 0, 0, 0, 0, 0.5),
                  (now(), 't', 'judging', 'openai:ours', 2, 2, 5, 0, 5, 0),
                  (now(), 't', 'judging', 'local:m', 2, 0, 5, 0, 5, 0),
                  (now() - interval '32 days', 't', 'judging', 'openai:m', 9, 9, 0, 0, 0, 7)"""
    )
    await metrics.refresh()

    def read(model: str) -> tuple[float | None, float | None]:
        labels = {"task_type": "t", "model": model, "purpose": "judging"}
        cost = registry.get_sample_value("agent_cost_usd_total", labels)
        return cost, registry.get_sample_value("agent_unpriced_calls_total", labels)

    assert read("openai:m") == (0.75, 1)
    assert read("openai:ours") == (None, 2)  # unknown is no 0
    assert read("local:m") == (0, 0)
    async with schema_before_7(connection):
        await connection.execute(INSERT_RUN, "t", "held")
        await metrics.refresh()
    assert read("openai:m") == (None, None)
    held = {"task_type": "t", "decision": "held"}
    assert registry.get_sample_value("agent_healing_decisions_total", held) == 1


async def test_what_was_logged_lately_is_shown_by_the_prompt_that_answered(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    metrics = CountedMetrics(registry, database, is_removing=True)

    def read(name: str, version: str, **labels: str) -> float | None:
        labels |= {"task_type": "a", "prompt_version": version}
        return registry.get_sample_value(f"agent_traffic_{name}", labels)

    await connection.execute(INSERT_TRAFFIC)
    await metrics.refresh()
    assert [read("requests", version) for version in ("1", "2", "none")] == [8, 1, 5]
    assert [read("pass_rate", version) for version in ("1", "2", "none")] == [0.75, 1, None]
    assert read("score", "1") == 3.5 / 4
    assert [read("tokens", "1", kind=kind) for kind in ("input", "output")] == [100, 10]
    await connection.execute("DELETE FROM selfheal.traffic")
    await metrics.refresh()
    assert read("requests", "1") is None


async def test_the_share_of_the_logs_numbers_that_are_given_out_is_shown(
    database: Database, connection: asyncpg.Connection
) -> None:
    registry = CollectorRegistry()
    metrics = CountedMetrics(registry, database, is_removing=True)
    for given_out, called, share in ((1, False, 0), (2**30, True, 0.5), (2**31 - 1, True, 1)):
        await connection.execute(
            "SELECT setval('execution_logs_id_seq', $1, $2)", given_out, called
        )
        await metrics.refresh()
        shown = registry.get_sample_value("agent_log_numbers_used")
        assert shown is not None
        assert abs(shown - share) < 1e-9
