"""Tells of an answer as a whole: that an agent was asked for it, and what it was worth."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common.evaluation_detail import read_detail
from services.common.schemas import EvaluationResponse
from services.common.tracing.content import mask
from services.common.tracing.telemetry import (
    OFF,
    find_telemetry,
    make_tellable,
    name_prompt,
    spanning,
)

MOST_CHARACTERS: Final = 2000
PROPAGATOR: Final = TraceContextTextMapPropagator()


class AgentInvocation:
    """A request to the agent.

    Attributes:
        trace_parent: Names its span, as W3C's `traceparent` does; None where there is none.
    """

    def __init__(self, span: Span, name: str) -> None:
        self._span = span
        self._name = name
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, set_span_in_context(span))
        self.trace_parent = carrier.get("traceparent")

    def tell_prompt(self, version: int | None) -> None:
        """Tell which version of the prompt answered."""
        if version is not None:
            self._span.set_attributes(name_prompt(self._name, str(version)))


@contextmanager
def invoking_agent(task_type: str, conversation_id: str | None = None) -> Iterator[AgentInvocation]:
    """Tell that the agent of a task type is asked in here."""
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "selfheal",
        "gen_ai.agent.name": task_type,
    }
    if conversation_id:
        attributes["gen_ai.conversation.id"] = make_tellable(conversation_id)
    with spanning(f"invoke_agent {task_type}", attributes, kind=SpanKind.CLIENT) as span:
        yield AgentInvocation(span, task_type)


@contextmanager
def evaluating(
    task_type: str, trace_parent: str | None
) -> Iterator[Callable[[EvaluationResponse], None]]:
    """Tell that an answer is scored in here; what it gives is to be told the score.

    It belongs to the trace of its answer, however late it is: to the span `trace_parent`.
    """
    answer = PROPAGATOR.extract({"traceparent": trace_parent}) if trace_parent else None
    with spanning(f"evaluate {task_type}", {}, answer) as span:
        yield partial(_tell, span, answer)


def healing(task_type: str) -> AbstractContextManager[Span]:
    """Have the replays of a heal, and what its analyst is asked, belong to one trace."""
    return spanning(f"heal {task_type}", {"gen_ai.prompt.name": task_type})


def _tell(span: Span, answer: Context | None, evaluation: EvaluationResponse) -> None:
    telemetry = find_telemetry()
    if telemetry is OFF:
        return
    detail = read_detail(evaluation.detail)
    # Without content: a judge's words may repeat the answer's, and reasons of rules do.
    said = [f"failed: {', '.join(detail.failed_rules)}" if detail.failed_rules else ""]
    if telemetry.content != OFF.content:
        said += [*detail.cap_reasons, detail.judge.reason]
    told: dict[str, Any] = {
        # What our one score is of.
        "gen_ai.evaluation.name": "quality",
        "gen_ai.evaluation.score.value": evaluation.score,
        "gen_ai.evaluation.score.label": "pass" if evaluation.passed else "fail",
        "gen_ai.evaluation.explanation": mask("; ".join(filter(None, said)))[:MOST_CHARACTERS],
        "selfheal.evaluation.fingerprint": detail.evaluator.fingerprint,
        "selfheal.evaluation.judge": make_tellable(detail.judge.name),
        "selfheal.request.id": str(evaluation.request_id),
    }
    told = {name: value for name, value in told.items() if value != ""}
    span.set_attributes(told)
    telemetry.logger.emit(
        timestamp=time.time_ns(),
        event_name="gen_ai.evaluation.result",
        context=answer,
        attributes=told,
    )
