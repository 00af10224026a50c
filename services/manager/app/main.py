"""The Manager: takes requests, orchestrates Worker and Evaluator, keeps the log."""

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.common.access.headers import ADMIN_PREFIX
from services.common.config import ManagerSettings
from services.common.costs.prices import Prices
from services.common.database import Database
from services.common.http import create_session
from services.common.metrics import ServiceMetrics
from services.common.replays.asking import Asker
from services.common.resilience.background import Background
from services.common.resilience.breaker import Breaker
from services.common.resilience.ranks import SCORING_PURPOSE
from services.common.resilience.throttle import Throttle
from services.common.siblings import EvaluatorClient, WorkerClient
from services.common.task_types.registry import TaskTypes, open_task_types
from services.common.task_types.task_type import ALL_ANSWERS
from services.common.web import create_app, gather_routes, serve
from services.manager.app.access.authorisation import Authorisation, require_a_key
from services.manager.app.access.key_store import KeyStore
from services.manager.app.access.people import People
from services.manager.app.access.sessions import Sessions
from services.manager.app.access.sign_in import SignIns
from services.manager.app.admin import accounts, condition, jobs, prompts, rollouts, trials
from services.manager.app.admin import sessions as session_routes
from services.manager.app.api import REQUEST_PATH, router
from services.manager.app.door.api import CHAT_PATH
from services.manager.app.door.api import router as door_router
from services.manager.app.door.conversation_log import ConversationLog
from services.manager.app.door.door import Door
from services.manager.app.idempotency.calls import IdempotentCalls
from services.manager.app.log.metrics import SpoolMetrics
from services.manager.app.log.row_log import RowLog
from services.manager.app.metrics import CountedMetrics
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import plan_rules
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.manager.app.scoring.attention import Attention
from services.manager.app.scoring.claims import PendingScores
from services.manager.app.scoring.sampling import Mark, choose_scoring
from services.manager.app.scoring.scorers import Scorers
from services.manager.app.services.condition import Examiner
from services.manager.app.services.evaluator_exchange import exchange_records
from services.manager.app.services.orchestrator import Orchestrator
from services.manager.app.services.refinement.refiners import LlmRefiner, Refiner, RuleRefiner
from services.manager.app.services.trials import Trials
from services.manager.app.sweeper import Sweeper

