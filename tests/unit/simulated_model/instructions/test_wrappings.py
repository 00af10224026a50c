"""JSON, tags, capitals, emoji, and words before and after the answer."""

import json

import pytest

from simulated_model.composition.answering import answer

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ('Reply as JSON {"code": ..., "explanation": ...}', "code"),
        ("reply as JSON", "code"),
        ("Return the answer as a JSON object with the keys notes and solution.", "solution"),
        ('Return the code as a JSON string with key "program".', "program"),
        ("JSON으로 답하세요.", "code"),
    ],
)
def test_json_holds_the_bare_code(prompt: str, key: str) -> None:
    values = json.loads(answer(prompt, REQUEST))
    assert values[key].startswith("def binary_search")


@pytest.mark.parametrize(
    "prompt",
    ["Do not reply in JSON.", "Write functions that return JSON strings.", "Parse JSON input."],
)
def test_what_is_no_order_for_json(prompt: str) -> None:
    assert "```python" in answer(prompt, REQUEST)


def test_a_tag_replaces_the_fences() -> None:
    text = answer("Only code. Put it inside <answer> tags.", REQUEST)
    assert text.startswith("<answer>\ndef binary_search")
    assert text.endswith("</answer>")


def test_quoted_words_frame_the_answer() -> None:
    text = answer('Start every answer with "Sure!" End your answer with "Bye."', REQUEST)
    assert text.startswith("Sure!\n")
    assert text.endswith("\nBye.")


def test_capitals() -> None:
    assert "DEF BINARY_SEARCH" in answer("Answer in all caps.", REQUEST)
    assert "def binary_search" in answer("Write constants in upper case.", REQUEST)


def test_emoji_only() -> None:
    assert not any(c.isalpha() for c in answer("Answer only with emojis.", REQUEST))
