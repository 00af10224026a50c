"""The console: shows what happened, and hands on what people decide."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from services.common.config import ConsoleSettings
from services.common.database import Database
from services.common.http import create_session
from services.common.metrics import ServiceMetrics
from services.common.web import create_app, serve
from services.console.app.pages import (
    audit,
    heals,
    now,
    prompts,
    requests,
    settings,
    sign_in,
    task_types,
)
from services.console.app.pages import evaluator as evaluator_page
from services.console.app.pages import workshop as workshop_page
from services.console.app.web.admin_client import AdminClient
from services.console.app.web.rendering import Renderer

SERVICE = "console"
STATIC = Path(__file__).parent / "static"


def create_console(own: ConsoleSettings) -> FastAPI:
    """Create the console's application and all that it is made of."""
    database = Database(
        own.console_database_url.get_secret_value() if own.console_database_url else "",
        timeout_seconds=own.database_timeout_seconds,
    )

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        async with create_session() as http:
            app.state.admin = AdminClient(http, own.manager_url)
            yield
        await database.close()

    app = create_app(
        SERVICE,
        metrics=ServiceMetrics(SERVICE),
        authorise=lambda scope: None,
        lifespan=hold_resources,
        is_ready=database.is_ready,
    )
    app.state.settings = own
    app.state.database = database
    app.state.renderer = Renderer()
    app.state.read_session = lambda request: ""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for page in (
        *(now, requests, prompts, heals, task_types),
        *(evaluator_page, settings, audit, sign_in),
    ):
        app.include_router(page.router, include_in_schema=False)
    if own.workshop:
        app.include_router(workshop_page.router, include_in_schema=False)
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, ConsoleSettings, create_console)


if __name__ == "__main__":
    main()
