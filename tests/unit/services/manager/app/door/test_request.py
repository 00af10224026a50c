import json
from dataclasses import replace
from typing import Any

import pytest
from support.rows import for_each

from services.common.task_types.registry import open_task_types
from services.manager.app.door.errors import InvalidChatRequestError
from services.manager.app.door.request import (
    ChatRequest,
    check_against_task_type,
    read_chat_request,
)

USER = {"role": "user", "content": "Say hello."}
CALL = {"id": "c1", "type": "function", "function": {"name": "greet", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "done"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def read(**changes: Any) -> ChatRequest:
    return read_chat_request(json.dumps({"model": "t", "messages": [USER], **changes}).encode())


def refusal_of(content: bytes) -> InvalidChatRequestError:
    with pytest.raises(InvalidChatRequestError) as refusal:
        read_chat_request(content)
    assert refusal.value.status_code == 400
    return refusal.value


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@for_each(
    [
        {},
        {"messages": [{"role": "system", "content": "a"}, USER]},
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "a"}]}, USER]},
        {"messages": [USER, CALLING, RESULT]},
        {"messages": [USER, {"role": "assistant", "refusal": "No."}, USER]},
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        {"messages": [{"role": "user", "name": "ann", "content": "a"}]},
        {"messages": [USER, {**CALLING, "tool_calls": None}, USER]},
        {"messages": [USER, {**CALLING, "tool_calls": [{"id": "c", "type": "custom"}]}, USER]},
        {"messages": [USER] * 2_000},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"stream": None, "temperature": None, "tools": None, "stop": None, "selfheal": None},
        {"temperature": 1, "top_p": 0.5, "n": 8, "seed": -1, "stop": ["a"], "max_tokens": 1},
        {"presence_penalty": -2, "frequency_penalty": 2, "logprobs": True, "top_logprobs": 20},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": nested(20)}}]},
        {"tool_choice": "auto", "response_format": {"type": "json_object"}},
        {"tool_choice": {"type": "function"}, "parallel_tool_calls": False, "store": True},
        {"metadata": {"a": "b"}, "user": "u", "reasoning_effort": "low", "service_tier": "auto"},
        {"anything": {"else": 1}},
    ]
)
def test_what_openai_takes_goes_on_as_it_came(changes: dict[str, Any]) -> None:
    request = read(**changes)
    expected = {"model": "t", "messages": [USER], **changes}
    expected.pop("selfheal", None)
    assert request.body == json.loads(request.content) == expected


@for_each(
    [
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "x" * 65}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER] * 2_001}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "user", "content": ["a"]}]}, "messages[1].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]},
            "messages[0].content[0].text",
        ),
        ({"messages": [USER, {"role": "assistant", "content": "a"}]}, "messages[1].role"),
        ({"messages": [USER, {"role": "system", "content": "a"}]}, "messages[1].role"),
        ({"messages": [USER, RESULT]}, "messages[1].tool_call_id"),
        ({"messages": [USER, RESULT, CALLING, USER]}, "messages[1].tool_call_id"),
        (
            {"messages": [USER, CALLING, {**RESULT, "tool_call_id": "c2"}]},
            "messages[2].tool_call_id",
        ),
        (
            {"messages": [{**CALLING, "tool_calls": [{**CALL, "id": 1}]}, USER]},
            "messages[0].tool_calls[0].id",
        ),
        ({"n": 1000}, "n"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"n": 1.5}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"stop": 5}, "stop"),
        ({"stop": [5]}, "stop[0]"),
        ({"logit_bias": []}, "logit_bias"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}] * 129}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": [{"type": "function", "x": nested(40)}]}, "tools"),
        ({"tools": [{"type": "function", "x": "x" * 300_000}]}, "tools"),
        (
            {"response_format": {"type": "json_schema", "json_schema": nested(40)}},
            "response_format",
        ),
        ({"response_format": {"type": "x" * 300_000}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"selfheal": []}, "selfheal"),
        ({"selfheal": {"session": "x"}}, "selfheal.session"),
        ({"selfheal": {"session_id": "x" * 201}}, "selfheal.session_id"),
        ({"selfheal": {"tags": "x"}}, "selfheal.tags"),
        ({"selfheal": {"variables": {"a": 1}}}, "selfheal.variables.a"),
        ({"selfheal": {"variables": {"a": "x" * 20_001}}}, "selfheal.variables.a"),
        ({"selfheal": {"variables": {"a b": "x"}}}, "selfheal.variables"),
    ],
    name=lambda row: str(row)[:200],
)
def test_what_cannot_be_served_is_refused_by_the_name_of_its_field(
    row: tuple[dict[str, Any], str],
) -> None:
    changes, param = row
    content = json.dumps({"model": "t", "messages": [USER], **changes}).encode()
    error = refusal_of(content)
    assert error.context["param"] == param
    assert len(error.message) < 400


@for_each(
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe{}",
        b'{"model": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"temperature": NaN}',
        b'{"temperature": -Infinity}',
        b'{"seed": ' + b"1" * 5_000 + b"}",
        json.dumps({"model": "t", "messages": [USER], "x": nested(101)}).encode(),
        json.dumps({"model": "t", "messages": [USER], "x": "\ud800"}).encode(),
        b'{"model": "t", "messages": [{"role": "user", "content": "a"}], "x": 1e999}',
        b'{"model": "t", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
    name=lambda content: content[:60],
)
def test_a_body_that_nothing_behind_the_door_could_read_is_refused(content: bytes) -> None:
    refusal_of(content)


def test_our_part_of_the_body_is_taken_out() -> None:
    ours = {"variables": {"a": "b"}, "session_id": "s", "end_user": "e", "tags": ["t"]}
    request = read(selfheal=ours, top_k=1)
    assert request.extension.model_dump() == ours
    assert "selfheal" not in request.body
    assert b"selfheal" not in request.content
    assert request.unknown_fields == {"top_k"}


def test_a_task_type_without_a_directory_takes_no_variables_and_every_role() -> None:
    check_against_task_type(read(messages=[{"role": "system", "content": "a"}, USER]), None)
    with pytest.raises(InvalidChatRequestError) as refusal:
        check_against_task_type(read(selfheal={"variables": {"a": "b"}}), None)
    assert refusal.value.context["param"] == "selfheal.variables.a"


@for_each(
    [
        ({"a": "1"}, "b"),
        ({}, "a"),
        ({"a": "1", "b": "2", "c": "3"}, "c"),
        ({"a": "1", "b": "2"}, None),
    ]
)
def test_variables_are_those_that_the_task_type_declares(
    row: tuple[dict[str, str], str | None],
) -> None:
    variables, named = row
    built_in = open_task_types(None).find("code_generation")
    assert built_in is not None
    task_type = replace(built_in, variables=("a", "b"))
    request = read(selfheal={"variables": variables})
    if named is None:
        check_against_task_type(request, task_type)
        return
    with pytest.raises(InvalidChatRequestError) as refusal:
        check_against_task_type(request, task_type)
    assert refusal.value.context["param"] == f"selfheal.variables.{named}"
    assert named in refusal.value.message
