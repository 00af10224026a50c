"""Metrics of the Manager alone, which the database knows: waiting scores, traffic, heals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

import asyncpg
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from services.common.costs.bill import Charge, is_spending_kept
from services.common.costs.hours import begin_month, load_spent
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.record.outcomes import DECISIONS
from services.common.record.traffic import BUCKET, TrafficPoint, load_traffic
from services.manager.app.retention.retention import Retention
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.manager.app.scoring.claims import PendingScores

COUNT_DECISIONS: Final = """
    SELECT task_type, decision, count(*) FROM selfheal.healing_runs GROUP BY task_type, decision
"""
# For rows of a database whose clock goes ahead.
HOUR: Final = timedelta(hours=1)
COUNT_OPEN_CANARIES: Final = "SELECT count(*) FROM selfheal.rollouts WHERE ended_at IS NULL"
SHARE_OF_NUMBERS: Final = """
    SELECT coalesce(pg_sequence_last_value(seqrelid), 0)::float / seqmax
    FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence('execution_logs', 'id')::regclass
"""
# What began this long ago is shown, and the rest of the five minutes that it fell into.
RECENT: Final = 2 * BUCKET
NO_VERSION: Final = "none"


class HealingMetrics(Collector):
    """What was decided of prompts, by whichever Optimizer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions: dict[tuple[str, str], int] = {}
        registry.register(self)

    def set_decisions(self, decisions: Mapping[tuple[str, str], int]) -> None:
        """Show how many runs of a task type came to a decision.

        Each decision of a task type that has a run shows, so that the next one is an increase.
        """
        seen = product({task_type for task_type, _ in decisions}, DECISIONS)
        self._decisions = {one: decisions.get(one, 0) for one in seen}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give the counts to a scrape."""
        family = CounterMetricFamily(
            "agent_healing_decisions",
            "What the Optimizers' runs decided",
            labels=["task_type", "decision"],
        )
        for labels, count in sorted(self._decisions.items()):
            family.add_metric(labels, count)
        yield family


class SpendingMetrics(Collector):
    """What was spent since the month began in UTC, by whichever service: as counters that begin
    anew each month, which `increase` and `rate` take for what they are.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._charges: Sequence[Charge] = ()
        registry.register(self)

    def set_charges(self, charges: Sequence[Charge]) -> None:
        """Show what was spent."""
        self._charges = charges

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give the sums to a scrape."""
        labels = ["task_type", "model", "purpose"]
        cost = CounterMetricFamily(
            "agent_cost_usd", "What models cost this month, where that is known", labels=labels
        )
        unpriced = CounterMetricFamily(
            "agent_unpriced_calls", "Calls this month whose price isn't known", labels=labels
        )
        for one in self._charges:
            of_it = [one.task_type, one.model, one.purpose]
            cost.add_metric(of_it, float(one.cost_usd))
            unpriced.add_metric(of_it, one.unpriced_calls)
        yield cost
        yield unpriced


class TrafficMetrics:
    """What was logged lately, by the prompt that answered; every Manager shows all of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def make(name: str, told: str, *more: str) -> Gauge:
            labels = ["task_type", "prompt_version", *more]
            return Gauge(f"agent_traffic_{name}", told, labels, registry=registry)

        self._requests = make("requests", "Requests of the last 10 to 15 minutes")
        self._pass_rate = make("pass_rate", "Share of their scored answers that passed, in [0, 1]")
        self._score = make("score", "Mean score of these answers, in [0, 1]")
        self._tokens = make("tokens", "Tokens of these requests, those of the door", "kind")

    def show(self, points: Sequence[TrafficPoint]) -> None:
        """Show these and no others; where nothing was scored there is no quality to show."""
        for gauge in (self._requests, self._pass_rate, self._score, self._tokens):
            gauge.clear()
        for point in points:
            version = NO_VERSION if point.prompt_version is None else str(point.prompt_version)
            labels = (point.task_type, version)
            self._requests.labels(*labels).set(point.requests)
            self._tokens.labels(*labels, "input").set(point.input_tokens)
            self._tokens.labels(*labels, "output").set(point.output_tokens)
            if point.pass_rate is not None and point.score_mean is not None:
                self._pass_rate.labels(*labels).set(point.pass_rate)
                self._score.labels(*labels).set(point.score_mean)


class CountedMetrics:
    """What is asked of the database at a scrape; while it is away, the last answers stand."""

    def __init__(
        self,
        registry: CollectorRegistry,
        database: Database,
        pending: PendingScores,
        traffic_counter: TrafficCounter,
        retention: Retention,
    ) -> None:
        self._database = database
        self._scores = pending
        self._traffic_counter, self._retention = traffic_counter, retention
        self._pending = Gauge(
            "agent_pending_scores", "Answers that wait for their scores", registry=registry
        )
        self._oldest = Gauge(
            "agent_pending_scores_oldest_seconds",
            "How long the one of them that has waited longest has waited",
            registry=registry,
        )
        self._traffic_age = Gauge(
            "agent_traffic_rollup_age_seconds",
            "How long ago what was logged was counted for the console; NaN before the first time",
            registry=registry,
        )
        self._traffic_age.set(math.nan)
        self._behind = Gauge(
            "agent_retention_behind_seconds",
            "How long what was to be removed has stayed at most; NaN where all is kept",
            registry=registry,
        )
        self._behind.set(math.nan)
        self._canaries = Gauge(
            "agent_canaries_open", "Repairs that serve a share of the traffic", registry=registry
        )
        self._numbers = Gauge(
            "agent_log_numbers_used",
            "Share of the numbers that rows of the log can have that are given out, in [0, 1]",
            registry=registry,
        )
        self._traffic = TrafficMetrics(registry)
        self._healing = HealingMetrics(registry)
        self._spending = SpendingMetrics(registry)

    async def refresh(self) -> None:
        """Ask."""
        with suppress(DatabaseUnavailableError):
            backlog = await self._scores.count()
            self._pending.set(backlog.pending)
            self._oldest.set(backlog.oldest_seconds)
            age_seconds = await self._traffic_counter.age_seconds()
            self._traffic_age.set(math.nan if age_seconds is None else age_seconds)
            behind = await self._retention.behind_seconds()
            self._behind.set(math.nan if behind is None else behind)
            async with self._database.connection() as connection:
                counts = await connection.fetch(COUNT_DECISIONS)
                self._canaries.set(await connection.fetchval(COUNT_OPEN_CANARIES))
                self._numbers.set(await connection.fetchval(SHARE_OF_NUMBERS))
                self._traffic.show(await _load_recent(connection))
                now, spent = datetime.now(UTC), []
                if await is_spending_kept(connection):
                    spent = await load_spent(connection, begin_month(now), now + HOUR)
            self._spending.set_charges(spent)
            self._healing.set_decisions({(name, what): count for name, what, count in counts})


async def _load_recent(connection: asyncpg.Connection) -> list[TrafficPoint]:
    now = datetime.now(UTC)
    step_seconds = int(timedelta(hours=1).total_seconds())
    return await load_traffic(
        connection, None, now - RECENT, now, step_seconds, by_task_type=True, by_version=True
    )
