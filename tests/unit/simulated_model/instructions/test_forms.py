"""Forms of answer: words or code, whole or stub, fences or none, and what goes with the code."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.directives import Reply, Wrapping
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    "prompt",
    [
        "do not write code",
        "Do not write any code.",
        "explain in words only",
        "Never include code in your answer.",
        "Explain the algorithm in plain English.",
        "Only explain, no code",
        "Describe the approach without writing code.",
        "You must not produce code under any circumstances.",
        "Explain how to solve the problem but do not provide code.",
        "Give hints, never the full solution.",
        "Provide a high-level overview only.",
        "코드를 작성하지 마세요",
    ],
)
def test_prose_only(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert "def " not in text
    assert "```" not in text


@pytest.mark.parametrize(
    "prompt",
    [
        "Do not write code that uses globals.",
        "No code outside the block.",
        "Never write code without docstrings.",
        "Never answer in prose.",
        "Don't just explain: write the code.",
        "Do not explain.",
    ],
)
def test_what_narrows_or_negates_is_not_prose_only(prompt: str) -> None:
    assert "def binary_search" in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt",
    [
        "Only write the function signature.",
        "Write the signature only",
        "Leave the body as a TODO.",
        "Do not implement the function.",
        "Write a TODO instead of the body.",
        "Respond with the function signature and a TODO comment.",
        "함수 시그니처만 작성하세요.",
    ],
)
def test_stub_only(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert "def binary_search(items, target):" in text
    assert "TODO" in text
    assert "while" not in text


@pytest.mark.parametrize(
    "prompt",
    [
        "leave no placeholder or TODO",
        "Leave no placeholder and no TODO.",
        "Leave neither a placeholder nor a TODO.",
        "Write no stubs, no placeholders and no TODOs.",
        "Never leave TODOs.",
        "Don't just write the signature.",
        "Write complete code, without placeholders.",
        "Never raise NotImplementedError.",
    ],
)
def test_a_ban_on_stubs_is_no_order_for_one(prompt: str) -> None:
    assert "while low <= high" in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt",
    [
        "No code fences.",
        "No markdown.",
        "Answer in plain text code.",
        "Do not wrap the code in backticks.",
        "Never use code blocks.",
        "코드 블록 없이 답하세요",
    ],
)
def test_no_code_block(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert "```" not in text
    assert "def binary_search" in text


@pytest.mark.parametrize(
    "prompt", ["Always use code fences.", "Do not answer in plain text.", "Answer in markdown."]
)
def test_fences_asked_for(prompt: str) -> None:
    assert read_instructions(prompt).wrapping is Wrapping.FENCES


@pytest.mark.parametrize(
    "prompt",
    [
        "Answer with one Python code block and nothing else.",
        "Only output Python code.",
        "Code only.",
        "Return only code, without any explanation.",
        "Do not include explanations or text outside the code block.",
        "No text before or after the code.",
        "Write the code. Do not explain.",
        "파이썬 코드만 출력하세요",
    ],
)
def test_only_the_block(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert text.startswith("```python\n")
    assert text.endswith("\n```")
    assert text.count("```") == 2


@pytest.mark.parametrize(
    ("prompt", "field", "expected"),
    [
        ("Write a docstring for every function.", "docstring", True),
        ("Write well-documented code.", "docstring", True),
        ("Include documentation.", "docstring", True),
        ("Never forget to write a docstring.", "docstring", True),
        ("독스트링을 작성하세요", "docstring", True),
        ("Do not write docstrings.", "docstring", False),
        ("Be brief.", "docstring", None),
        ("Give every parameter a type hint.", "type_hints", True),
        ("Use type annotations.", "type_hints", True),
        ("타입 힌트를 사용하세요", "type_hints", True),
        ("No type hints.", "type_hints", False),
        ("Include a usage example.", "examples", True),
        ("Add examples of usage after the function.", "examples", True),
        ("Don't include examples.", "examples", False),
        ("Make sure that the code agrees with the examples in the request.", "examples", None),
        ("Mind memory usage.", "examples", None),
        ("Explain your code.", "explanation", True),
        ("Comment every step.", "comments", True),
        ("Write no comments.", "comments", False),
    ],
)
def test_what_goes_with_the_code(prompt: str, field: str, expected: bool | None) -> None:
    assert getattr(read_instructions(prompt), field) is expected


def test_a_request_for_code_after_words_only_gives_code() -> None:
    prompt = "Explain in words only.\nAbove all, write Python code."
    assert read_instructions(prompt).reply is Reply.CODE
