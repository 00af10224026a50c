"""Calls a model, takes the time, and translates every vendor's exceptions."""

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from services.common.chat.outcome import require_answer
from services.common.chat.usage import read_usage, write_usage
from services.common.errors import ServiceError
from services.common.errors.model import (
    ModelError,
    ModelOutOfTimeError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.failures import CODE_KEYS, explain_failure, read_report
from services.common.llm.retries import read_pause_seconds
from services.common.metering.spending import note_tokens, noting_call
from services.common.resilience.breaker import Breaker
from services.common.resilience.deadline import remaining_seconds
from services.common.text import make_storable


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model said, how long it took, and which model it was."""

    text: str
    model: str
    latency_ms: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


# A chat model, or what stands before one.
AskedModel = Runnable[LanguageModelInput, AIMessage]
Call_contra = TypeVar("Call_contra", contravariant=True)


async def invoke_model(chain: Runnable[Call_contra, AIMessage], call: Call_contra) -> ModelAnswer:
    """Ask a model, or a chain that ends in one; what it answers can be sent and stored.

    Whatever its integration keeps to by itself, it gets no more time than its request has left.

    Raises:
        ModelError: If the provider fails in any way, or what came isn't the model's own answer.
    """
    started = time.perf_counter()
    limit = asyncio.timeout(remaining_seconds())
    try:
        async with limit:
            with noting_call(), translating_vendor_errors():
                message = await chain.ainvoke(call)
    except TimeoutError as error:
        raise ModelOutOfTimeError from error
    spent = read_usage(write_usage(message.usage_metadata))
    note_tokens(spent)
    return ModelAnswer(
        text=make_storable(require_answer(message)),
        model=make_storable(str(message.response_metadata.get("model_name", "unknown"))),
        latency_ms=round((time.perf_counter() - started) * 1000),
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cached_tokens=spent.cached_tokens,
    )


@contextmanager
def translating_vendor_errors() -> Iterator[None]:
    """Turn whatever a vendor's client raises into a `ModelError`; our own errors pass."""
    try:
        yield
    except ServiceError:
        raise
    except TimeoutError as error:
        raise ModelTimeoutError("The model gave no answer in time.") from error
    except Exception as error:  # vendors' exceptions share no base class
        raise translate_vendor_error(error) from error


def translate_vendor_error(error: Exception) -> ModelError:
    """Read a vendor's exception by its status and codes, and what it holds of the reply's body."""
    status = getattr(error, "status_code", None)
    name = type(error).__name__
    if not isinstance(status, int) or status < HTTPStatus.BAD_REQUEST:
        return ModelError(f"The model failed ({name}).")
    said = [{key: getattr(error, key, None) for key in CODE_KEYS}, getattr(error, "body", None)]
    failure = explain_failure(read_report(status, said), f"(it raised {name})")
    tell_pause(failure, read_pause_seconds(_headers_of(error)))
    return failure


def tell_pause(failure: ModelError, seconds: float | None) -> None:
    """Have a failure that may pass say when, where the provider said it."""
    may_pass = isinstance(failure, ModelRateLimitedError | ModelUnavailableError)
    if may_pass and seconds is not None and math.isfinite(seconds):
        failure.headers["retry-after"] = str(math.ceil(seconds))


def _headers_of(error: Exception) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def find_breaker(model: AskedModel) -> Breaker | None:
    """Find the breaker of a model's provider; None where nothing guards it."""
    guard = getattr(model, "guard", None)
    breaker: Breaker | None = guard.breaker if guard else None
    return breaker


async def close_model(model: Runnable[Any, AIMessage]) -> None:
    """Close a model's connections, where it holds any of its own."""
    close = getattr(model, "aclose", None)
    if close is not None:
        await close()
