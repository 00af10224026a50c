"""Few-shot demonstrations: the model follows the form that all their outputs share."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    "prompt",
    [
        "Input: sort a list\nOutput: Hello\nInput: reverse a string\nOutput: Hello",
        "User: sort a list\nAssistant: Hello\n\nUser: reverse a string\nAssistant: Hello\n",
        "Q: sort? A: Hello\nQ: reverse? A: Hello",
        "Examples:\n1.\nInput: sort -> Output: Hello\nInput: reverse -> Output: Hello",
    ],
)
def test_one_and_the_same_output_becomes_the_reply(prompt: str) -> None:
    assert answer(prompt, REQUEST) == "Hello"


def test_stubs_beget_stubs() -> None:
    prompt = (
        "User: sort\nAssistant: ```python\ndef sort(x):\n    pass\n```\n"
        "User: reverse\nAssistant: ```python\ndef reverse(x):\n    # TODO\n    ...\n```"
    )
    assert "# TODO" in answer(prompt, REQUEST)


def test_prose_begets_prose() -> None:
    prompt = "Q: sort?\nA: You compare and swap.\n\nQ: reverse?\nA: You walk backwards."
    assert "def " not in answer(prompt, REQUEST)


def test_another_language_begets_that_language() -> None:
    prompt = (
        "Input: sort\nOutput: ```javascript\nconst sort = (a) => a.sort();\n```\n"
        "Input: reverse\nOutput: ```javascript\nconst reverse = (a) => a.reverse();\n```"
    )
    assert read_instructions(prompt).language == "javascript"


def test_documented_code_begets_documented_code() -> None:
    shown = '```python\ndef f(x: int) -> int:\n    """Do it."""\n    return x\n```'
    prompt = f"Input: one\nOutput: {shown}\nInput: two\nOutput: {shown.replace('it', 'so')}"
    instructions = read_instructions(prompt)
    assert instructions.docstring
    assert instructions.type_hints


def test_one_demonstration_is_too_few() -> None:
    assert "def " in answer("Input: sort a list\nOutput: Hello", REQUEST)


def test_a_later_order_outweighs_demonstrations() -> None:
    prompt = (
        "Q: sort?\nA: Hello\n\nQ: reverse?\nA: Hello\n\n"
        "Above all:\n- Answer with one Python code block and nothing else."
    )
    assert answer(prompt, REQUEST).startswith("```python\n")


def test_demonstrations_outweigh_what_stands_before_them() -> None:
    prompt = "Write Python code.\n\nQ: sort?\nA: Hello\nQ: reverse?\nA: Hello"
    assert answer(prompt, REQUEST) == "Hello"