SERVICE = "manager"
# A claim outlives the longest evaluation by this much.
LEASE_MARGIN_SECONDS = 30
# An answer may have 200,000 characters, of six bytes where they come escaped.
EVALUATIONS_PATH = f"{ADMIN_PREFIX}/evaluations"
MAX_EVALUATION_BYTES = 2 << 20
_ADMIN = (session_routes, accounts, prompts, rollouts, trials, jobs, condition)
ROUTES = gather_routes(door_router, router, *(module.router for module in _ADMIN))


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
    to_worker, to_evaluator = Breaker("worker"), Breaker("evaluator")
    for breaker in (database.breaker, to_worker, to_evaluator):
        metrics.watch_breaker(breaker)
    refiner = create_refiner(settings, metrics)
    task_types, prices = open_task_types(settings.task_types_dir), Prices.open(settings.prices_file)
    pending = PendingScores(
        database,
        lease_seconds=settings.evaluator_timeout_seconds + LEASE_MARGIN_SECONDS,
        prices=prices,
    )
    rules = plan_rules(settings, task_types)
    retention = Retention(
        database,
        rules,
        lookback_minutes=settings.optimizer_lookback_minutes,
        registry=metrics.registry,
    )
    counted = CountedMetrics(metrics.registry, database, is_removing=bool(rules))
    attention = Attention(
        database, [one.name for one in task_types.all() if one.sampling != ALL_ANSWERS]
    )

    row_log = RowLog(database, settings, SpoolMetrics(metrics.registry))
    worker_throttle, evaluator_throttle = Throttle(), Throttle()
    calls, conversation_log = IdempotentCalls(database), ConversationLog(database)
    key_store = KeyStore(settings)
    sessions = Sessions(database, settings)
    people = People(settings, database, sessions)
    authorisation = Authorisation(settings, key_store, people)
    background = (key_store, TrafficCounter(database), Sweeper(database), retention, row_log)

    async def find_obstacle() -> str:
        return authorisation.find_obstacle() or await row_log.find_obstacle()

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        async with (
            _working_in_background(database, refiner, background),
            create_session() as session,
            exchange_records(settings, database, session),
            AsyncExitStack() as closing,
        ):
            worker = WorkerClient(session, settings, worker_throttle, to_worker)
            evaluator = EvaluatorClient(session, settings, evaluator_throttle, to_evaluator)
            app.state.orchestrator = Orchestrator(
                refiner=refiner,
                worker=worker,
                evaluator=evaluator,
                rows=row_log.writer,
                task_types=task_types,
                prices=prices,
                refiner_model=settings.refiner_model,
            )
            scorers = Scorers(
                pending=pending,
                evaluator=EvaluatorClient(
                    session, settings, breaker=to_evaluator, purpose=SCORING_PURPOSE
                ),
                attention=attention,
                concurrency=settings.scoring_concurrency,
            )
            scorers.start()
            closing.push_async_callback(scorers.close)
            app.state.door = Door(
                worker=worker,
                conversation_log=conversation_log,
                rows=row_log.writer,
                calls=calls,
                task_types=task_types,
                settings=settings,
                prices=prices,
                choose_mark=partial(_choose_mark, task_types, attention),
                tell_marked=scorers.tell_marked,
            )
            app.state.conversation_log = conversation_log
            app.state.trials = Trials(
                database=database,
                refiner=refiner,
                asker=Asker(worker, "trial", settings.llm_provider),
                evaluator=evaluator,
                task_types=task_types,
                prices=prices,
            )
            closing.push_async_callback(app.state.door.close)
            app.state.examiner = Examiner(settings, database, session)
            yield

    async def refresh_metrics() -> None:
        await row_log.refresh_metrics()
        await counted.refresh()

    app = create_app(
        SERVICE,
        metrics=metrics,
        authorise=authorisation,
        lifespan=hold_resources,
        find_obstacle=find_obstacle,
        bound_seconds=settings.worker_timeout_seconds + settings.evaluator_timeout_seconds,
        before_scrape=refresh_metrics,
        bounds={
            CHAT_PATH: {"database": database.admits, "worker": worker_throttle.admits},
            REQUEST_PATH: {
                "database": database.admits,
                "worker": worker_throttle.admits,
                "evaluator": evaluator_throttle.admits,
            },
        },
        body_limits={
            CHAT_PATH: settings.chat_max_body_bytes,
            EVALUATIONS_PATH: MAX_EVALUATION_BYTES,
        },
    )
    app.state.database = database
    app.state.idempotent_calls = calls
    app.state.people = people
    app.state.sign_ins = SignIns(settings, database, sessions)
    app.router.routes.extend(ROUTES)
    return app


@asynccontextmanager
async def _working_in_background(
    database: Database, refiner: Refiner, background: Iterable[Background | RowLog]
) -> AsyncIterator[None]:
    """Each is closed at the end, though the close of another one fails."""
    async with AsyncExitStack() as closing:
        await database.open()
        closing.push_async_callback(database.close)
        closing.push_async_callback(refiner.close)
        for one in background:
            one.start()
            closing.push_async_callback(one.close)
        yield


def _choose_mark(
    task_types: TaskTypes, attention: Attention, name: str, in_full: bool
) -> Mark | None:
    task_type = task_types.find(name)
    is_sampled = task_type is not None and not in_full and not attention.is_on(name)
    sampling = task_type.sampling if task_type and is_sampled else ALL_ANSWERS
    return choose_scoring(sampling, random.random())  # noqa: S311 - no secret


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, ManagerSettings, create_manager, require_a_key)


if __name__ == "__main__":
    main()
