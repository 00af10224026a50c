"""Structured logs: one JSON object a line, with the request's id and the trace's."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from opentelemetry import trace

from services.common.access.keys import mask_keys

MASK = "***"
SECRET_NAMES = ("api_key", "password", "token", "secret", "authorization", "database_url")


def mask_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank out every field whose name says that it holds a secret, and keys in the others."""
    for name, value in event.items():
        if name.lower().endswith(SECRET_NAMES):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = mask_keys(value)
    return event


def add_trace_ids(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the ids of the current OpenTelemetry span, where tracing is on."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format(context.trace_id, "032x")
        event["span_id"] = format(context.span_id, "016x")
    return event


def configure_logging(service: str, level: str) -> None:
    """Send this process's logs, and those of the libraries it uses, to stdout as JSON."""

    def name_the_service(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        name_the_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        add_trace_ids,
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose events are snake_case and whose fields are key-values."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def name_error(error: Exception) -> dict[str, str]:
    """Name an exception's type and place for a log; its message may repeat what is secret."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return {"error": type(error).__name__, "place": f"{Path(place.filename).name}:{place.lineno}"}
