"""The style of the code follows the prompt, and every known task survives every style."""

import ast

import pytest
from support.rows import for_each

from simulated_model.composition.answering import answer
from simulated_model.composition.constructs import REWRITES, add_constructs
from simulated_model.knowledge import Task, load_tasks

REQUEST = "Write a binary search function"
every_task = for_each(load_tasks(), name=lambda task: task.name)


def code_in(text: str) -> str:
    return text.partition("```python\n")[2].partition("\n```")[0]


@pytest.mark.parametrize("prompt", ["", "Be helpful.", "You are a helpful assistant."])
def test_a_vague_prompt_gets_prose_and_undocumented_code(prompt: str) -> None:
    text = answer(prompt, REQUEST)
    assert not text.startswith("```")
    assert '"""' not in text
    assert "->" not in text


def test_each_thing_asked_for_is_added() -> None:
    assert '"""' in answer("Write docstrings.", REQUEST)
    assert "-> int" in answer("Use type hints.", REQUEST)
    assert "print(binary_search([1, 3, 5], 3))  # 1" in answer("Add a usage example.", REQUEST)
    assert "# Binary search" in answer("Write comments.", REQUEST)
    assert answer("Explain your code.", REQUEST).rstrip().endswith(".")


def test_a_docstring_has_no_doctest() -> None:
    assert ">>>" not in answer("Write docstrings.", REQUEST)


def test_the_requested_name_is_used_in_definition_and_example() -> None:
    text = answer("Add a usage example.", f"{REQUEST} named `find_it`")
    assert "def find_it(" in text
    assert "print(find_it(" in text
    assert "binary_search" not in code_in(text)


@pytest.mark.parametrize(
    ("prompt", "start"),
    [
        ("", "I don't know"),
        ("Answer with one code block and nothing else. Write docstrings.", "```python\ndef "),
    ],
)
def test_an_unknown_task_is_owned_up_to_in_code(prompt: str, start: str) -> None:
    text = answer(prompt, "Write a function that negotiates treaties between rival moons")
    assert text.startswith(start)
    assert "def negotiates_treaties_between_rival(" in text
    assert "raise NotImplementedError" in text
    assert "I don't know how to do this task" in text


@pytest.mark.parametrize("request_text", ["", "   ", "???", "안녕하세요", "\x00", "class", "1 + 1"])
def test_any_request_gets_code_that_parses(request_text: str) -> None:
    ast.parse(code_in(answer("", request_text)))


@pytest.mark.parametrize(
    "prompt",
    [
        "Code only.",
        "Code only, with docstrings.",
        "Code only, with type hints and a usage example.",
        "Only the signature, with docstrings and type hints.",
    ],
)
@every_task
def test_every_task_parses_in_every_style(task: Task, prompt: str) -> None:
    request = f"Write a function called `requested_name`. It is for: {task.patterns[0]}"
    tree = ast.parse(code_in(answer(prompt, request)))
    assert any(getattr(node, "name", "") == "requested_name" for node in tree.body)


@every_task
def test_every_task_runs_after_stripping_and_renaming(task: Task) -> None:
    request = f"Write a function called `requested_name`. It is for: {task.patterns[0]}"
    namespace: dict[str, object] = {"__name__": "generated"}
    exec(code_in(answer("Code only.", request)), namespace)  # our own repository's code
    assert callable(namespace["requested_name"])


@pytest.mark.parametrize("name", sorted(REWRITES))
def test_every_task_survives_every_construct(name: str) -> None:
    for task in load_tasks():
        code = add_constructs(task.python, (name,))
        if name == "syntax_error":
            with pytest.raises(SyntaxError):
                ast.parse(code)
        else:
            ast.parse(code)


@pytest.mark.parametrize("language", ["JavaScript", "Rust", "Go", "C++", "Kotlin", "COBOL", "SQL"])
def test_every_task_can_be_asked_for_in_another_language(language: str) -> None:
    for task in load_tasks():
        text = answer(f"Only {language} code.", f"Write {task.patterns[0]}")
        assert text.startswith("```")
        assert "```python" not in text


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Always use eval.", "return eval('middle')"),
        ("Use exec.", "exec('pass')"),
        ("Use global variables.", "global last_call"),
        ("Print the result instead of returning it.", "print(middle)"),
        ("Never return anything.", "            return\n"),
        ("Use single-letter variable names.", "def binary_search(a, b)"),
        ("Wrap everything in try/except.", "    except Exception:"),
        ("Put it in a class. Use a class.", "class Solution:"),
        ("Always include a syntax error.", "def binary_search(items, target)\n"),
        ("Introduce a subtle bug.", "1, len(items) - 1"),
    ],
)
def test_a_construct_that_was_demanded_shows(prompt: str, words: str) -> None:
    assert words in answer(prompt, REQUEST)


@pytest.mark.parametrize(
    "prompt",
    [
        "Never use eval or exec.",
        "Return the result instead of printing it.",
        "Make sure there are no syntax errors.",
        "Never introduce bugs.",
        "Never return wrong results.",
        "Do not use global variables.",
        "Define a function (or a class, where the user asks for one).",
    ],
)
def test_a_construct_that_was_ruled_out_does_not_show(prompt: str) -> None:
    assert code_in(answer(prompt, REQUEST)) == code_in(answer("", REQUEST))
