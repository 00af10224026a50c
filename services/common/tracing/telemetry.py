"""Where spans, events and figures of model calls go, while anything asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Tracer

from services.common.access.keys import mask_keys
from services.common.text import make_storable

if TYPE_CHECKING:
    from opentelemetry._logs import Logger
    from opentelemetry.metrics import Meter

Attributes = Mapping[str, str | int | float | bool]

# The boundaries that the conventions give.
SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
# Counters, and attributes of a span, after `gen_ai.client.inference.usage.` and `gen_ai.usage.`.
INPUT: Final = "input_tokens"
OUTPUT: Final = "output_tokens"
CACHED: Final = "cache_read.input_tokens"
REASONING: Final = "reasoning.output_tokens"
MOST_CHARACTERS: Final = 200


class Figures:
    """The `gen_ai.client.inference` metrics."""

    def __init__(self, meter: "Meter") -> None:
        self._duration, self._first_chunk = (
            meter.create_histogram(
                f"gen_ai.client.inference.{name}",
                unit="s",
                description=description,
                explicit_bucket_boundaries_advisory=SECONDS,
            )
            for name, description in (
                ("duration", "GenAI client inference operation duration."),
                ("time_to_first_chunk", "Time to receive the first chunk of a stream."),
            )
        )
        self._tokens = {
            name: meter.create_counter(f"gen_ai.client.inference.usage.{name}", unit="{token}")
            for name in (INPUT, OUTPUT, CACHED, REASONING)
        }

    def record(
        self,
        call: Attributes,
        seconds: float,
        first_chunk_seconds: float | None,
        tokens: Mapping[str, int],
        error: Attributes,
    ) -> None:
        """Record a call: tokens are counted as 0 where it failed, as the conventions ask."""
        self._duration.record(seconds, {**call, **error})
        if first_chunk_seconds is not None:
            self._first_chunk.record(first_chunk_seconds, call)
        for name, count in ({INPUT: 0, OUTPUT: 0} | dict(tokens)).items():
            # Of what modality tokens are, a chat completion doesn't say.
            self._tokens[name].add(count, {**call, "gen_ai.token.modality": "unknown"})


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What is switched on.

    Attributes:
        tracer: Makes spans; one that does nothing where only figures are asked for.
        logger: Takes events; None where none are exported.
        content_on_spans: Whether spans hold messages, and in what words a judge explains.
        content_on_events: Whether an event holds them, with what else a span has.
    """

    tracer: Tracer
    figures: Figures | None = None
    logger: "Logger | None" = None
    content_on_spans: bool = False
    content_on_events: bool = False

    @property
    def keeps_content(self) -> bool:
        """Whether anything holds content."""
        return self.content_on_spans or self.content_on_events


_switched_on: list[Telemetry] = []


def switch_on(telemetry: Telemetry) -> None:
    """Have everything from now on told."""
    _switched_on[:] = [telemetry]


def switch_off() -> None:
    """Have nothing told any more."""
    _switched_on.clear()


def find_telemetry() -> Telemetry | None:
    """Return what is switched on; None where nothing is, and nothing is to be done."""
    return _switched_on[0] if _switched_on else None


def name_error(error: BaseException) -> dict[str, str]:
    """Name an error by its code, or else by its type; its message may hold content."""
    return {"error.type": str(getattr(error, "code", "") or type(error).__name__)}


def make_tellable(text: str) -> str:
    """Make a name that came from outside fit for an attribute: whole UTF-8, short, no key."""
    return mask_keys(make_storable(text[:MOST_CHARACTERS]))


def name_prompt(name: str, version: str) -> dict[str, str | int]:
    """Name the prompt of a call, for Langfuse too.

    That takes whatever begins with `gen_ai.prompt` for the input, unless its own attribute says
    what that is; content that is captured replaces it.
    """
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
