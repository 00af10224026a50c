import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from services.common.access.keys import generate_key
from services.common.logging import configure_logging, mask_secrets

ReadEntries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_entries() -> None:
    """Here the logs go where they go in a service."""


@pytest.fixture
def read_entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadEntries]:
    """Configures logging as a service does; gives what was logged, a dictionary a line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        configure_logging("worker", "INFO")

    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def make_logger() -> structlog.typing.FilteringBoundLogger:
    """A logger of the test's own: the modules' keep the configuration they first meet."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def test_an_event_is_one_json_object_on_one_line(read_entries: ReadEntries) -> None:
    make_logger().info("task_performed", task_type="코드", text='line 1\nline 2 "quoted"')

    [entry] = read_entries()
    assert entry["event"] == "task_performed"
    assert entry["task_type"] == "코드"
    assert entry["text"] == 'line 1\nline 2 "quoted"'
    assert (entry["service"], entry["level"]) == ("worker", "info")
    assert datetime.fromisoformat(entry["timestamp"]).utcoffset() is not None


def test_what_is_below_the_level_is_not_logged(read_entries: ReadEntries) -> None:
    make_logger().debug("detail")
    make_logger().warning("news")

    assert [entry["event"] for entry in read_entries()] == ["news"]


def test_the_requests_id_is_in_every_entry(read_entries: ReadEntries) -> None:
    with structlog.contextvars.bound_contextvars(request_id="11111111"):
        make_logger().info("first")
        make_logger().info("second")

    assert [entry["request_id"] for entry in read_entries()] == ["11111111", "11111111"]


def test_what_libraries_log_is_json_too(read_entries: ReadEntries) -> None:
    logging.getLogger("some.library").warning("it is %s", "late")
    logging.getLogger("some.library").info("it is early")

    [entry] = read_entries()
    assert (entry["event"], entry["service"], entry["level"]) == ("it is late", "worker", "warning")


def test_an_exception_is_logged_with_its_traceback_but_not_with_its_locals(
    read_entries: ReadEntries,
) -> None:
    def fail() -> None:
        hidden = "sk-" + "local"
        raise RuntimeError(f"failed with {len(hidden)} characters")

    try:
        fail()
    except RuntimeError as error:
        make_logger().error("unexpected_error", exc_info=error)

    [entry] = read_entries()
    assert "failed with 8 characters" in entry["exception"]
    assert "in fail" in entry["exception"]
    assert "sk-local" not in entry["exception"]


SECRET_FIELDS = [
    "api_key",
    "llm_api_key",
    "LLM_API_KEY",
    "password",
    "internal_token",
    "X_Internal_Token",
    "client_secret",
    "Authorization",
    "database_url",
]


@pytest.mark.parametrize("name", SECRET_FIELDS)
def test_a_field_that_names_a_secret_is_masked(read_entries: ReadEntries, name: str) -> None:
    make_logger().info("configured", **{name: "hunter2"})
    with structlog.contextvars.bound_contextvars(**{name: "hunter2"}):
        make_logger().info("configured")

    assert [entry[name] for entry in read_entries()] == ["***", "***"]


@pytest.mark.parametrize(
    "name", ["input_tokens", "token_count", "secretary", "task_type", "password_file_path"]
)
def test_other_fields_are_left_alone(name: str) -> None:
    assert mask_secrets(None, "info", {name: "value"}) == {name: "value"}


def test_a_key_is_masked_in_whatever_field_it_stands() -> None:
    key = generate_key().text
    entry = mask_secrets(None, "info", {"path": f"/v1/models/{key}", "seconds": 3})
    assert entry == {"path": "/v1/models/sh_***", "seconds": 3}


@pytest.mark.parametrize("value", ["hunter2", {"nested": "hunter2"}, ["hunter2"], b"hunter2", 7])
def test_a_secret_of_any_type_is_masked(value: object) -> None:
    assert mask_secrets(None, "info", {"password": value}) == {"password": "***"}


def test_an_entry_within_a_span_names_it(read_entries: ReadEntries) -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        make_logger().info("within")
    make_logger().info("without")

    within, without = read_entries()
    context = span.get_span_context()
    assert int(within["trace_id"], 16) == context.trace_id
    assert int(within["span_id"], 16) == context.span_id
    assert (len(within["trace_id"]), len(within["span_id"])) == (32, 16)
    assert "trace_id" not in without
