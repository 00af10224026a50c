import json
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.common.web import MAX_BODY_BYTES

Probe = Callable[..., Awaitable[httpx.AsyncClient]]

JSON = {"Content-Type": "application/json"}
ID = "11111111-2222-4333-8444-555555555555"
GOOD_BODY = {"user_input": "Write a function to sort a list", "task_type": "code_generation"}


def assert_is_error(response: httpx.Response, status: int, code: str) -> None:
    """Every failure: this status, JSON with a code, a sentence and the request's id."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["code"] == code
    assert body["message"]
    assert body["request_id"] == response.headers["x-request-id"]
    UUID(body["request_id"])


async def post(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/api/v1/echo", content=content, headers=JSON | names)


async def test_health_says_that_the_process_lives_and_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "service": "probe",
        "version": version("self-healing-agent-system"),
    }


@pytest.mark.parametrize(
    ("obstacle", "status", "told"),
    [
        ("", 200, {"status": "ready"}),
        ("The moon is full.", 503, {"status": "not_ready", "problem": "The moon is full."}),
    ],
)
async def test_readiness_is_apart_from_liveness_and_says_why_not(
    probe: Probe, obstacle: str, status: int, told: dict[str, str]
) -> None:
    async def find_obstacle() -> str:
        return obstacle

    client = await probe(find_obstacle=find_obstacle)
    response = await client.get("/health/ready")

    assert (response.status_code, response.json()) == (status, {"service": "probe", **told})
    assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
async def test_metrics_are_prometheus_text_under_both_paths(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"agent_requests", "agent_request_duration_seconds"} <= names


async def test_what_metrics_must_ask_for_is_asked_at_each_scrape(probe: Probe) -> None:
    scrapes = []

    async def note_scrape() -> None:
        scrapes.append(len(scrapes))

    client = await probe(before_scrape=note_scrape)
    await client.get("/metrics")
    await client.get("/metrics/")

    assert scrapes == [0, 1]


async def count_requests(client: httpx.AsyncClient) -> dict[str, float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return {
        sample.labels["status"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "agent_requests_total" and sample.labels["service"] == "probe"
    }


async def test_both_series_of_requests_are_there_before_the_first(
    client: httpx.AsyncClient,
) -> None:
    assert await count_requests(client) == {"success": 0, "error": 0}


async def test_api_requests_are_counted_by_outcome_and_others_are_not(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/api/v1/echo", json=GOOD_BODY)
    for path in ("/api/v1/break", "/api/v1/refuse", "/api/v1/nowhere"):
        await client.get(path)
    for path in ("/health", "/health/ready", "/metrics", "/nowhere"):
        await client.get(path)

    assert await count_requests(client) == {"success": 1, "error": 3}


@pytest.mark.parametrize(
    "sent", [ID, ID.upper(), ID.replace("-", "")], ids=["canonical", "upper case", "no dashes"]
)
async def test_a_request_id_that_is_a_uuid_is_kept(client: httpx.AsyncClient, sent: str) -> None:
    response = await post(client, json.dumps(GOOD_BODY).encode(), X_Request_ID=sent)

    assert response.headers["x-request-id"] == ID


@pytest.mark.parametrize("sent", ["", "42", "not-a-uuid", "x" * 5000, f"{ID}\t{ID}", "é"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", sent.encode("latin-1"))]
    response = await client.post("/api/v1/echo", json=GOOD_BODY, headers=headers)

    assert response.status_code == 200
    assert response.headers["x-request-id"] != sent
    assert UUID(response.headers["x-request-id"]).version == 4


async def test_requests_without_an_id_get_different_ones(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("GET", "/%00%ff", 404, "not_found"),
        ("POST", "/api/v2/echo", 404, "not_found"),
        ("GET", "/api/v1/echo", 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
        ("POST", "/metrics", 405, "method_not_allowed"),
        ("PATCH", "/metrics/", 405, "method_not_allowed"),
        ("GET", "/api/v1/refuse", 422, "invalid_request"),
        ("GET", "/api/v1/unknown", 404, "unknown_task_type"),
        ("GET", "/api/v1/break", 500, "internal_error"),
    ],
)
async def test_every_failure_is_json_with_code_message_and_request_id(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    assert_is_error(await client.request(method, path), status, code)


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/echo")).headers["allow"] == "POST"


async def test_an_error_tells_what_it_knows_beside_the_three(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/unknown")).json()

    assert body["task_type"] == "poetry"
    assert body["known_task_types"] == ["code_generation"]
    assert "code_generation" in body["message"]


async def test_an_unexpected_error_is_logged_whole_and_answered_without_details(
    client: httpx.AsyncClient, log_entries: list[dict[str, Any]]
) -> None:
    response = await client.get("/api/v1/break")

    assert_is_error(response, 500, "internal_error")
    assert "sk-123" not in response.text
    assert "RuntimeError" not in response.text
    [entry] = [entry for entry in log_entries if entry["event"] == "unexpected_error"]
    assert entry["path"] == "/api/v1/break"
    assert isinstance(entry["exc_info"], RuntimeError)


NO_JSON = [
    pytest.param(b"", id="empty"),
    pytest.param(b" \n", id="blank"),
    pytest.param(b'{"user_input": oops', id="broken"),
    pytest.param(b'{"user_input": "x", "task_type": "t"} trailing', id="trailing text"),
    pytest.param(b"\xff\xfe\x00", id="no text at all"),
    pytest.param(b'{"user_input": "\xff", "task_type": "t"}', id="invalid UTF-8"),
    pytest.param(b'{"user_input": "\xed\xa0\x80", "task_type": "t"}', id="surrogate in UTF-8"),
    pytest.param(b"[" * 100_000, id="100,000 open brackets"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 nested arrays"),
    pytest.param(b'{"a":' * 40_000 + b"1" + b"}" * 40_000, id="40,000 nested objects"),
    pytest.param(
        b'{"user_input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="nested arrays in a field"
    ),
    pytest.param(b"1" * 5_000, id="a number of 5,000 digits"),
]
NO_REQUEST = [
    pytest.param(b"[]", id="array"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"text"', id="string"),
    pytest.param(b"1", id="number"),
    pytest.param(b"true", id="boolean"),
    pytest.param(b"{}", id="no field"),
    pytest.param(b'{"user_input": "x"}', id="one field missing"),
    pytest.param(b'{"user_input": NaN, "task_type": "t"}', id="NaN in a field"),
    pytest.param(b'{"user_input": "x", "task_type": "t", "z": NaN}', id="NaN beside the fields"),
    pytest.param(b'{"user_input": "x", "task_type": "t", "z": [-Infinity]}', id="infinity"),
    pytest.param(b'{"user_input": "a\\ud800", "task_type": "t"}', id="a lone high surrogate"),
    pytest.param(b'{"user_input": "\\udc00b", "task_type": "t"}', id="a lone low surrogate"),
    pytest.param(b'{"user_input": "x", "task_type": "\\ud800"}', id="a surrogate as task type"),
    pytest.param(b'{"user_input": "a\\u0000", "task_type": "t"}', id="a NUL"),
    pytest.param(b'{"user_input": ["x"], "task_type": "t"}', id="array for text"),
    pytest.param(b'{"user_input": {"$gt": ""}, "task_type": "t"}', id="object for text"),
]


@pytest.mark.parametrize("content", [*NO_JSON, *NO_REQUEST])
async def test_a_body_that_is_no_request_is_the_clients_error(
    client: httpx.AsyncClient, content: bytes
) -> None:
    response = await post(client, content)

    assert response.status_code in {400, 422}
    assert_is_error(response, response.status_code, "invalid_request")


async def test_an_emoji_in_two_escapes_is_one_character(client: httpx.AsyncClient) -> None:
    response = await post(client, b'{"user_input": "\\ud83d\\ude00", "task_type": "t"}')

    assert response.json() == {"user_input": "😀"}


async def test_the_words_nan_and_infinity_are_text_like_any_other(
    client: httpx.AsyncClient,
) -> None:
    text = "Is NaN equal to NaN? Is -Infinity?"
    response = await client.post("/api/v1/echo", json={"user_input": text, "task_type": "t"})

    assert response.json() == {"user_input": text}


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ({"task_type": "t"}, "user_input", "Field required"),
        ({"user_input": "x" * 20_001, "task_type": "t"}, "user_input", "at most 20000 characters"),
        ({"user_input": "", "task_type": "t"}, "user_input", "at least 1 character"),
        ({"user_input": " ", "task_type": "t"}, "user_input", "must not be blank"),
        ({"user_input": "x", "task_type": "t" * 65}, "task_type", "at most 64 characters"),
        ({"user_input": 1, "task_type": "t"}, "user_input", "valid string"),
    ],
)
async def test_an_invalid_request_is_told_which_field_and_why(
    client: httpx.AsyncClient, body: dict[str, object], field: str, problem: str
) -> None:
    answer = (await client.post("/api/v1/echo", json=body)).json()

    [entry] = answer["problems"]
    assert entry["field"] == field
    assert problem in entry["problem"]
    assert f"{field}: " in answer["message"]


async def test_broken_json_is_a_problem_of_the_body_not_of_a_number(
    client: httpx.AsyncClient,
) -> None:
    [entry] = (await post(client, b'{"user_input": oops')).json()["problems"]

    assert entry["field"] == "body"


async def test_an_error_never_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    body = {"user_input": ["a password: hunter2"], "task_type": "hunter2" * 20}
    response = await client.post("/api/v1/echo", json=body)

    assert_is_error(response, 422, "invalid_request")
    assert "hunter2" not in response.text


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"],
)
async def test_another_content_type_is_told_what_to_send(
    client: httpx.AsyncClient, content_type: str
) -> None:
    response = await post(client, json.dumps(GOOD_BODY).encode(), Content_Type=content_type)

    assert_is_error(response, 415, "unsupported_media_type")
    assert "application/json" in response.json()["message"]


async def test_a_body_without_a_content_type_is_told_what_to_send(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/api/v1/echo", content=json.dumps(GOOD_BODY))

    assert_is_error(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/a+json",
    ],
)
async def test_every_spelling_of_the_json_content_type_is_taken(
    client: httpx.AsyncClient, content_type: str
) -> None:
    response = await post(client, json.dumps(GOOD_BODY).encode(), Content_Type=content_type)

    assert response.status_code == 200


def body_of(size: int) -> bytes:
    """A request of exactly `size` bytes, padded with white space that JSON allows."""
    return json.dumps(GOOD_BODY).encode().ljust(size)


async def in_chunks(content: bytes, size: int = 4096) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("streamed", [False, True], ids=["declared", "streamed"])
async def test_a_body_at_the_limit_is_served(client: httpx.AsyncClient, streamed: bool) -> None:
    content = body_of(MAX_BODY_BYTES)
    response = await client.post(
        "/api/v1/echo", content=in_chunks(content) if streamed else content, headers=JSON
    )

    assert response.status_code == 200


@pytest.mark.parametrize("streamed", [False, True], ids=["declared", "streamed"])
async def test_a_body_over_the_limit_is_413(client: httpx.AsyncClient, streamed: bool) -> None:
    content = body_of(MAX_BODY_BYTES + 1)
    response = await client.post(
        "/api/v1/echo", content=in_chunks(content) if streamed else content, headers=JSON
    )

    assert_is_error(response, 413, "request_too_large")
    assert str(MAX_BODY_BYTES) in response.json()["message"]
    assert await count_requests(client) == {"success": 0, "error": 1}


async def test_a_body_that_declares_too_much_is_refused_unread(client: httpx.AsyncClient) -> None:
    reads = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            reads.append(1)
            yield b"x" * 1024

    headers = JSON | {"Content-Length": str(MAX_BODY_BYTES + 1)}
    response = await client.post("/api/v1/echo", content=endless(), headers=headers)

    assert_is_error(response, 413, "request_too_large")
    assert not reads


async def test_an_endless_body_is_read_no_further_than_the_limit(
    client: httpx.AsyncClient,
) -> None:
    reads = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            reads.append(1)
            yield b" " * 65_536

    response = await client.post("/api/v1/echo", content=endless(), headers=JSON)

    assert_is_error(response, 413, "request_too_large")
    assert len(reads) <= MAX_BODY_BYTES // 65_536 + 1


async def test_a_service_may_take_larger_bodies(probe: Probe) -> None:
    client = await probe(max_body_bytes=2 * MAX_BODY_BYTES)

    assert (await post(client, body_of(MAX_BODY_BYTES + 1))).status_code == 200


async def test_the_interface_is_documented_with_its_limits(client: httpx.AsyncClient) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]

    properties = schemas["AgentRequest"]["properties"]
    assert properties["user_input"]["maxLength"] == 20_000
    assert properties["task_type"]["maxLength"] == 64


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/openapi.json"])
async def test_head_is_answered_as_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    got, headed = await client.get(path), await client.head(path)
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-type"] == got.headers["content-type"]


async def test_head_is_no_way_around_a_refused_method(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.head("/api/v1/echo")).status_code == 405
