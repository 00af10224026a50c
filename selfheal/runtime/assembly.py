"""The one place that builds the embedded system from the settings."""

import os
from pathlib import Path
from typing import Final

import services
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.parts import DatabaseServer
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.process_plan import (
    MODEL_VARIABLES,
    OPTIMIZER,
    Credentials,
    Stages,
    optimizer_environment,
    plan_processes,
)
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.schema.roles import SERVICES
from selfheal.runtime.system import System, find_end_user_key
from selfheal.runtime.waiting import Progress, silent
from services.common.config import Settings
from services.evaluator.app.services.oversight.canary_baselines import CanaryBaselines

# Each outranks or adds to what a URL says, and asyncpg reads none of them.
_HEEDED_BY_LIBPQ_ALONE: Final = frozenset({"PGHOSTADDR", "PGOPTIONS", "PGSERVICE"})


def find_schema() -> Path:
    """Find the database schema: in the source tree, or beside this package when installed.

    Raises:
        PostgresError: If it is in neither place.
    """
    source_tree = Path(services.__path__[0]).parent / "db" / "schema.sql"
    installed = Path(__file__).parent / "schema.sql"
    for path in (source_tree, installed):
        if path.is_file():
            return path
    raise PostgresError(f"The database schema is missing: neither {source_tree} nor {installed}.")


def build_embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Build the embedded database server that the settings describe, without starting it."""
    return EmbeddedPostgres(
        settings.selfheal_home, port=settings.postgres_port, schema=find_schema()
    )


def build_external_database(settings: Settings, *, progress: Progress = silent) -> ExternalDatabase:
    """Build the view of the server that `DATABASE_URL` names."""
    urls = {service: getattr(settings, f"{service}_database_url") for service in SERVICES}
    return ExternalDatabase(
        settings.database_url.get_secret_value(),
        schema=find_schema(),
        service_urls={service: url.get_secret_value() for service, url in urls.items() if url},
        direct_url=settings.direct_database_url,
        progress=progress,
    )


def uses_own_database(settings: Settings) -> bool:
    """Tell whether the operator named a server of their own, by setting `DATABASE_URL`."""
    return "database_url" in settings.model_fields_set


def build_system(settings: Settings, *, autopilot: bool | None = None) -> System:
    """Build the system that the settings describe, without starting anything.

    Args:
        autopilot: Whether the Optimizer's continuous mode is a part of it; None for as it runs.
    """
    home = settings.selfheal_home.absolute()
    database: DatabaseServer
    if uses_own_database(settings):
        database = build_external_database(settings)
    else:
        database = build_embedded_postgres(settings)
    processes = ProcessTable(
        home,
        working_directory=Path.cwd(),
        inherited=os.environ,  # handed on as it is; only the settings are read from it
        stop_seconds=settings.stop_seconds,
    )

    def plan(credentials: Credentials) -> Stages:
        with_optimizer = OPTIMIZER in processes.names() if autopilot is None else autopilot
        return plan_processes(settings, credentials, autopilot=with_optimizer)

    token, key = settings.internal_token, settings.end_user_key
    return System(
        settings.selfheal_home,
        database=database,
        processes=processes,
        plan=plan,
        internal_token=token.get_secret_value() if token else None,
        end_user_key=key.get_secret_value() if key else None,
        service_files=[CanaryBaselines(home).path, *_of_our_data(settings)],
    )


def _of_our_data(settings: Settings) -> list[Path]:
    """Return what goes with the data: the spool, and what people in it can be found by.

    What a server of the operator's holds stays, and so do these.
    """
    key = find_end_user_key(settings.selfheal_home.absolute())
    return [] if uses_own_database(settings) else [settings.spool_directory.absolute(), key]


def psql_environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which psql gets into the database that the settings describe.

    Of libpq's own variables a server of the operator's gets those that the services heed too.

    Raises:
        PostgresError: If the embedded database was never started.
    """
    own = uses_own_database(settings)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if (name not in _HEEDED_BY_LIBPQ_ALONE if own else not name.startswith("PG"))
    }
    return inherited | build_system(settings).database.client_variables


def connection_environment(settings: Settings) -> dict[str, str]:
    """Return the variables with which a run of the Optimizer reaches the system that runs here.

    It gets the model that a running Worker was started with, which `selfheal up --llm local` may
    have chosen, not the settings. The result holds secrets: pass it to a process, never print it.

    Raises:
        PostgresError: If the embedded database was never started.
    """
    system = build_system(settings)
    environment = optimizer_environment(settings, system.credentials())
    running = system.processes.process("worker").environment
    return environment | {name: running[name] for name in MODEL_VARIABLES & running.keys()}
