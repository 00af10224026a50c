"""The Manager: takes requests, orchestrates Worker and Evaluator, keeps the log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.http import create_session
from services.common.metrics import ServiceMetrics
from services.common.siblings import EvaluatorClient, WorkerClient
from services.common.web import create_app, serve
from services.manager.app.api import router
from services.manager.app.services.execution_log import ExecutionLogWriter
from services.manager.app.services.orchestrator import Orchestrator
from services.manager.app.services.refinement.refiners import LlmRefiner, Refiner, RuleRefiner

SERVICE = "manager"


def create_refiner(settings: ManagerSettings) -> Refiner:
    """Create a refiner by rules, or by rules and the model that REFINER_MODEL names."""
    rules = RuleRefiner(language=settings.default_language)
    if not settings.refiner_model:
        return rules
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415

    return LlmRefiner(create_model_from_spec(settings, settings.refiner_model), rules)


def create_manager(settings: ManagerSettings) -> FastAPI:
    """Create the Manager's application and all that it is made of."""
    database = Database(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )
    refiner = create_refiner(settings)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        async with create_session() as session:
            app.state.orchestrator = Orchestrator(
                refiner=refiner,
                worker=WorkerClient(session, settings),
                evaluator=EvaluatorClient(session, settings),
                execution_log=ExecutionLogWriter(database),
            )
            yield
        await refiner.close()
        await database.close()

    app = create_app(
        SERVICE,
        metrics=ServiceMetrics(SERVICE),
        lifespan=hold_resources,
        is_ready=database.is_ready,
    )
    app.include_router(router)
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, ManagerSettings, create_manager)


if __name__ == "__main__":
    main()
