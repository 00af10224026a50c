"""Where spans, events and figures of model calls go; nowhere, unless something asks for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from opentelemetry._logs import Logger, NoOpLogger
from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer

from services.common.access.keys import mask_keys
from services.common.chat import usage
from services.common.text import make_storable

Signal = Literal["traces", "logs", "metrics"]

MOST_CHARACTERS: Final = 200
METRIC: Final = "gen_ai.client.inference"
# The boundaries that the conventions give.
SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
# Counters, attributes of a span, and where in a chat completion's usage they are.
USAGE: Final = {
    "input_tokens": usage.READ,
    "output_tokens": usage.WRITTEN,
    "cache_read.input_tokens": usage.CACHED,
    "reasoning.output_tokens": usage.REASONING,
}


class Figures:
    """The metrics of model calls: durations in seconds, and counters of tokens."""

    def __init__(self, meter: Meter) -> None:
        self.duration, self.time_to_first_chunk = (
            meter.create_histogram(
                f"{METRIC}.{name}", unit="s", explicit_bucket_boundaries_advisory=SECONDS
            )
            for name in ("duration", "time_to_first_chunk")
        )
        self.tokens = {
            name: meter.create_counter(f"{METRIC}.usage.{name}", unit="{token}") for name in USAGE
        }


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What is switched on.

    Attributes:
        content: What holds messages, as the standard switch says: `NO_CONTENT`, or what has SPAN
            or EVENT in its name.
    """

    tracer: Tracer
    figures: Figures | None
    logger: Logger
    content: str = "NO_CONTENT"


OFF: Final = Telemetry(NoOpTracer(), None, NoOpLogger(""))
_telemetry = [OFF]


def switch(telemetry: Telemetry) -> None:
    """Have everything from now on told there."""
    _telemetry[0] = telemetry


def find_telemetry() -> Telemetry:
    """Return what is switched on; `OFF` where nothing is, and nothing is to be done."""
    return _telemetry[0]


@contextmanager
def spanning(
    name: str,
    attributes: Mapping[str, Any],
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Span]:
    """Tell of what is done in here; of an error only what names it."""
    with find_telemetry().tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            tell_error(span, error)
            raise


def tell_error(span: Span, error: BaseException) -> dict[str, str]:
    """Tell of an error by its code, or else by its type; its message may hold content."""
    told = {"error.type": str(getattr(error, "code", "") or type(error).__name__)}
    span.set_attributes(told)
    span.set_status(Status(StatusCode.ERROR))
    return told


def make_tellable(text: str) -> str:
    """Make a name that came from outside fit for an attribute: whole UTF-8, short, no key."""
    return mask_keys(make_storable(text[:MOST_CHARACTERS]))


def name_prompt(name: str, version: str) -> dict[str, str | int]:
    """Name the prompt of a call; for Langfuse too, which takes `gen_ai.prompt.*` for the input."""
    told: dict[str, str | int] = {
        "gen_ai.prompt.name": make_tellable(name),
        "langfuse.observation.prompt.name": make_tellable(name),
        "langfuse.observation.input": "(not captured)",
    }
    if version:
        told["gen_ai.prompt.version"] = version
    if version.isdecimal():
        told["langfuse.observation.prompt.version"] = int(version)
    return told
