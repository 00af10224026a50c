"""The console: shows what happened, and hands on what people decide."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from services.common.access.networks import is_console_public
from services.common.config import ConsoleSettings
from services.common.database import Database
from services.common.http import create_session
from services.common.metrics import ServiceMetrics
from services.common.web import create_app, gather_routes, serve
from services.console.app.pages import (
    evaluator,
    events,
    heals,
    now,
    prompts,
    requests,
    settings,
    sign_in,
    task_types,
    workshop,
)
from services.console.app.queries import request_search
from services.console.app.web.admin_client import AdminClient
from services.console.app.web.cookies import is_https, read_session
from services.console.app.web.errors import answer_error, send_to_sign_in
from services.console.app.web.gate import (
    Gate,
    list_proxies,
    read_console_settings,
    require_sign_in,
)
from services.console.app.web.headers import SecurityHeaders
from services.console.app.web.last_pages import LastPages
from services.console.app.web.live import Changes
from services.console.app.web.rendering import Renderer
from services.console.app.web.viewer import SignInNeededError

SERVICE = "console"
PAGES = (now, requests, prompts, heals, task_types, evaluator, settings, sign_in, events)
ROUTES = gather_routes(*(page.router for page in PAGES))
WORKSHOP_ROUTES = gather_routes(workshop.router)
STATIC = Path(__file__).parent / "static"
# A prompt of 100,000 Korean letters takes 900 kB in a form.
MAX_FORM_BYTES: Final = 3 << 20


def create_console(own: ConsoleSettings) -> FastAPI:
    """Create the console's application and all that it is made of."""
    database = Database(
        own.console_database_url.get_secret_value() if own.console_database_url else "",
        timeout_seconds=own.database_timeout_seconds,
        may_stand_by=True,
    )
    metrics = ServiceMetrics(SERVICE)
    metrics.watch_breaker(database.breaker)
    changes = Changes(database)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        async with create_session() as http:
            app.state.admin = AdminClient(http, own.manager_url, own.console_token)
            with changes.ending_with_the_process():
                yield
            await changes.close()
        await database.close()

    app = create_app(
        SERVICE,
        metrics=metrics,
        authorise=Gate(own),
        lifespan=hold_resources,
        find_obstacle=database.find_obstacle,
        max_body_bytes=MAX_FORM_BYTES,
        answer_error=answer_error,
        is_documented=False,
    )
    assets = find_version(STATIC)
    app.add_middleware(SecurityHeaders, is_https=is_https(own), assets=assets)
    app.add_exception_handler(SignInNeededError, send_to_sign_in)
    app.state.settings = own
    app.state.is_public = is_console_public(own)
    app.state.trusted_proxies = list_proxies(own)
    app.state.database = database
    app.state.changes = changes
    app.state.search_turns = asyncio.Semaphore(request_search.MAX_SEARCHES)
    app.state.last_pages = LastPages()
    app.state.renderer = Renderer(app.state.last_pages, assets)
    app.state.read_session = read_session
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.router.routes.extend((*ROUTES, *(WORKSHOP_ROUTES if own.workshop else ())))
    return app


def find_version(directory: Path) -> str:
    """Return what stands for the contents of all files in a directory."""
    digest = hashlib.sha256()
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, read_console_settings, create_console, require_sign_in)


if __name__ == "__main__":
    main()
