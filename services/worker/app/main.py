"""The Worker: generates answers under the prompt that is active now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.common.config import WorkerSettings
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.internal_token import create_token_check
from services.common.llm.factory import create_serving_models
from services.common.logging import get_logger
from services.common.metrics import ServiceMetrics
from services.common.resilience.bounded_calls import PROVIDER, BoundedCalls
from services.common.resilience.concurrency_limit import ConcurrencyLimit
from services.common.web import MAX_BODY_BYTES, create_app, gather_routes, serve
from services.worker.app.api import CHAT_PATH, TASK_PATH, router
from services.worker.app.metrics import FallbackMetrics, PromptMetrics, PurposeMetrics
from services.worker.app.services.chat_performer import ChatPerformer
from services.worker.app.services.prompt_loader import load_active_versions, load_shares
from services.worker.app.services.prompt_memory import PromptMemory
from services.worker.app.services.serving_models import ServingModels
from services.worker.app.services.task_performer import TaskPerformer

SERVICE = "worker"
ROUTES = gather_routes(router)
# A body that the Manager takes may come escaped: 6 bytes for a letter of 2.
ESCAPED = 3
log = get_logger()


def create_worker(settings: WorkerSettings) -> FastAPI:
    """Create the Worker's application and all that it is made of."""
    database = Database(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )
    metrics = ServiceMetrics(SERVICE)
    metrics.watch_breaker(database.breaker)
    prompts = PromptMemory(database, max_age_seconds=settings.prompt_max_age_seconds)
    serving = create_serving_models(settings)
    fallback_metrics = FallbackMetrics(metrics.registry, serving[1:])
    for model in serving:
        metrics.watch_breaker(model.guard.breaker)
    models = ServingModels(serving, fallback_metrics.count)
    limit = ConcurrencyLimit(settings.llm_concurrency, is_a_vendors=settings.asks_a_vendor)
    calls = BoundedCalls(limit, settings.queue_seconds, metrics.count_refusal)
    bounds = {"database": database.admits, PROVIDER: calls.admits}
    prompt_metrics = PromptMetrics(metrics.registry, prompts)
    purposes = PurposeMetrics(metrics.registry)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        prompts.start()
        app.state.purposes = purposes
        app.state.calls = calls
        app.state.task_performer = TaskPerformer(prompts=prompts, models=models, settings=settings)
        app.state.chat_performer = ChatPerformer(prompts=prompts, models=models, settings=settings)
        log.info(
            "model_chosen",
            provider=settings.llm_provider,
            model=settings.llm_model,
            fallbacks=list(settings.fallbacks),
        )
        yield
        await models.close()
        await prompts.close()
        await database.close()

    async def refresh_prompt_versions() -> None:
        try:
            prompt_metrics.set_versions(await load_active_versions(database))
            prompt_metrics.set_shares(await load_shares(database))
        except DatabaseUnavailableError as error:
            log.warning("prompt_versions_unavailable", message=error.message)
            prompt_metrics.set_versions(prompts.recall_versions())
            prompt_metrics.set_shares({})  # as long as it is away

    app = create_app(
        SERVICE,
        metrics=metrics,
        authorise=create_token_check(settings, settings.internal_token),
        lifespan=hold_resources,
        find_obstacle=prompts.find_obstacle,
        bound_seconds=settings.worker_timeout_seconds,
        before_scrape=refresh_prompt_versions,
        bounds={TASK_PATH: bounds, CHAT_PATH: bounds},
        body_limits={CHAT_PATH: ESCAPED * settings.chat_max_body_bytes + MAX_BODY_BYTES},
    )
    app.router.routes.extend(ROUTES)
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, WorkerSettings, create_worker)


if __name__ == "__main__":
    main()
