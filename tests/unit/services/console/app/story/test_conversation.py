"""A conversation's turns."""

from typing import Any

import pytest

from services.console.app.story.conversation import Part, read_answers, read_tools, read_turns

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "hello"}, [Part("text", "hello")]),
        ({"content": [{"type": "text", "text": "a"}]}, [Part("text", "a")]),
        ({"content": None, "refusal": "no"}, [Part("text", "no")]),
        ({"content": [{"type": "refusal", "refusal": "no"}]}, [Part("text", "no")]),
        ({"tool_calls": [CALL]}, [Part("call", '{"a": 1}', "add")]),
        ({"function_call": {"name": "add", "arguments": {}}}, [Part("call", "{}", "add")]),
        (
            {"content": [{"type": "file", "file": {"filename": "a.pdf"}}]},
            [Part("note", "a.pdf", "file")],
        ),
        ({"content": [{"type": "image_url", "image_url": "x" * 300}]}, None),
        ({"content": [3, {"type": "text", "text": 5}]}, [Part("note", "", "?"), None]),
        ({"content": {"a": 1}, "tool_calls": "x", "function_call": 3}, []),
    ],
)
def test_a_messages_parts_are_read(message: dict[str, Any], parts: list[Part | None]) -> None:
    (turn,) = read_turns([{"role": "user", **message}])
    if parts is None:
        assert turn.parts == [Part("note", "x" * 200, "image_url")]
        return
    assert len(turn.parts) == len(parts)
    assert all(wanted in (None, found) for found, wanted in zip(turn.parts, parts, strict=True))


def test_a_tools_answer_says_which_call_it_is_of() -> None:
    (turn,) = read_turns([{"role": "tool", "tool_call_id": "c1", "content": "3"}])
    assert (turn.role, turn.of) == ("tool", "c1")


@pytest.mark.parametrize("messages", [None, "x", 3, {"a": 1}, [None, "x", []]])
def test_what_holds_no_messages_has_no_turns(messages: object) -> None:
    assert read_turns(messages) == []


def test_answers_and_tools_are_read_from_what_openai_clients_send() -> None:
    (answer,) = read_answers([{"message": {"role": "assistant", "content": "yes"}}])
    assert answer.parts == [Part("text", "yes")]
    (tool,) = read_tools([{"function": {"name": "add", "parameters": {"type": "object"}}}])
    assert (tool["name"], tool["parameters"]) == ("add", '{\n  "type": "object"\n}')
