"""Rules about how a conversation's answer ended, and about its calls."""

import json
from typing import Any

from support.rows import for_each

from services.common.schemas import Conversation
from services.common.task_types.rules import Finding, Outcome
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.validators import STATIC_CHECKS

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"], "default": "c"}},
    "required": ["city"],
    "additionalProperties": False,
}
RECURSIVE = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
FAR = {"$ref": "https://schemas.example/a.json"}
HUGE = {"properties": {str(number): {"type": "string"} for number in range(5_000)}}
LONG = {"description": "x" * 200_000}
CUBIC = {"properties": {"city": {"pattern": "^(a+)+$"}}}


def tool(name: str, schema: object = WEATHER) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def calling(*calls: tuple[str, object]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": name, "arguments": a if isinstance(a, str) else json.dumps(a)},
            }
            for name, a in calls
        ],
    }


def look(
    rule: str,
    answer: dict[str, Any],
    *,
    tools: list[dict[str, Any]] | None = None,
    finish_reason: str | None = "stop",
    text: str = "",
    expected: object = None,
) -> Finding:
    conversation = Conversation(
        messages=[{"role": "user", "content": "Weather?"}],
        tools=[tool("get_weather")] if tools is None else tools,
        answer=answer,
        finish_reason=finish_reason,
    )
    evidence = gather_evidence(
        task_type="letters",
        user_input="Weather?",
        answer=text or str(answer.get("content") or answer.get("refusal") or ""),
        is_code=False,
        expected=expected,
        conversation=conversation,
    )
    return STATIC_CHECKS[rule](evidence)


RIGHT = calling(("get_weather", {"city": "Oslo"}))
SAID = {"role": "assistant", "content": "It rains."}


@for_each(
    [
        ("is_not_empty", SAID, {}, "passed"),
        ("is_not_empty", RIGHT, {}, "passed"),
        ("is_not_empty", {"content": None}, {}, "failed"),
        ("is_not_empty", {"content": " \n"}, {}, "failed"),
        ("is_not_empty", {"content": "<think>hm</think>"}, {}, "failed"),
        ("gives_an_answer", RIGHT, {}, "passed"),
        ("gives_an_answer", {"content": None}, {}, "failed"),
        ("gives_an_answer", {"content": None, "refusal": "No, I won't."}, {}, "failed"),
        ("gives_an_answer", SAID, {"finish_reason": "content_filter"}, "failed"),
        ("is_no_refusal", SAID, {}, "passed"),
        ("is_no_refusal", {"content": None, "refusal": "No."}, {}, "failed"),
        ("is_no_refusal", {"content": "x", "refusal": None}, {}, "passed"),
        ("is_no_refusal", SAID, {"finish_reason": "content_filter"}, "failed"),
        ("is_no_refusal", SAID, {"finish_reason": None}, "not_applicable"),
        ("is_not_cut", SAID, {}, "passed"),
        ("is_not_cut", SAID, {"finish_reason": "length"}, "failed"),
        ("is_not_cut", SAID, {"finish_reason": None}, "not_applicable"),
        ("calls_known_tools", SAID, {}, "not_applicable"),
        ("calls_known_tools", RIGHT, {}, "passed"),
        ("calls_known_tools", RIGHT, {"tools": []}, "failed"),
        ("calls_known_tools", calling(("get_wether", {})), {}, "failed"),
        ("calls_known_tools", {"tool_calls": [7]}, {}, "failed"),
        ("arguments_fit_the_schema", SAID, {}, "not_applicable"),
        ("arguments_fit_the_schema", RIGHT, {}, "passed"),
        ("arguments_fit_the_schema", calling(("get_weather", '{"city": "Os')), {}, "failed"),
        ("arguments_fit_the_schema", calling(("get_weather", {})), {}, "failed"),
        ("arguments_fit_the_schema", calling(("get_weather", {"city": 7})), {}, "failed"),
        ("arguments_fit_the_schema", calling(("get_weather", {"city": "O", "x": 1})), {}, "failed"),
        (
            "arguments_fit_the_schema",
            calling(("get_weather", {"city": "Oslo"}), ("get_weather", {"unit": "c"})),
            {},
            "failed",
        ),
        # Nothing can be known of arguments where the tool or its schema says nothing.
        ("arguments_fit_the_schema", calling(("other", {"a": 1})), {}, "not_applicable"),
        *(
            ("arguments_fit_the_schema", RIGHT, {"tools": [tool("get_weather", schema)]}, outcome)
            for schema, outcome in (
                (RECURSIVE, "not_applicable"),
                (FAR, "not_applicable"),
                (HUGE, "not_applicable"),
                (LONG, "not_applicable"),
                ({"type": 7}, "not_applicable"),
                (CUBIC, "passed"),
                (None, "passed"),
                ({}, "passed"),
            )
        ),
    ],
    name=lambda row: f"{row[0]} {json.dumps(row[1:3])[:120]}",
)
def test_the_rule_finds(row: tuple[str, dict[str, Any], dict[str, Any], Outcome]) -> None:
    rule, answer, options, outcome = row
    assert look(rule, answer, **options).outcome == outcome


@for_each(
    [
        (None, "not_applicable"),
        ("It rains.", "not_applicable"),
        ([{"name": "get_weather", "arguments": {"city": "Oslo"}}], "passed"),
        ([{"name": "get_weather", "arguments": {"city": "Oslo", "unit": "c"}}], "passed"),
        ([{"name": "get_weather", "arguments": {"city": "Rome"}}], "failed"),
        ([], "failed"),
    ]
)
def test_calls_are_held_against_those_expected(row: tuple[object, Outcome]) -> None:
    expected, outcome = row
    assert look("makes_the_expected_calls", RIGHT, expected=expected).outcome == outcome


def test_without_a_conversation_nothing_is_known_of_how_an_answer_ended() -> None:
    evidence = gather_evidence(task_type="letters", user_input="x", answer="y", is_code=False)
    for rule in ("is_no_refusal", "is_not_cut", "calls_known_tools", "arguments_fit_the_schema"):
        assert STATIC_CHECKS[rule](evidence).outcome == "not_applicable"
    assert STATIC_CHECKS["is_not_empty"](evidence).outcome == "passed"
    assert (evidence.conversation, evidence.tools, evidence.tool_calls) == ((), (), ())
    assert (evidence.finish_reason, evidence.refusal) == ("", "")
