"""Grafana's dashboard: each of its queries, on a real Prometheus that scrapes real series."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from math import isnan
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from support.prometheus import (
    INTERVAL,
    MISSING,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Prometheus,
    expose,
    run_prometheus,
)

from services.common.database import Database
from services.common.metrics import ServiceMetrics
from services.common.resilience.breaker import Breaker
from services.evaluator.app.metrics import EvaluationMetrics, EvaluatorMetrics
from services.manager.app.log.metrics import SpoolMetrics
from services.manager.app.log.spool.state import SpoolState
from services.manager.app.metrics import CountedMetrics
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.worker.app.metrics import FallbackMetrics, PromptMetrics, PurposeMetrics
from services.worker.app.services.prompt_memory import PromptMemory

FOLDER = Path(__file__).parents[3] / "deploy" / "monitoring"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "selfheal.json"
CODE, JSON = "code_generation", "json_extraction"
INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail)
    VALUES ($1, 1, 'promoted', 'r', '{}')
"""
INSERT_TRAFFIC = """
    INSERT INTO selfheal.traffic
    SELECT $1, date_bin('5 minutes', now(), '2000-01-01Z'), 2, 9, 1, 8, 6, 6.5, 8, 3200, 900, 90
"""
# 90 USD of a month ago, this month 0.75 for answers, 0.5 for heals and an unknown sum.
INSERT_SPENT = """
    INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
        input_tokens, cached_tokens, output_tokens, cost_usd)
    VALUES (now() - interval '32 days', $1, 'serving', 'openai:m', 9, 9, 0, 0, 0, 90),
           (now(), $1, 'serving', 'openai:m', 4, 1, 0, 0, 0, 0.75),
           (now(), $1, 'healing', 'openai:m', 2, 0, 0, 0, 0, 0.25),
           (now(), $1, 'healing', 'openai:n', 2, 0, 0, 0, 0, 0.25),
           (now(), $1, 'judging', 'openai:ours', 7, 7, 0, 0, 0, 0)
"""
# What the panels of money show of two task types, whatever the number of Managers.
SHOWN = {
    "Cost this month by purpose": {"serving": 1.5, "healing": 1},
    "Cost this month by model": {"openai:m": 2, "openai:n": 0.5},
    "Calls this month without a known price": {
        "openai:m: serving": 2,
        "openai:m: healing": 0,
        "openai:n: healing": 0,
        "openai:ours: judging": 14,
    },
}

pytestmark = [
    pytest.mark.slow,  # Prometheus waits five seconds before it scrapes
    pytest.mark.skipif(
        bool(MISSING), reason=f"{' and '.join(MISSING)} missing: apt-get install prometheus"
    ),
]


