"""Metrics of the spool: what waits on disk for the database, and what came from there."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.manager.app.log.spool.state import SpoolState


class SpoolMetrics:
    """What waits on disk for the database, in the directory of this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._limit = Gauge(
            "agent_spool_limit_bytes", "How large they may be together", registry=registry
        )
        self._records = Gauge(
            "agent_spool_records", "Rows on disk that wait for the database", registry=registry
        )
        self._bytes = Gauge("agent_spool_bytes", "How large they are", registry=registry)
        self._oldest = Gauge(
            "agent_spool_oldest_seconds", "How long the oldest has waited", registry=registry
        )
        self._aside = Gauge(
            "agent_spool_aside_files",
            "Files of rows that PostgreSQL refused, or of damaged ones; a person looks at them",
            registry=registry,
        )
        self._landed = Counter(
            "agent_spool_landed",
            "Rows that came into the database from disk",
            registry=registry,
        )

    def set_limit(self, limit_bytes: int) -> None:
        """Show how much the spool takes."""
        self._limit.set(limit_bytes)

    def set_state(self, state: SpoolState) -> None:
        """Show what is in the spool."""
        self._records.set(state.records)
        self._bytes.set(state.size_bytes)
        self._oldest.set(state.oldest_seconds)
        self._aside.set(len(state.aside))

    def count_landed(self, rows: int) -> None:
        """Count rows that have landed."""
        self._landed.inc(rows)
