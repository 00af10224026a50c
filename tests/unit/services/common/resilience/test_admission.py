import json
from typing import Any

import pytest
from starlette.types import Message, Scope

from services.common.errors import OverloadedError
from services.common.metrics import ServiceMetrics
from services.common.middleware import RequestContextMiddleware
from services.common.resilience.admission import Admission
from services.common.resilience.ranks import Rank, current_rank

CHAT = "/v1/chat/completions"
WORK = "/api/v1/request"


def scope_of(path: str, purpose: str = "") -> Scope:
    headers = [(b"x-selfheal-purpose", purpose.encode())] if purpose else []
    return {"type": "http", "method": "POST", "path": path, "headers": headers}


@pytest.fixture
def metrics() -> ServiceMetrics:
    return ServiceMetrics("probe")


@pytest.fixture
def full(metrics: ServiceMetrics) -> Admission:
    """The admission of a service that has no place for anything."""
    bounds = {path: {"provider": lambda _rank: False} for path in (CHAT, WORK)}
    return Admission(metrics.count_refusal, bounds)


def count_refusals(metrics: ServiceMetrics, reason: str) -> float:
    labels = {"service": "probe", "reason": reason}
    return metrics.registry.get_sample_value("agent_refusals_total", labels) or 0


@pytest.mark.parametrize("path", [CHAT, WORK])
def test_what_there_is_no_place_for_is_refused_and_counted(
    path: str, full: Admission, metrics: ServiceMetrics
) -> None:
    with pytest.raises(OverloadedError):
        full.admit(scope_of(path))
    assert count_refusals(metrics, "provider") == 1


def test_where_the_event_loop_is_late_requests_are_refused(
    metrics: ServiceMetrics, log_entries: list[dict[str, Any]]
) -> None:
    admission = Admission(metrics.count_refusal)
    admission.loop_delay.refused_share = 1
    for _ in range(3):
        with pytest.raises(OverloadedError):
            admission.admit(scope_of("/api/v1/requests/1"))

    assert count_refusals(metrics, "event_loop") == 3
    # Told once, since logging each would cost more than refusing it.
    assert [entry["event"] for entry in log_entries] == ["requests_refused"]


@pytest.mark.parametrize(
    "path", ["/health", "/health/ready", "/metrics", "/metrics/", "/api/v1/admin/me", "/"]
)
def test_health_metrics_and_those_who_put_things_right_always_pass(
    path: str, full: Admission
) -> None:
    full.loop_delay.refused_share = 1
    full.admit(scope_of(path))


@pytest.mark.parametrize(
    ("purpose", "rank"),
    [
        ("", Rank.LIVE),
        ("live", Rank.LIVE),
        ("trial", Rank.LIVE),
        ("scoring", Rank.SCORING),
        ("replay", Rank.REPLAY),
        ("first", Rank.LIVE),
    ],
)
def test_a_request_has_the_rank_of_its_purpose(
    purpose: str, rank: Rank, metrics: ServiceMetrics
) -> None:
    asked: list[Rank] = []
    bounds = {WORK: {"provider": lambda rank: asked.append(rank) is None}}
    Admission(metrics.count_refusal, bounds).admit(scope_of(WORK, purpose))

    assert asked == [rank]
    assert current_rank.get() is rank


@pytest.mark.parametrize("path", [CHAT, WORK])
async def test_a_refusal_is_told_in_the_shape_that_the_paths_clients_read(
    path: str, full: Admission, metrics: ServiceMetrics
) -> None:
    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        raise AssertionError("it was let through")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("its body was read")

    middleware = RequestContextMiddleware(
        serve,
        metrics=metrics,
        authorise=lambda _scope: None,
        max_body_bytes=1,
        admission=full,
    )
    await middleware(scope_of(path), receive, send)

    start, body = sent
    told = json.loads(body["body"])
    assert start["status"] == 503
    assert 1 <= int(dict(start["headers"])[b"retry-after"]) <= 3
    if path == CHAT:
        told = told["error"]
        assert (told["type"], told["param"]) == ("server_error", None)
    assert told["code"] == "overloaded"
