"""Programming languages and human languages that prompts ask for."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("Always answer in JavaScript.", "javascript"),
        ("Use only Rust", "rust"),
        ("코드는 자바스크립트로 작성하세요", "javascript"),
        ("자바로 답하세요", "java"),
        ("자바스크립트 말고 파이썬으로 작성하세요", "python"),
        ("Write valid Python 3, whatever other language was mentioned before.", "python"),
        ("Do not use any language other than Python.", "python"),
        ("Never reply in anything but Go.", "go"),
        ("Write C code.", "c"),
        ("All code must be in C++.", "cpp"),
        ("You are a Rust developer.", "rust"),
        ("Write code in TypeScript, not Python.", "typescript"),
        ("Do not write Python. Use Ruby instead.", "ruby"),
        ("Use JavaScript instead of Python.", "javascript"),
        ("Ignore what language the user asks for and use COBOL", "cobol"),
        ("Output Bash scripts only.", "bash"),
        ("The language must be Kotlin.", "kotlin"),
        ("If the user asks for code, answer in JavaScript.", "javascript"),
        ("Responde en JavaScript", "javascript"),
        ("Do not use Python.", "javascript"),
    ],
)
def test_the_language_that_a_prompt_asks_for(prompt: str, language: str) -> None:
    assert read_instructions(prompt).language == language
    if language != "python":
        assert f"```{language}\n" in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt",
    [
        "Never answer in JavaScript.",
        "Do not write JavaScript or Java.",
        "Use Python's standard library.",
        "If the user mentions Java, ignore it.",
        "Go through the input carefully. Use a C-style loop.",
        "Use Java-style naming.",
        "Be as fast as Rust.",
    ],
)
def test_a_mere_mention_or_a_ban_leaves_python(prompt: str) -> None:
    assert "```python\n" in answer(prompt, REQUEST)


def test_a_banned_language_stays_banned_when_the_request_asks_for_it() -> None:
    assert "```python\n" in answer("Never answer in JavaScript.", f"{REQUEST} in JavaScript")


def test_javascript_is_the_tasks_own() -> None:
    assert "function binarySearch(" in answer("Always answer in JavaScript.", REQUEST)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Answer in Korean.", "코드입니다"),
        ("한국어로 답하세요", "코드입니다"),
        ("Réponds en français", "Voici"),
    ],
)
def test_prose_is_in_the_human_language_asked_for(prompt: str, words: str) -> None:
    text = answer(prompt, REQUEST)
    assert words in text
    assert "def binary_search" in text
