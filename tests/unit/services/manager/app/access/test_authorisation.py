"""Who is let in at the Manager, who isn't, and what they are told."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from support.rows import for_each

from services.common.access.keys import ApiKey, generate_key
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import ForbiddenError, UnauthenticatedError
from services.manager.app.access.authorisation import (
    Authorisation,
    KeysUnknownError,
    may_use,
    require_task_type,
)
from services.manager.app.access.key_store import KeyStore
from services.manager.app.access.people import People
from services.manager.app.access.sessions import Sessions

SERVE, READ, OLD, GONE = generate_key(), generate_key(), generate_key(), generate_key()
REQUEST = ("POST", "/api/v1/request")
LOOPBACK = {"bind_host": "127.0.0.1"}
EXPOSED = {"bind_host": "0.0.0.0"}
CLOSED = {"bind_host": "127.0.0.1", "require_keys": True}
OPEN = {"bind_host": "0.0.0.0", "allow_open": "yes-i-know"}


def keep(key: Any, *scopes: str, **more: Any) -> ApiKey:
    return ApiKey(key.id, key.secret_sha256, "name", frozenset(scopes), **more)


KEYS = {
    SERVE.id: keep(SERVE, "serve", task_types=frozenset({"poetry"})),
    READ.id: keep(READ, "read"),
    OLD.id: keep(OLD, "serve", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
}


class FakeStore(KeyStore):
    """The keys as they were read so long ago."""

    age_seconds = 0.0

    def __init__(
        self, settings: ManagerSettings, keys: dict[str, ApiKey] | None, age_seconds: float
    ) -> None:
        super().__init__(settings)
        self.keys, self.age_seconds = keys, age_seconds


def authorise(
    settings: dict[str, Any],
    route: tuple[str, str],
    *,
    query: bytes = b"",
    keys: dict[str, ApiKey] | None = KEYS,
    age_seconds: float = 0,
    **headers: str,
) -> dict[str, Any]:
    """Check a request, and return its scope."""
    whole = ManagerSettings(_env_file=None, internal_token=SecretStr("the-token"), **settings)  # type: ignore[call-arg]
    store = FakeStore(whole, keys, age_seconds)
    method, path = route
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": pairs,
        "state": {},
    }
    database = Database("postgresql://nobody@localhost/nothing", timeout_seconds=1)
    people = People(whole, database, Sessions(database, whole))
    assert Authorisation(whole, store, people)(scope) is None
    return scope


def find_obstacle(settings: dict[str, Any], age_seconds: float) -> str:
    whole = ManagerSettings(_env_file=None, internal_token=SecretStr("the-token"), **settings)  # type: ignore[call-arg]
    database = Database("postgresql://nobody@localhost/nothing", timeout_seconds=1)
    people = People(whole, database, Sessions(database, whole))
    return Authorisation(whole, FakeStore(whole, KEYS, age_seconds), people).find_obstacle()


def test_only_where_keys_are_asked_for_do_old_ones_keep_it_from_serving() -> None:
    for settings in (EXPOSED, CLOSED):
        assert "keys can't be read" in find_obstacle(settings, age_seconds=61)
        assert find_obstacle(settings, age_seconds=59) == ""
    for settings in (LOOPBACK, OPEN):
        assert find_obstacle(settings, age_seconds=61) == ""


def bearer(key: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {key.text}"}


@for_each([{}, {"authorization": "Bearer none"}, {"authorization": "Bearer sk-123"},
           {"authorization": "Basic dTpw"}, {"authorization": "Bearer"}])  # fmt: skip
def test_without_a_key_of_ours_it_is_open_on_loopback_and_nowhere_else(
    headers: dict[str, str],
) -> None:
    for route in (REQUEST, ("GET", "/metrics"), ("GET", "/docs")):
        authorise(LOOPBACK, route, **headers)
        authorise(OPEN, route, **headers)
        for settings in (EXPOSED, CLOSED):
            with pytest.raises(UnauthenticatedError, match="selfheal keys create") as raised:
                authorise(settings, route, **headers)
            assert raised.value.headers == {"www-authenticate": "Bearer"}
    for settings in (LOOPBACK, OPEN, EXPOSED, CLOSED):
        authorise(settings, ("GET", "/health/ready"), **headers)


@for_each([LOOPBACK, OPEN, EXPOSED, CLOSED])
def test_a_key_that_is_not_valid_is_refused_everywhere(settings: dict[str, Any]) -> None:
    secret = SERVE.text.split("_", 2)[2]
    for text in (
        SERVE.text[:-3],
        f"sh_{SERVE.id}",
        "sh_",
        "sh_anything",
        f"sh_{READ.id}_{secret}",
        OLD.text,
        GONE.text,
        SERVE.text + "x",
        f"{SERVE.text},Bearer {SERVE.text}",
        "sh_" + "a" * 1_000_000,
    ):
        with pytest.raises(UnauthenticatedError) as raised:
            authorise(settings, REQUEST, authorization=f"Bearer {text}")
        assert "sh_" not in raised.value.message


@for_each([LOOPBACK, OPEN, EXPOSED, CLOSED])
def test_a_key_is_held_to_its_scopes_everywhere(settings: dict[str, Any]) -> None:
    authorise(settings, REQUEST, **bearer(SERVE))
    authorise(settings, ("GET", "/metrics/"), **bearer(READ))
    for route, key in [
        (REQUEST, READ),
        (("POST", "/v1/chat/completions"), READ),
        (("GET", "/metrics/"), SERVE),
        (("GET", "/api/v1/requests/1"), SERVE),
        (("GET", "/openapi.json"), SERVE),
    ]:
        with pytest.raises(ForbiddenError, match="lacks the scope"):
            authorise(settings, route, **bearer(key))


@for_each([("GET", "/nothing"), ("DELETE", "/api/v1/request"), ("GET", "/v1/models/a/b"),
           ("GET", "/v1/models/"), ("POST", "/healthy"), ("GET", "/API/V1/REQUEST"),
           # What leads around a route that lets /v1 in alone.
           ("GET", "/v1/../api/v1/admin/rollouts"), ("GET", "//api/v1/admin/rollouts"),
           ("GET", "/v1//api/v1/admin/rollouts")])  # fmt: skip
def test_what_no_rule_names_is_for_admin_alone(route: tuple[str, str]) -> None:
    for key in (SERVE, READ):
        with pytest.raises(ForbiddenError, match="nothing under this path"):
            authorise(EXPOSED, route, **bearer(key))
    admin = {SERVE.id: keep(SERVE, "admin")}
    authorise(EXPOSED, route, keys=admin, **bearer(SERVE))


@for_each([LOOPBACK, OPEN, EXPOSED, CLOSED])
def test_a_key_in_the_url_is_refused_and_told_not_to(settings: dict[str, Any]) -> None:
    encoded = SERVE.text.replace("_", "%5F").encode()
    for query in (b"api_key=" + SERVE.text.encode(), b"x=" + encoded, b"a&" + GONE.text.encode()):
        with pytest.raises(UnauthenticatedError, match="Never put a key into a URL") as raised:
            authorise(settings, REQUEST, query=query, **bearer(SERVE))
        assert SERVE.text not in raised.value.message
    for path in (f"/v1/models/{SERVE.text}", f"/health/{SERVE.text[:30]}"):
        with pytest.raises(UnauthenticatedError, match="Never put a key into a URL"):
            authorise(settings, ("GET", path))
    authorise(settings, REQUEST, query=b"api_key=none", **bearer(SERVE))


def test_keys_that_were_never_read_let_nobody_in() -> None:
    for settings in (LOOPBACK, EXPOSED):
        with pytest.raises(KeysUnknownError):
            authorise(settings, REQUEST, keys=None, **bearer(SERVE))
    with pytest.raises(UnauthenticatedError):
        authorise(EXPOSED, REQUEST, keys=None)
    authorise(LOOPBACK, REQUEST, keys=None)


@for_each([
    # age of the keys, key, longest age, whether it serves, what is raised else
    (1.9, SERVE, 60, None),
    (59, SERVE, 60, None),
    (61, SERVE, 60, KeysUnknownError),
    (1.9, SERVE, 0, None),
    (2.1, SERVE, 0, KeysUnknownError),
    (1.9, GONE, 60, UnauthenticatedError),
    (2.1, GONE, 60, KeysUnknownError),
    (61, GONE, 60, KeysUnknownError),
    (2.1, OLD, 60, KeysUnknownError),
])  # fmt: skip
def test_while_the_keys_cannot_be_read_known_ones_serve_and_of_others_nothing_is_known(
    row: tuple[float, Any, float, type[Exception] | None],
) -> None:
    age_seconds, key, longest_seconds, raised = row
    settings = EXPOSED | {"key_max_age_seconds": longest_seconds}
    with pytest.raises(raised) if raised else nullcontext():
        authorise(settings, REQUEST, age_seconds=age_seconds, **bearer(key))


@for_each([{"x_internal_token": "the-token"}, {"authorization": "Bearer the-token"}])
def test_the_systems_own_prometheus_may_read_metrics_and_nothing_else(
    headers: dict[str, str],
) -> None:
    for path in ("/metrics", "/metrics/"):
        authorise(EXPOSED, ("GET", path), **headers)
    for route in (REQUEST, ("GET", "/docs"), ("GET", "/api/v1/requests/1")):
        with pytest.raises(UnauthenticatedError):
            authorise(EXPOSED, route, **headers)


def test_a_key_is_held_to_its_task_types() -> None:
    scope = authorise(LOOPBACK, REQUEST, **bearer(SERVE))
    require_task_type(scope, "poetry")
    with pytest.raises(ForbiddenError, match=r"'code_generation', only for: poetry\."):
        require_task_type(scope, "code_generation")
    assert may_use(authorise(LOOPBACK, REQUEST), "code_generation")
    assert may_use(authorise(LOOPBACK, ("GET", "/docs"), **bearer(READ)), "code_generation")


def test_the_holder_of_a_key_is_a_person_to_the_admin_api() -> None:
    scope = authorise(EXPOSED, ("GET", "/api/v1/admin/condition"), **bearer(READ))
    assert scope["state"]["person"].name == "key:name"
    for route in (("POST", "/api/v1/admin/keys"), ("POST", "/api/v1/admin/runs/1/undo")):
        with pytest.raises(ForbiddenError, match="lacks the scope"):
            authorise(LOOPBACK, route, **bearer(READ))
    authorise(EXPOSED, ("GET", "/api/v1/admin/session"), **bearer(SERVE))
