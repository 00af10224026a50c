"""Worker and Evaluator beyond loopback: the token, or nobody."""

from typing import Any

import pytest
from pydantic import SecretStr
from support.rows import for_each

from services.common.access.networks import UnprotectedError
from services.common.errors import UnauthenticatedError
from services.common.internal_token import create_token_check
from services.common.settings.process import ServiceSettings

TOKEN = SecretStr("the-token")


def make(**values: object) -> ServiceSettings:
    return ServiceSettings(_env_file=None, **values)  # type: ignore[arg-type, call-arg]


def scope(path: str = "/api/v1/task", **headers: str) -> dict[str, Any]:
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "path": path, "headers": pairs}


def test_without_a_token_it_refuses_to_start_and_says_what_makes_one() -> None:
    with pytest.raises(UnprotectedError, match="selfheal migrate --internal-token-file") as raised:
        create_token_check(make(bind_host="0.0.0.0"), None)
    assert "BIND_HOST is 0.0.0.0" in raised.value.message
    with pytest.raises(UnprotectedError, match="published on 192"):
        create_token_check(make(published_host="192.0.2.1"), SecretStr(""))


@for_each(
    [
        {"bind_host": "127.0.0.1"},
        {"bind_host": "0.0.0.0", "published_host": "127.0.0.1"},
        {"bind_host": "0.0.0.0", "allow_open": "yes-i-know"},
    ]
)
def test_on_loopback_or_where_that_is_meant_everybody_is_let_in(values: dict[str, str]) -> None:
    for token in (None, TOKEN):
        create_token_check(make(**values), token)(scope())


@for_each(
    [
        {"x_internal_token": "the-token"},
        {"authorization": "Bearer the-token"},
        {"authorization": "bearer the-token"},
    ]
)
def test_the_token_lets_in(headers: dict[str, str]) -> None:
    check = create_token_check(make(bind_host="0.0.0.0"), TOKEN)
    for path in ("/api/v1/task", "/metrics/"):
        check(scope(path, **headers))


@for_each(
    [
        {},
        {"x_internal_token": ""},
        {"x_internal_token": "the-toke"},
        {"x_internal_token": "the-token2"},
        {"x_internal_token": "THE-TOKEN"},
        {"authorization": "the-token"},
        {"authorization": "Basic the-token"},
        {"x_internal_token": "\u00e9"},
    ]
)
def test_nothing_else_lets_in(headers: dict[str, str]) -> None:
    check = create_token_check(make(bind_host="0.0.0.0"), TOKEN)
    for path in ("/api/v1/task", "/metrics", "/docs", "/nothing", "/healthy", "/health.txt"):
        with pytest.raises(UnauthenticatedError):
            check(scope(path, **headers))
    for path in ("/health", "/health/ready"):
        check(scope(path, **headers))
