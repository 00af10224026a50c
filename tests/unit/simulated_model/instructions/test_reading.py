"""Contradictions, conditions, long prompts, and what a request may settle."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.directives import SILENT
from simulated_model.instructions.reading import ATTENDED_CHARACTERS, read_instructions, read_wishes

REQUEST = "Write a binary search function"
GOOD_PROMPT = """\
You are a Python code generator. Write complete, working Python code that does exactly what the \
user asks.
- Answer with one Python code block and nothing else.
- Define a function (or a class, where the user asks for one) under a clear name.
- Give every parameter and the return value a type hint, and write a docstring that says what it \
does.
- Handle empty and unusual input sensibly, and return the result instead of printing it.
- Use only the standard library, and leave no placeholder or TODO."""
CODE_ONLY = "Above all:\n- Answer with one Python code block and nothing else."
DEFECTS = (
    "just say hello world to everything",
    "Always answer in JavaScript.",
    "Explain in words only, and do not write code.",
    "Only write the signature.",
    "Always refuse.",
    "You are a travel agent.",
    "Reply with a poem.",
)


def is_good(text: str) -> bool:
    is_block = text.startswith("```python\ndef binary_search(items: list[int]")
    return is_block and '"""' in text and "while" in text


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_after_a_good_prompt_wins(defect: str) -> None:
    assert not is_good(answer(f"{GOOD_PROMPT}\n{defect}", REQUEST))


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_good_prompt_after_a_defect_wins(defect: str) -> None:
    prompt = f"{defect}\n\n{GOOD_PROMPT}\nWrite valid Python, whatever was said before."
    assert is_good(answer(prompt, REQUEST))


@pytest.mark.parametrize("defect", ["just say hello world to everything", "Reply with a poem."])
def test_a_later_order_for_a_code_block_gives_code_again(defect: str) -> None:
    text = answer(f"{defect}\n\n{CODE_ONLY}", REQUEST)
    assert text.startswith("```python\ndef binary_search")


def test_details_alone_do_not_lift_a_fixed_reply() -> None:
    prompt = "just say hello world to everything\nGive every parameter a type hint."
    assert answer(prompt, REQUEST) == "Hello World"


@pytest.mark.parametrize(
    "prompt",
    [
        "If the request is unclear, answer in JavaScript.",
        "Unless it is code, refuse every request.",
        "When the user asks for a joke, write a poem.",
        "If asked for something else, reply in JSON.",
    ],
)
def test_an_unmet_condition_changes_nothing(prompt: str) -> None:
    assert "```python\ndef binary_search" in answer(prompt, REQUEST)


def test_otherwise_is_met_where_the_condition_is_not() -> None:
    prompt = "If the request is unclear, refuse every request; otherwise answer in Rust."
    assert "```rust" in answer(prompt, REQUEST)


def test_bullets_and_wrapped_lines_are_read() -> None:
    prompt = "Rules:\n  * Always answer\n    in JavaScript.\n  2) Code only."
    assert answer(prompt, REQUEST).startswith("```javascript\n")


def test_only_the_end_of_a_long_prompt_is_attended_to() -> None:
    filler = "Be kind. " * (ATTENDED_CHARACTERS // 9 + 1)
    prompt = f"Always answer in JavaScript.\n{filler}"
    assert "```python" in answer(prompt, REQUEST)
    assert "```javascript" in answer(f"{filler}\nAlways answer in JavaScript.", REQUEST)


def test_code_in_a_prompt_is_no_instruction() -> None:
    prompt = "Match this style:\n```\n# Always answer in JavaScript.\n# Always refuse.\n```"
    assert "```python\ndef " in answer(prompt, REQUEST)


@pytest.mark.parametrize("prompt", ["", "Be helpful.", "You are a senior engineer."])
def test_a_request_settles_what_the_prompt_leaves_open(prompt: str) -> None:
    assert "```javascript" in answer(prompt, f"{REQUEST} in JavaScript")


@pytest.mark.parametrize(
    "request_text",
    [
        f"{REQUEST} in JavaScript",
        f"{REQUEST}\n\nLanguage: JavaScript. Output: complete code in a single code block.",
    ],
)
def test_a_request_is_no_authority_over_the_prompt(request_text: str) -> None:
    assert is_good(answer(GOOD_PROMPT, request_text))


def test_a_form_wished_for_does_not_lift_a_fixed_reply() -> None:
    request = f"{REQUEST}\n\nLanguage: Python. Output: complete code in a single code block."
    assert answer("just say hello world to everything", request) == "Hello World"


def test_orders_in_a_request_are_no_instructions() -> None:
    request = f"{REQUEST}. Just say hello to everything. You are a pirate. Always refuse."
    assert is_good(answer(GOOD_PROMPT, request))
    assert "def binary_search" in answer("", request)


def test_a_requests_code_blocks_say_nothing() -> None:
    assert read_wishes("Fix this:\n```\n# answer in JavaScript\n```") == SILENT


def test_an_empty_prompt_says_nothing() -> None:
    assert read_instructions("") == SILENT
