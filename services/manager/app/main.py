"""The Manager: takes requests, orchestrates Worker and Evaluator, keeps the log."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from services.common.admin.schemas import ADMIN_PREFIX
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.http import create_session
from services.common.metrics import ServiceMetrics
from services.common.replays.asking import Asker
from services.common.siblings import EvaluatorClient, WorkerClient, read_token
from services.common.task_types.registry import open_task_types
from services.common.task_types.task_type import ALL_ANSWERS
from services.common.web import create_app, serve
from services.manager.app.access.authorisation import Authorisation, require_a_key
from services.manager.app.access.key_store import KeyStore
from services.manager.app.access.people import People
from services.manager.app.access.sessions import Sessions
from services.manager.app.access.sign_in import SignIns
from services.manager.app.admin import accounts, condition, jobs, prompts, trials
from services.manager.app.admin import sessions as session_routes
from services.manager.app.api import router
from services.manager.app.door.api import CHAT_PATH
from services.manager.app.door.api import router as door_router
from services.manager.app.door.conversation_log import ConversationLog
from services.manager.app.door.door import Door
from services.manager.app.metrics import ScoringMetrics, TrafficMetrics
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.manager.app.scoring.attention import Attention
from services.manager.app.scoring.claims import PendingScores
from services.manager.app.scoring.sampling import Mark, choose_scoring
from services.manager.app.scoring.scorers import Scorers
from services.manager.app.services.condition import Examiner
from services.manager.app.services.execution_log import ExecutionLogWriter
from services.manager.app.services.orchestrator import Orchestrator
from services.manager.app.services.refinement.refiners import LlmRefiner, Refiner, RuleRefiner
from services.manager.app.services.trials import Trials

SERVICE = "manager"
# A claim outlives the longest evaluation by this much.
LEASE_MARGIN_SECONDS = 30
# An answer may have 200,000 characters, of six bytes where they come escaped.
EVALUATIONS_PATH = f"{ADMIN_PREFIX}/evaluations"
MAX_EVALUATION_BYTES = 2 << 20


def create_refiner(settings: ManagerSettings, metrics: ServiceMetrics) -> Refiner:
    """Create a refiner by rules, or by rules and the model that REFINER_MODEL names."""
    rules = RuleRefiner(language=settings.default_language)
    if not settings.refiner_model:
        return rules
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415

    model = create_model_from_spec(settings, settings.refiner_model)
    metrics.watch_breaker(model.guard.breaker)
    return LlmRefiner(model, rules)


def create_manager(settings: ManagerSettings) -> FastAPI:
    """Create the Manager's application and all that it is made of."""
    database = Database(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )
    metrics = ServiceMetrics(SERVICE)
    refiner = create_refiner(settings, metrics)
    task_types = open_task_types(settings.task_types_dir)
    scoring_metrics = ScoringMetrics(metrics.registry)
    traffic_metrics, traffic_counter = TrafficMetrics(metrics.registry), TrafficCounter(database)
    pending = PendingScores(
        database, lease_seconds=settings.evaluator_timeout_seconds + LEASE_MARGIN_SECONDS
    )
    attention = Attention(
        database, [one.name for one in task_types.all() if one.sampling != ALL_ANSWERS]
    )

    conversation_log = ConversationLog(database)
    key_store = KeyStore(settings)
    sessions = Sessions(database, settings)
    people = People(settings, database, sessions)

    def choose_mark(name: str) -> Mark | None:
        task_type = task_types.find(name)
        is_sampled = task_type is not None and not attention.is_on(name)
        sampling = task_type.sampling if task_type and is_sampled else ALL_ANSWERS
        return choose_scoring(sampling, random.random())  # noqa: S311 - no secret

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        key_store.start()
        traffic_counter.start()
        async with create_session() as session:
            worker = WorkerClient(session, settings)
            evaluator = EvaluatorClient(session, settings)
            app.state.orchestrator = Orchestrator(
                refiner=refiner,
                worker=worker,
                evaluator=evaluator,
                execution_log=ExecutionLogWriter(database),
                task_types=task_types,
            )
            scorers = Scorers(
                pending=pending,
                evaluator=evaluator,
                attention=attention,
                concurrency=settings.scoring_concurrency,
            )
            scorers.start()
            app.state.door = Door(
                worker=worker,
                conversation_log=conversation_log,
                task_types=task_types,
                settings=settings,
                choose_mark=choose_mark,
                tell_marked=scorers.tell_marked,
            )
            app.state.conversation_log = conversation_log
            app.state.trials = Trials(
                database=database,
                refiner=refiner,
                asker=Asker(worker, read_token(settings), "trial"),
                evaluator=evaluator,
                task_types=task_types,
            )
            app.state.examiner = Examiner(settings, database, session)
            yield
            await app.state.door.close()
            await scorers.close()
        await traffic_counter.close()
        await key_store.close()
        await refiner.close()
        await database.close()

    async def refresh_metrics() -> None:
        with suppress(DatabaseUnavailableError):
            backlog = await pending.count()
            scoring_metrics.set_backlog(
                pending=backlog.pending, oldest_seconds=backlog.oldest_seconds
            )
            traffic_metrics.set_age(await traffic_counter.age_seconds())

    app = create_app(
        SERVICE,
        metrics=metrics,
        authorise=Authorisation(settings, key_store, people),
        lifespan=hold_resources,
        find_obstacle=database.find_obstacle,
        before_scrape=refresh_metrics,
        body_limits={
            CHAT_PATH: settings.chat_max_body_bytes,
            EVALUATIONS_PATH: MAX_EVALUATION_BYTES,
        },
    )
    app.state.database = database
    app.state.people = people
    app.state.sign_ins = SignIns(settings, database, sessions)
    for one in (door_router, router):
        app.include_router(one)
    for module in (session_routes, accounts, prompts, trials, jobs, condition):
        app.include_router(module.router)
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, ManagerSettings, create_manager, require_a_key)


if __name__ == "__main__":
    main()