def read_queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every query with its legend, as Grafana asks for all task types and for one."""
    notes = [
        (note["target"]["expr"], note["titleFormat"]) for note in dashboard["annotations"]["list"]
    ]
    panels = [
        (target["expr"], target["legendFormat"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]
    for expression, legend in notes + panels:
        for task_type in (".*", CODE):
            filled = expression.replace("$task_type", task_type)
            yield filled.replace("$__rate_interval", "5s"), legend


class LivingSystem:
    """The services' metrics, made by their own classes, while something happens all the time."""

    def __init__(self, database: Database, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.services = {name: ServiceMetrics(name) for name in ("manager", "worker", "evaluator")}
        manager, worker, evaluator = (one.registry for one in self.services.values())
        self.services["manager"].watch_breaker(Breaker("worker"))
        spool = SpoolMetrics(manager)
        spool.set_limit(100)
        spool.set_state(SpoolState(records=3, size_bytes=30, oldest_seconds=4, aside=("a",)))
        self._counter = TrafficCounter(database)
        Retention(database, [Rule("rows", 30)], lookback_minutes=30, registry=manager)
        self._counted = CountedMetrics(manager, database, is_removing=True)
        self._prompts = PromptMemory(database, max_age_seconds=60)
        self._prompt_metrics = PromptMetrics(worker, self._prompts)
        self._prompt_metrics.set_shares({CODE: 0.05})
        self._purposes = PurposeMetrics(worker)
        self._fallbacks = FallbackMetrics(worker, [])
        self._evaluations = EvaluationMetrics(evaluator, [CODE, JSON])
        self._evaluations.set_sandbox_available(is_available=True)
        judging = EvaluatorMetrics(evaluator)
        judging.set_info(fingerprint="90c4fc8fb6733694", judge="rubric")
        judging.set_canary(agreement=0.9, degraded=False)
        self._version = 1

    async def begin(self) -> None:
        await self._counter.count_round()
        for task_type in (CODE, JSON):
            await self._connection.execute(INSERT_TRAFFIC, task_type)
            await self._connection.execute(INSERT_SPENT, task_type)
        await self._prompts.refresh()

    async def live_on(self) -> None:
        """Let a little of everything happen once more."""
        self._version += 1
        self._prompt_metrics.set_versions({CODE: self._version, JSON: self._version})
        for task_type in (CODE, JSON):
            await self._connection.execute(INSERT_RUN, task_type)
            self._evaluations.observe_score(task_type, 0.87)
            self._evaluations.count_unscored(task_type)
        await self._counted.refresh()
        for service in self.services.values():
            service.observe_request(status_code=200, seconds=0.03)
            service.observe_request(status_code=503, seconds=0.01)
            service.count_refusal("database")
        self._purposes.count("live")
        self._fallbacks.count("openai", "small")
        self._evaluations.count_execution("finished")
        self._evaluations.count_evidence("checks")


def scrape_configuration(folder: Path, targets: dict[str, list[str]]) -> Path:
    """The deployed configuration with other targets, looked at all the time; no alerts."""
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    configuration = yaml.safe_load(text) | {"rule_files": []}
    configuration["global"] = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        del job["authorization"]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path


def gives_data(prometheus: Prometheus, expression: str, legend: str) -> bool:
    """Whether a query gives a number, and each series has the labels that its legend names."""
    result = prometheus.ask("query", query=expression)["result"]
    labels = set(re.findall(r"{{(\w+)}}", legend))
    return any(not isnan(float(one["value"][1])) for one in result) and all(
        labels <= one["metric"].keys() for one in result
    )


def show(prometheus: Prometheus, target: dict[str, str]) -> dict[str, float]:
    """What a panel shows of all task types, by legend."""
    asked = target["expr"].replace("$task_type", ".*")
    shown = {}
    for one in prometheus.ask("query", query=asked)["result"]:
        legend = target["legendFormat"]
        for name, value in one["metric"].items():
            legend = legend.replace(f"{{{{{name}}}}}", value)
        shown[legend] = float(one["value"][1])
    return shown


async def test_every_query_of_the_dashboard_gives_data(
    database: Database, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    left = set(read_queries(dashboard))
    assert len(left) > 40
    variables = dashboard["templating"]["list"]
    asked = [one["query"]["query"] for one in variables if one["type"] == "query"]
    assert asked == ["label_values(agent_prompt_version, task_type)"]

    system = LivingSystem(database, connection)
    await system.begin()
    with ExitStack() as stack:
        targets = {
            name: [stack.enter_context(expose(one))] for name, one in system.services.items()
        }
        # A second Manager: each shows the whole of what the database knows.
        targets["manager"].append(stack.enter_context(expose(system.services["manager"])))
        configuration = scrape_configuration(tmp_path, targets)
        prometheus = stack.enter_context(run_prometheus(configuration, targets))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left and time.monotonic() < deadline:
            await system.live_on()
            left = {one for one in left if not gives_data(prometheus, *one)}
            await asyncio.sleep(POLL_SECONDS)
        assert sorted(left) == []
        values = prometheus.ask("label/task_type/values", **{"match[]": "agent_prompt_version"})
        assert values == [CODE, JSON]
        managers = prometheus.query("agent_pending_scores")
        assert managers.keys() == set(targets["manager"])
        panels = {panel["title"]: panel for panel in dashboard["panels"]}
        for title, shown in SHOWN.items():
            (target,) = panels[title]["targets"]
            assert show(prometheus, target) == shown, title
