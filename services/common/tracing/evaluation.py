"""Tells of an answer as a whole: that an agent was asked for it, and what it was worth."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_span_id, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common.evaluation_detail import read_detail
from services.common.schemas import EvaluationResponse
from services.common.tracing.content import mask
from services.common.tracing.telemetry import (
    Telemetry,
    find_telemetry,
    make_tellable,
    name_error,
    name_prompt,
)

EVENT: Final = "gen_ai.evaluation.result"
# What our one score is of.
SCORE_NAME: Final = "quality"
PROVIDER: Final = "selfheal"
MOST_CHARACTERS: Final = 2000

TellEvaluation = Callable[[EvaluationResponse], None]


class AgentInvocation:
    """A request to the agent; nothing is told where nothing is switched on.

    Attributes:
        trace_parent: Names its span, as W3C's `traceparent` does; None where there is none.
    """

    def __init__(self, span: Span | None = None, name: str = "") -> None:
        self._span = span
        self._name = name
        self.trace_parent = _write_parent(span) if span else None

    def tell_prompt(self, version: int | None) -> None:
        """Tell which version of the prompt answered."""
        if self._span and version is not None:
            self._span.set_attributes(name_prompt(self._name, str(version)))


@contextmanager
def invoking_agent(task_type: str, conversation_id: str | None = None) -> Iterator[AgentInvocation]:
    """Tell that the agent of a task type is asked in here."""
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.agent.name": task_type,
    }
    if conversation_id:
        attributes["gen_ai.conversation.id"] = make_tellable(conversation_id)
    with _spanning(f"invoke_agent {task_type}", attributes, kind=SpanKind.CLIENT) as span:
        yield AgentInvocation(span, task_type)


@contextmanager
def evaluating(task_type: str, trace_parent: str | None) -> Iterator[TellEvaluation]:
    """Tell that an answer is scored in here; what it gives is to be told the score.

    Args:
        task_type: The answer's.
        trace_parent: The span of the answer, whose trace this belongs to however late it is; None
            for what has none.
    """
    telemetry = find_telemetry()
    answer = None
    if telemetry and trace_parent:
        answer = TraceContextTextMapPropagator().extract({"traceparent": trace_parent})
    with _spanning(f"evaluate {task_type}", {}, answer) as span:
        if telemetry is None or span is None:
            yield _tell_nobody
        else:
            yield lambda scored: _tell(telemetry, span, answer, scored)


@contextmanager
def healing(task_type: str) -> Iterator[None]:
    """Have the replays of a heal, and what its analyst is asked, belong to one trace."""
    with _spanning(f"heal {task_type}", {"gen_ai.prompt.name": task_type}):
        yield


@contextmanager
def _spanning(
    name: str,
    attributes: dict[str, str],
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Span | None]:
    telemetry = find_telemetry()
    if telemetry is None:
        yield None
        return
    with telemetry.tracer.start_as_current_span(
        name,
        context,
        kind,
        attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attributes(name_error(error))
            span.set_status(Status(StatusCode.ERROR))
            raise


def _tell_nobody(_evaluation: EvaluationResponse) -> None:
    """Tell nothing."""


def _tell(
    telemetry: Telemetry, span: Span, answer: Context | None, evaluation: EvaluationResponse
) -> None:
    detail = read_detail(evaluation.detail)
    # Without content: a judge's words may repeat the answer's, and reasons of rules do.
    said = [f"failed: {', '.join(detail.failed_rules)}" if detail.failed_rules else ""]
    if telemetry.keeps_content:
        said += [*detail.cap_reasons, detail.judge.reason]
    told: dict[str, Any] = {
        "gen_ai.evaluation.name": SCORE_NAME,
        "gen_ai.evaluation.score.value": evaluation.score,
        "gen_ai.evaluation.score.label": "pass" if evaluation.passed else "fail",
        "gen_ai.evaluation.explanation": mask("; ".join(filter(None, said)))[:MOST_CHARACTERS],
        "selfheal.evaluation.fingerprint": detail.evaluator.fingerprint,
        "selfheal.evaluation.judge": make_tellable(detail.judge.name),
        "selfheal.request.id": str(evaluation.request_id),
    }
    told = {name: value for name, value in told.items() if value != ""}
    span.set_attributes(told)
    if telemetry.logger:
        telemetry.logger.emit(
            timestamp=time.time_ns(), event_name=EVENT, context=answer, attributes=told
        )


def _write_parent(span: Span) -> str | None:
    context = span.get_span_context()
    if not context.is_valid:
        return None
    ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags:02x}"
