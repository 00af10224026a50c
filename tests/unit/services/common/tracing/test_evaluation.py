from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from services.common.errors import UpstreamTimeoutError
from services.common.schemas import EvaluationResponse
from services.common.tracing.evaluation import evaluating, healing, invoking_agent
from services.common.tracing.telemetry import OFF, switch

if TYPE_CHECKING:
    from conftest import Heard

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def make_evaluation(**changes: Any) -> EvaluationResponse:
    detail = {
        "rules": [{"name": "examples", "outcome": "failed", "reason": "gave 'user 7'"}],
        "judge": {"name": "openai:gpt-9", "reason": "It greets user 7."},
        "evaluator": {"fingerprint": "f1"},
    }
    values = {"request_id": UUID(int=1), "score": 0.25, "passed": False, "detail": detail}
    return EvaluationResponse.model_validate(values | changes)


TOLD = {
    "gen_ai.evaluation.name": "quality",
    "gen_ai.evaluation.score.value": 0.25,
    "gen_ai.evaluation.score.label": "fail",
    "gen_ai.evaluation.explanation": "failed: examples",
    "selfheal.evaluation.fingerprint": "f1",
    "selfheal.evaluation.judge": "openai:gpt-9",
    "selfheal.request.id": str(UUID(int=1)),
}


def test_an_answer_is_an_invocation_of_an_agent(heard: "Heard") -> None:
    with invoking_agent("code_generation", "s-1") as agent:
        agent.tell_prompt(4)
    (span,) = heard.spans
    context = span.context
    assert context is not None
    assert (span.name, span.kind) == ("invoke_agent code_generation", SpanKind.CLIENT)
    assert heard.span == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "selfheal",
        "gen_ai.agent.name": "code_generation",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.prompt.name": "code_generation",
        "gen_ai.prompt.version": "4",
        "langfuse.observation.prompt.name": "code_generation",
        "langfuse.observation.prompt.version": 4,
        "langfuse.observation.input": "(not captured)",
    }
    trace_id, span_id = format_trace_id(context.trace_id), format_span_id(context.span_id)
    assert agent.trace_parent == f"00-{trace_id}-{span_id}-{context.trace_flags:02x}"


def test_a_score_is_an_event_of_the_span_of_its_answer_however_late_it_is(heard: "Heard") -> None:
    with evaluating("code_generation", PARENT) as tell:
        tell(make_evaluation())
    (event,), (span,) = heard.events, heard.spans
    assert event.event_name == "gen_ai.evaluation.result"
    assert f"{event.trace_id:032x}-{event.span_id:016x}" == PARENT[3:-3]
    assert event.attributes == TOLD
    assert (span.name, heard.span) == ("evaluate code_generation", TOLD)
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" == PARENT[3:-3]


def test_reasons_are_told_where_content_is(heard: "Heard") -> None:
    heard.listen("SPAN_ONLY")
    with evaluating("code_generation", PARENT) as tell:
        tell(make_evaluation())
    assert heard.span["gen_ai.evaluation.explanation"] == "failed: examples; It greets user 7."


def test_a_score_without_reasons_has_no_explanation(heard: "Heard") -> None:
    with evaluating("code_generation", PARENT) as tell:
        tell(make_evaluation(score=1, passed=True, detail={}))
    assert heard.span["gen_ai.evaluation.score.label"] == "pass"
    assert "gen_ai.evaluation.explanation" not in heard.span
    assert "selfheal.evaluation.fingerprint" not in heard.span


def test_an_answer_that_is_unscored_has_no_event(heard: "Heard") -> None:
    with pytest.raises(UpstreamTimeoutError), evaluating("code_generation", PARENT):
        raise UpstreamTimeoutError(upstream="evaluator", seconds=1)
    (span,) = heard.spans
    assert not heard.events
    assert span.status.status_code is StatusCode.ERROR
    assert heard.span == {"error.type": "evaluator_failed"}


def test_an_answer_that_was_not_traced_is_scored_in_a_trace_of_its_own(heard: "Heard") -> None:
    with evaluating("code_generation", None) as tell:
        tell(make_evaluation())
    assert heard.spans[0].parent is None
    (event,) = heard.events
    assert event.trace_id == heard.spans[0].context.trace_id  # type: ignore[union-attr]


def test_what_a_heal_asks_is_one_trace(heard: "Heard") -> None:
    with healing("code_generation"), invoking_agent("code_generation"):
        pass
    asked, healed = heard.spans
    assert healed.name == "heal code_generation"
    assert asked.parent == healed.context


def test_nothing_is_told_where_nothing_is_switched_on(heard: "Heard") -> None:
    switch(OFF)
    with healing("x"), invoking_agent("x", "s") as agent, evaluating("x", None) as tell:
        agent.tell_prompt(1)
        tell(make_evaluation())
    assert agent.trace_parent is None
    assert not heard.spans + tuple(heard.events)
