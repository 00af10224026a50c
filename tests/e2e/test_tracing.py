"""OpenTelemetry, switched on by its standard variables, through all services to the provider."""

from pathlib import Path

import pytest
from support.collector import collecting
from support.running_system import GUIDE_INJECTION, make_system
from support.traced_story import ASKED, EACH_TWICE, JUDGE, KEY, TRACE, find_untraced_calls, play


@pytest.mark.slow
def test_one_trace_runs_through_all_services_to_the_provider_and_back_to_the_score(
    tmp_path: Path,
) -> None:
    collector, provider = play(tmp_path)
    told = [*collector.spans, *collector.events]
    ours = {span.name for span in told if span.trace_id == TRACE and span.name}
    assert {"chat a-model", f"chat {JUDGE}", "invoke_agent code_generation"} <= ours
    assert {model: len(asked) for model, asked in provider.headers.items()} == EACH_TWICE
    assert not find_untraced_calls(collector, provider)
    agents = collector.find("selfheal-manager", "invoke_agent")
    answered = collector.find("selfheal-worker", "chat ")
    assert [span.attributes.get("gen_ai.conversation.id") for span in agents] == [None, "session-1"]
    assert {
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "a-model-2",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.prompt.name": "code_generation",
        "gen_ai.prompt.version": "1",
        "gen_ai.conversation.id": "session-1",
    }.items() <= answered[1].attributes.items()
    # Of each answer, on the span of its agent, though one came when that had long ended.
    scores = [one for one in collector.events if one.name == "gen_ai.evaluation.result"]
    assert [score.span_id for score in scores] == [agent.span_id for agent in agents]
    for score in scores:
        assert score.trace_id == TRACE
        assert score.attributes["gen_ai.evaluation.score.label"] == "pass"
        assert 0 < score.attributes["gen_ai.evaluation.score.value"] <= 1
        assert score.attributes["selfheal.evaluation.fingerprint"]
    assert {
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    } <= collector.metrics
    assert b"traced_addition" not in collector.raw
    assert KEY.encode() not in collector.raw


@pytest.mark.slow
def test_content_is_told_where_the_switch_says_so_and_no_key_ever(tmp_path: Path) -> None:
    switch = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    collector, _ = play(tmp_path, **{switch: "SPAN_AND_EVENT"})
    for span in collector.find("selfheal-worker", "chat "):
        assert "traced_addition" in span.attributes["gen_ai.input.messages"]
        assert "traced_addition" in span.attributes["gen_ai.output.messages"]
    details = [one for one in collector.events if one.name.endswith("operation.details")]
    assert {one.service for one in details} == {"selfheal-worker", "selfheal-evaluator"}
    assert KEY.encode() not in collector.raw


@pytest.mark.slow
def test_a_heal_is_one_trace_with_its_replays_and_their_scores(tmp_path: Path) -> None:
    system = make_system(tmp_path)
    with collecting() as collector:
        system.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        try:
            system.selfheal("up")
            system.psql(GUIDE_INJECTION)
            for _ in range(3):
                assert system.request(ASKED).status == 200
            system.selfheal("optimize")
        finally:
            system.selfheal("reset", "--yes")
    (heal,) = collector.find("selfheal-optimizer", "heal code_generation")
    assert heal.attributes["gen_ai.prompt.name"] == "code_generation"
    within = [span for span in collector.spans if span.trace_id == heal.trace_id]
    asked = {(span.service, span.attributes.get("gen_ai.prompt.name")) for span in within}
    assert ("selfheal-worker", "code_generation") in asked
    assert "selfheal-evaluator" in {span.service for span in within}
