"""Every route of every service, times every way of calling: a route without a rule fails here."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.routing import BaseRoute, Route

from services.common.access.headers import ADMIN_PREFIX
from services.common.access.keys import ApiKey, KeyScope, NewKey, generate_key
from services.common.config import Settings
from services.evaluator.app.main import create_evaluator
from services.manager.app import main
from services.manager.app.access import routes
from services.manager.app.access.key_store import KeyStore
from services.manager.app.main import create_manager
from services.worker.app.main import create_worker

TOKEN = "the-token"
ID = "11111111-2222-4333-8444-555555555555"
CREATORS = {"manager": create_manager, "worker": create_worker, "evaluator": create_evaluator}
MADE: dict[KeyScope, NewKey] = {scope: generate_key() for scope in KeyScope}
KEYS = {
    key.id: ApiKey(key.id, key.secret_sha256, scope, frozenset({scope}))
    for scope, key in MADE.items()
}
REFUSED = (401, 403)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)

    class FilledStore(KeyStore):
        age_seconds = 0.0

        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            self.keys = KEYS

    monkeypatch.setattr(main, "KeyStore", FilledStore)


def create(service: str) -> FastAPI:
    """The service as it is beyond loopback."""
    settings = Settings(
        bind_host="0.0.0.0",
        internal_token=SecretStr(TOKEN),
        sandbox="off",
        allowed_hosts="service.test",
    )
    return CREATORS[service](settings)


@pytest.fixture(autouse=True)
def log_entries() -> Iterator[None]:
    """Keep what is logged out of the report."""
    with structlog.testing.capture_logs():
        yield


def flatten(found: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes themselves, also those of routers that were included."""
    for route in found:
        if (router := getattr(route, "original_router", None)) is None:
            yield route
            continue
        assert route.include_context.prefix == ""  # type: ignore[attr-defined]
        yield from flatten(router.routes)


def list_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path, with something in place of each parameter."""
    for route in flatten(app.routes):
        assert isinstance(route, Route), f"{type(route)} is of a kind that no rule is known for"
        methods = route.methods or set()
        for method in methods - {"HEAD"}:
            path = route.path
            for name in route.param_convertors:
                path = path.replace(f"{{{name}}}", ID)
            assert "{" not in path
            yield method, path


async def call(app: FastAPI, method: str, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
        return await client.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


def is_health(path: str) -> bool:
    return path == "/health" or path.startswith("/health/")


@pytest.mark.parametrize("name", CREATORS)
async def test_nobody_unknown_gets_anything_but_health(name: str) -> None:
    app = create(name)
    for method, path in list_routes(app):
        for headers in ({}, {"authorization": "Bearer none"}, {"x_internal_token": "guess"}):
            response = await call(app, method, path, **headers)
            if is_health(path):
                assert response.status_code not in REFUSED, path
                continue
            if (method, path) in routes.SIGN_IN:
                # Signing in isn't for another site's page to ask for.
                assert method == "GET" or response.json()["code"] == "csrf_token_invalid"
                continue
            assert response.status_code == 401, (method, path)
            assert response.headers["www-authenticate"] == "Bearer"
            body = response.json()
            assert body.get("error", body)["code"] == "unauthenticated"
            assert ("error" in body) is path.startswith("/v1/")


async def test_every_route_of_the_manager_has_a_rule_and_keeps_to_it() -> None:
    app = create("manager")
    for method, path in list_routes(app):
        if is_health(path) or (method, path) in routes.SIGN_IN:
            continue
        needed = routes.find_scope(method, path)
        assert needed is not None, f"{method} {path} has no rule in services/manager/app/access"
        for scope, key in MADE.items():
            response = await call(app, method, path, authorization=f"Bearer {key.text}")
            allowed = scope in (needed, KeyScope.ADMIN)
            assert (response.status_code not in REFUSED) is allowed, (method, path, scope)
            if not allowed:
                body = response.json()
                assert body.get("error", body)["code"] == "forbidden"


async def test_no_rule_is_for_a_route_that_is_not_there() -> None:
    there = set(list_routes(create("manager")))
    assert set(routes.EXACT) <= there
    assert {(method, f"{path}{ID}") for method, path in routes.BELOW} <= there
    assert there >= routes.SIGN_IN
    admin = {(method, f"{ADMIN_PREFIX}{path.replace('*', ID)}") for method, path in routes.ADMIN}
    assert admin <= there


async def test_a_new_route_without_a_rule_is_refused_to_all_but_admin() -> None:
    app = create("manager")

    @app.get("/api/v1/new")
    async def answer() -> None:
        return None

    statuses = {}
    for scope, key in MADE.items():
        response = await call(app, "GET", "/api/v1/new", authorization=f"Bearer {key.text}")
        statuses[scope] = response.status_code
    assert statuses == dict.fromkeys(KeyScope, 403) | {KeyScope.ADMIN: 200}
    assert (await call(app, "GET", "/api/v1/new")).status_code == 401


@pytest.mark.parametrize("name", ["worker", "evaluator"])
async def test_the_token_opens_all_of_worker_and_evaluator_and_no_key_does(name: str) -> None:
    app = create(name)
    paths = [(method, path) for method, path in list_routes(app) if not is_health(path)]
    assert any(path.startswith("/api/v1/") for _, path in paths)
    for method, path in paths:
        # The body is missing: what matters is that the route was reached.
        assert (await call(app, method, path, x_internal_token=TOKEN)).status_code not in REFUSED
        for key in MADE.values():
            response = await call(app, method, path, authorization=f"Bearer {key.text}")
            assert response.status_code == 401
