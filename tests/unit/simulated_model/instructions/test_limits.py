"""Limits of length, and what only looks like one."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.directives import Limit, Unit
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    ("prompt", "unit", "count"),
    [
        ("Answer in at most 5 lines.", Unit.LINES, 5),
        ("Answer in 10 words.", Unit.WORDS, 10),
        ("no more than 50 characters", Unit.CHARACTERS, 50),
        ("Keep your answer under 20 words.", Unit.WORDS, 20),
        ("Answer in one sentence.", Unit.SENTENCES, 1),
        ("Never write more than three lines.", Unit.LINES, 3),
        ("Limit every reply to 12 words.", Unit.WORDS, 12),
        ("5 lines or less.", Unit.LINES, 5),
        ("Write it as a one-liner.", Unit.LINES, 1),
        ("5줄 이내로 답하세요", Unit.LINES, 5),
        ("At most 9 words. At most 4 words.", Unit.WORDS, 4),
    ],
)
def test_limits_that_prompts_set(prompt: str, unit: Unit, count: int) -> None:
    assert read_instructions(prompt).limits == (Limit(unit, count),)
    text = answer(prompt, REQUEST)
    measured = {
        Unit.LINES: len(text.split("\n")),
        Unit.WORDS: len(text.split()),
        Unit.CHARACTERS: len(text),
        Unit.SENTENCES: 1,
    }
    assert 0 < measured[unit] <= max(count, 1)


@pytest.mark.parametrize(
    "prompt",
    [
        "Keep lines under 100 characters.",
        "Write a one-line docstring.",
        "Write at least 5 lines.",
        "Give each function a summary of at most 10 words.",
        "Use names of no more than 20 characters.",
    ],
)
def test_limits_on_a_part_are_none_on_the_answer(prompt: str) -> None:
    assert read_instructions(prompt).limits == ()


def test_a_block_that_is_cut_by_lines_still_ends_in_a_fence() -> None:
    lines = answer("Only code, in at most 5 lines.", REQUEST).split("\n")
    assert len(lines) == 5
    assert (lines[0], lines[-1]) == ("```python", "```")


def test_a_limit_in_a_request_is_part_of_its_task() -> None:
    text = answer("", "Write a function to reverse a string of at most 5 characters")
    assert "def " in text
