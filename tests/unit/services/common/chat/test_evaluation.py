"""Tests for `evaluation.py`."""

from typing import Any
from uuid import uuid4

from support.rows import for_each

from services.common.chat.evaluation import NO_TEXT, make_evaluation_request
from services.common.schemas import MAX_INPUT_CHARACTERS, Conversation


@for_each(
    [
        ("an ordinary text", "Sort it", "Sort it"),
        ("one that is too long", "x" * (MAX_INPUT_CHARACTERS + 9), "x" * MAX_INPUT_CHARACTERS),
        ("none", [{"type": "image_url", "image_url": {"url": "u"}}], NO_TEXT),
        ("blanks", " \n", NO_TEXT),
        ("a NUL", "a\x00b", "a\ufffdb"),
    ],
    name=lambda row: row[0],
)
def test_the_evaluator_takes_whatever_was_asked(row: tuple[Any, ...]) -> None:
    _, content, user_input = row
    conversation = Conversation(
        messages=[{"role": "user", "content": content}], answer={"content": "sorted"}
    )
    request = make_evaluation_request(uuid4(), "support", conversation, golden_id="g")
    assert (request.user_input, request.refined_input) == (user_input, user_input)
    assert request.worker_output == "sorted"
    assert (request.golden_id, request.with_judge) == ("g", True)
