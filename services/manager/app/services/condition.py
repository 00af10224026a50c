"""Looks at the parts of the system from the Manager: what works, what doesn't, what to do."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import asyncpg
from pydantic import BaseModel, ConfigDict, ValidationError

from services.common.admin.schemas import Condition
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.database.condition import (
    check_access,
    check_load,
    load_database_load,
)
from services.common.diagnosis.checks import (
    Check,
    CheckResult,
    check_network,
    check_provider,
    check_python,
    is_installed,
)
from services.common.errors import DatabaseUnavailableError
from services.common.version import package_version
from services.manager.app.log.spool.state import judge_spool, measure

READINESS_PATH: Final = "/health/ready"
TIMEOUT: Final = aiohttp.ClientTimeout(total=3)
LONG_WAIT: Final = timedelta(minutes=10)
SHORT_WHILE: Final = timedelta(minutes=2)
SELECT_STATE: Final = """
    SELECT current_setting('server_version') AS version, now() AS now,
           (SELECT max(number) FROM selfheal.migrations) AS migration,
           greatest((SELECT max(created_at) FROM selfheal.healing_runs),
                    (SELECT max(finished_at) FROM selfheal.jobs)) AS last_at,
           (SELECT min(created_at) FROM selfheal.jobs WHERE finished_at IS NULL) AS waits_since
"""
# Heals have leases too, which are held while they run.
SELECT_LEASES: Final = "SELECT name, held_until FROM selfheal.leases WHERE name = 'traffic'"


class Readiness(BaseModel):
    """What a service says of itself, as far as it is looked at here."""

    model_config = ConfigDict(extra="allow")

    status: str
    degraded: bool = False
    sandbox: dict[str, Any] = {}


class Examiner:
    """Examines the system's parts."""

    def __init__(
        self, settings: ManagerSettings, database: Database, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._database = database
        self._session = session

    async def examine(self) -> Condition:
        """Look at every part at once; one that is away is told, and keeps no other from it."""
        settings = self._settings
        versions = {
            "package": package_version(),
            "python": ".".join(str(part) for part in sys.version_info[:3]),
        }
        worker, evaluator, stored, spooled = await asyncio.gather(
            self._ask(settings.worker_url),
            self._ask(settings.evaluator_url),
            self._examine_database(versions),
            asyncio.to_thread(measure, settings.spool_directory),
        )
        checks = [
            _judge_service("worker", worker),
            _judge_service("evaluator", evaluator),
            *(_judge_scores(evaluator) if evaluator else ()),
            *stored,
            judge_spool(spooled, settings.spool_directory),
            check_python(sys.version_info[:3]),
            check_provider(settings, has_langchain=is_installed("langchain")),
            check_network(settings, asks=settings.require_keys),
        ]
        told = evaluator.model_dump() if evaluator else None
        return Condition(checks=checks, versions=versions, evaluator=told)

    async def _ask(self, base_url: str) -> Readiness | None:
        """Ask a service how it is; None where it gives no answer."""
        url = base_url.rstrip("/") + READINESS_PATH
        try:
            async with self._session.get(url, timeout=TIMEOUT) as response:
                return Readiness.model_validate_json(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValidationError):
            return None

    async def _examine_database(self, versions: dict[str, str]) -> list[Check]:
        try:
            async with self._database.connection() as connection:
                [state] = await connection.fetch(SELECT_STATE)
                leases = await connection.fetch(SELECT_LEASES)
                load = await load_database_load(connection)
        except DatabaseUnavailableError as error:
            return [Check("database", error.message, CheckResult.FAIL)]
        versions |= {"postgresql": state["version"], "schema": str(state["migration"])}
        found = f"PostgreSQL {state['version']}, schema {state['migration']}"
        return [
            Check("database", found),
            *([check_access(self._database.traits)] if self._database.traits else ()),
            check_load(load),
            judge_optimizer(
                last_at=state["last_at"], waits_since=state["waits_since"], now=state["now"]
            ),
            *(_judge_lease(lease, state["now"]) for lease in leases),
        ]


def judge_optimizer(
    *, last_at: datetime | None, waits_since: datetime | None, now: datetime
) -> Check:
    """Tell whether an Optimizer takes what is asked of it. Pure.

    Args:
        last_at: When one last brought something to an end.
        waits_since: Since when the oldest job waits.
    """
    found = f"last brought something to an end {_age(now - last_at)} ago" if last_at else "no trace"
    if waits_since is None or now - waits_since < LONG_WAIT:
        return Check("optimizer", found)
    found += f"; a job waits for {_age(now - waits_since)}"
    remedy = "Start one that watches: selfheal optimize --watch, or run one: selfheal optimize"
    return Check("optimizer", found, CheckResult.WARN, remedy)


def _judge_service(name: str, readiness: Readiness | None) -> Check:
    if readiness is None:
        remedy = f"See: selfheal status, selfheal logs --service {name}"
        return Check(name, "gives no answer", CheckResult.FAIL, remedy)
    is_ready = readiness.status == "ready"
    return Check(name, readiness.status, CheckResult.OK if is_ready else CheckResult.FAIL)


def _judge_scores(evaluator: Readiness) -> Iterator[Check]:
    if evaluator.degraded:
        found = "the Evaluator judges otherwise than it did; nothing is healed by its scores"
        remedy = "See: selfheal logs --service evaluator"
        yield Check("canaries", found, CheckResult.WARN, remedy)
    backend = str(evaluator.sandbox.get("backend") or "none")
    if problem := evaluator.sandbox.get("problem"):
        found = f"{backend}: {problem}"
        yield Check("sandbox", found, CheckResult.WARN, "See: selfheal doctor")
    else:
        yield Check("sandbox", backend)


def _judge_lease(lease: asyncpg.Record, now: datetime) -> Check:
    # Whoever does the work renews it; it stays as it was once nobody does.
    idle = now - lease["held_until"]
    if idle < SHORT_WHILE:
        return Check(lease["name"], "is kept up to date")
    found = f"was kept up to date until {_age(idle)} ago; what is counted stands still"
    return Check(lease["name"], found, CheckResult.WARN, "See: selfheal logs --service manager")


def _age(age: timedelta) -> str:
    """Say how long ago, in the largest unit of which there are two."""
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
