"""Metrics of the Manager alone, which the database knows: waiting scores, traffic, heals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

import asyncpg
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from services.common.costs.hours import load_spent
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.record.outcomes import DECISIONS
from services.common.record.traffic import BUCKET, TrafficPoint, load_traffic
from services.manager.app.retention.retention import Retention
from services.manager.app.rollups.traffic_counter import TrafficCounter

COUNT_DECISIONS: Final = """
    SELECT task_type, decision, count(*) FROM selfheal.healing_runs GROUP BY task_type, decision
"""
# What each tells, and what is asked for it; unknown where that is NULL.
GAUGES: Final = {
    "pending_scores": (
        "Answers that wait for their scores",
        "SELECT count(*) FROM selfheal.pending_scores",
    ),
    "pending_scores_oldest_seconds": (
        "How long the one of them that has waited longest has waited",
        """SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)
           FROM selfheal.pending_scores""",
    ),
    "traffic_rollup_age_seconds": (
        "How long ago what was logged was counted for the console; NaN before the first time",
        f"""SELECT extract(epoch FROM now() - held_until) + {TrafficCounter.lease_seconds}
            FROM selfheal.leases WHERE name = '{TrafficCounter.name}'""",
    ),
    "retention_behind_seconds": (
        "How long what was to be removed has stayed at most; NaN where all is kept",
        f"""SELECT greatest(extract(epoch FROM now() - position), 0)
            FROM selfheal.leases WHERE $1 AND name = '{Retention.name}'""",
    ),
    "canaries_open": (
        "Repairs that serve a share of the traffic",
        "SELECT count(*) FROM selfheal.rollouts WHERE ended_at IS NULL",
    ),
    "log_numbers_used": (
        "Share of the numbers that rows of the log can have that are given out, in [0, 1]",
        """SELECT coalesce(pg_sequence_last_value(seqrelid), 0)::float / seqmax FROM pg_sequence
           WHERE seqrelid = pg_get_serial_sequence('execution_logs', 'id')::regclass""",
    ),
}
SELECT_GAUGES: Final = f"""
    SELECT {", ".join(f"({asked})::float AS {name}" for name, (_, asked) in GAUGES.items())}
"""
# What began this long ago is shown, and the rest of the five minutes that it fell into.
RECENT: Final = 2 * BUCKET
NO_VERSION: Final = "none"


class DatabaseCounter(Collector):
    """Counts that the database knows, by whichever service they come to be.

    Attributes:
        counts: Those that a scrape shows, by the values of their `labels`.
    """

    def __init__(
        self, registry: CollectorRegistry, name: str, told: str, labels: Sequence[str]
    ) -> None:
        self.counts: Mapping[tuple[str, ...], float] = {}
        self._name, self._told, self.labels = name, told, labels
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give the counts to a scrape."""
        family = CounterMetricFamily(self._name, self._told, labels=self.labels)
        for labels, count in sorted(self.counts.items()):
            family.add_metric(labels, count)
        yield family


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
    """What is asked of the database at a scrape; while it is away, the last answers stand.

    Args:
        is_removing: Whether the retention settings have anything removed.
    """

    def __init__(
        self, registry: CollectorRegistry, database: Database, *, is_removing: bool
    ) -> None:
        self._database = database
        self._is_removing = is_removing
        self._gauges = {
            name: Gauge(f"agent_{name}", told, registry=registry)
            for name, (told, _) in GAUGES.items()
        }
        for name in ("traffic_rollup_age_seconds", "retention_behind_seconds"):
            self._gauges[name].set(math.nan)
        self._traffic = TrafficMetrics(registry)
        self._decisions = DatabaseCounter(
            registry,
            "agent_healing_decisions",
            "What the Optimizers' runs decided",
            ["task_type", "decision"],
        )
        # They begin anew each month, which `increase` and `rate` take for what it is.
        told = ["task_type", "model", "purpose"]
        self._cost = DatabaseCounter(
            registry, "agent_cost_usd", "What models cost this month, where that is known", told
        )
        self._unpriced = DatabaseCounter(
            registry, "agent_unpriced_calls", "Calls this month whose price isn't known", told
        )

    async def refresh(self) -> None:
        """Ask."""
        with suppress(DatabaseUnavailableError):
            async with self._database.connection() as connection:
                told: Any = await connection.fetchrow(SELECT_GAUGES, self._is_removing)
                counts = await connection.fetch(COUNT_DECISIONS)
                self._traffic.show(await _load_recent(connection))
                month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                charges = await load_spent(connection, month) or []
            spent = {(one.task_type, one.model, one.purpose): one for one in charges}
            # Where no call has a known price there is nothing to show, and 0 would be untrue.
            self._cost.counts = {
                labels: float(one.cost_usd)
                for labels, one in spent.items()
                if one.calls > one.unpriced_calls
            }
            self._unpriced.counts = {labels: one.unpriced_calls for labels, one in spent.items()}
            for name, gauge in self._gauges.items():
                gauge.set(math.nan if told[name] is None else told[name])
            decided = {(name, what): count for name, what, count in counts}
            # Each decision of a task type that has a run shows, so that the next is an increase.
            seen = product({name for name, _ in decided}, DECISIONS)
            self._decisions.counts = {one: decided.get(one, 0) for one in seen}


async def _load_recent(connection: asyncpg.Connection) -> list[TrafficPoint]:
    now = datetime.now(UTC)
    step_seconds = int(timedelta(hours=1).total_seconds())
    return await load_traffic(
        connection, None, now - RECENT, now, step_seconds, by_task_type=True, by_version=True
    )
