"""A conversation as a judge's model reads it: bounded, masked, the newest last."""

import pytest

from services.evaluator.app.services.judging.conversation import (
    MAX_MESSAGE_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
    write_calls,
    write_messages,
    write_tools,
)

SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
CALL = {"id": "1", "function": {"name": "look", "arguments": '{"at": "서울"}'}}


def said(text: object, role: str = "user") -> dict[str, object]:
    return {"role": role, "content": text}


def test_messages_stand_in_their_order_with_their_calls() -> None:
    messages = [
        said([{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {}}]),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        said("rain", "tool"),
    ]
    first, second, third = write_messages(messages).split("\n\n")
    assert (first, third) == ("user: Look", "tool: rain")
    assert second.startswith("assistant: [{")
    assert "서울" in second


@pytest.mark.parametrize("content", [None, [], 7, {"a": 1}, [7], [{"type": "image_url"}]])
def test_a_message_without_text_is_told_as_such(content: object) -> None:
    assert write_messages([said(content)]) == "user: (no text)"


def test_the_oldest_messages_are_left_out() -> None:
    written = write_messages([said(f"{number} {'x' * 5_000}") for number in range(20)])
    assert len(written) < MAX_WRITTEN_CHARACTERS + 100
    assert written.startswith("[15 older messages are left out]\n\nuser: 15 x")
    assert "user: 19 x" in written


def test_a_long_message_is_cut_and_no_half_of_a_secret_stays() -> None:
    written = write_messages([said("x " * (MAX_MESSAGE_CHARACTERS // 2 - 3) + SECRET)])
    assert "ghp" not in written
    assert written.endswith("more]")


def test_what_utf_8_cannot_spell_is_replaced() -> None:
    call = {"function": {"name": "\ud800"}}
    for text in (
        write_messages([said("a\ud800\x00")]),
        write_tools([{"function": {"name": "\ud800"}}]),
        write_calls({"tool_calls": [call]}),
    ):
        assert "\ufffd" in text
        assert text.encode()


@pytest.mark.parametrize("calls", [None, [], "x", {}])
def test_an_answer_without_calls_has_none_to_write(calls: object) -> None:
    assert write_calls({"tool_calls": calls}) == ""
