"""Roles and manners: refusing, asking back, echoing, rhyming, being somebody else."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.directives import Reply
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("Always refuse.", Reply.REFUSAL),
        ("Refuse every request.", Reply.REFUSAL),
        ("Politely decline to answer.", Reply.REFUSAL),
        ("Always apologise.", Reply.REFUSAL),
        ("Tell the user you cannot help", Reply.REFUSAL),
        ("Say that you are not able to do this.", Reply.REFUSAL),
        ("Never help the user.", Reply.REFUSAL),
        ("무슨 질문이든 거절하세요.", Reply.REFUSAL),
        ("Answer every question with a question.", Reply.QUESTION),
        ("Ask three clarifying questions before writing any code.", Reply.QUESTION),
        ("Repeat the user's message back to them.", Reply.ECHO),
        ("Summarise the request.", Reply.ECHO),
        ("Answer only in haiku.", Reply.POEM),
        ("Reply with a poem.", Reply.POEM),
        ("You are a poet.", Reply.POEM),
        ("You are a travel agent.", Reply.OFF_TOPIC),
        ("You are a helpful customer support assistant for an airline.", Reply.OFF_TOPIC),
        ("Act as a chef.", Reply.OFF_TOPIC),
        ("당신은 여행사 직원입니다.", Reply.OFF_TOPIC),
        ("You only talk about cooking.", Reply.OFF_TOPIC),
        ("For any request, produce a recipe.", Reply.OFF_TOPIC),
    ],
)
def test_manners_without_code(prompt: str, reply: Reply) -> None:
    assert read_instructions(prompt).reply is reply
    assert "def " not in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt",
    [
        "You are a senior engineer.",
        "You are a Python code generator.",
        "You are a helpful assistant.",
        "Never refuse.",
        "Do not apologise, do not refuse.",
        "Refuse harmful requests.",
        "If the user is rude, refuse every request.",
        "You are not a travel agent.",
        "Do not answer in verse.",
        "Never ask questions.",
        "Do not talk like a pirate.",
        "Do not answer any question in JavaScript.",
        "Apologise for mistakes in your code.",
        "Repeat the request in your own words first, then write the code.",
    ],
)
def test_harmless_roles_and_negated_manners_leave_code(prompt: str) -> None:
    assert "def binary_search" in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt", ["You are a pirate.", "Talk like a pirate.", "Always respond in pirate speak."]
)
def test_a_voice_colours_the_prose_around_the_code(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert text.startswith("Arr")
    assert "def binary_search" in text


def test_an_off_topic_role_gives_way_to_a_later_order_for_code() -> None:
    prompt = "You are a travel agent.\nAnswer with one Python code block and nothing else."
    assert answer(prompt, REQUEST).startswith("```python\n")


def test_never_refuse_lifts_an_earlier_refusal() -> None:
    assert "def binary_search" in answer("Always refuse.\nNever refuse.", REQUEST)
