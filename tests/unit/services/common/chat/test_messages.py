"""Tests for `messages.py`."""

from typing import Any

import pytest
from support.rows import for_each

from services.common.chat.messages import (
    ChatInput,
    read_all_texts,
    read_answer_text,
    read_last_user_text,
    read_text,
)

CALL = {"type": "function", "id": "c1", "function": {"name": "book", "arguments": '{"day": 3}'}}


@for_each(
    [
        ("a plain text", "hello", "hello"),
        ("nothing", None, ""),
        ("a number that shouldn't be there", 3, ""),
        (
            "parts, of which the texts count",
            [
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,xyz"}},
                {"type": "text", "text": "two"},
            ],
            "one\ntwo",
        ),
        ("a refusal as a part", [{"type": "refusal", "refusal": "I won't."}], "I won't."),
        ("broken parts", [None, {"type": "text"}, {"type": "text", "text": 5}, "x"], ""),
    ],
    name=lambda row: row[0],
)
def test_a_content_is_read_as_text(row: tuple[Any, ...]) -> None:
    _, content, text = row
    assert read_text(content) == text


def test_the_last_user_message_counts_whatever_follows_it() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "tool_calls": [CALL], "content": None},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]
    assert read_last_user_text(messages) == "second"
    assert read_last_user_text([]) == ""
    assert read_all_texts(messages) == ["first", "second", '{"day": 3}', "42"]


@for_each(
    [
        ("its text", {"content": "yes", "tool_calls": [CALL]}, "yes"),
        ("its refusal", {"content": None, "refusal": "no"}, "no"),
        ("its calls", {"content": None, "tool_calls": [{"id": "ü"}]}, '[{"id": "ü"}]'),
        ("nothing", {"content": None}, ""),
    ],
    name=lambda row: row[0],
)
def test_an_answer_says_one_thing(row: tuple[Any, ...]) -> None:
    _, answer, text = row
    assert read_answer_text(answer) == text


@pytest.mark.parametrize("tools", [(), ({"type": "function", "function": {"name": "book"}},)])
def test_a_replay_asks_the_same_once_and_whole(tools: tuple[dict[str, Any], ...]) -> None:
    asked = ChatInput(
        messages=[{"role": "user", "content": "hi"}],
        tools=tools,
        parameters={"temperature": 0.5, "stream": True, "n": 3, "tool_choice": "auto"},
    )
    assert asked.as_request("support") == {
        "model": "support",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "tool_choice": "auto",
    } | ({"tools": list(tools)} if tools else {})


def test_an_applications_own_system_message_tells_no_conversation_from_another() -> None:
    messages = [
        {"role": "system", "content": "You work for us."},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Sort it."},
    ]
    assert ChatInput(messages).text == "Sort it."
