"""What is gathered about an answer before anything judges it."""

import pytest

from services.evaluator.app.services.evidence import gather_evidence

CODE = """
class Pile:
    def push(self): ...

async def fetch(): ...

def outer():
    def inner(): ...
"""


def test_definitions_are_those_at_the_top_and_functions_are_all() -> None:
    evidence = gather_evidence(task_type="code_generation", user_input="x", answer=CODE)
    assert [node.name for node in evidence.definitions] == ["Pile", "fetch", "outer"]
    assert {node.name for node in evidence.functions} == {"push", "fetch", "outer", "inner"}


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        pytest.param("Write a function called fetch", "fetch", id="named"),
        pytest.param("Write something", "Pile", id="first"),
        pytest.param("Write a function called inner", "Pile", id="name-that-is-not-at-the-top"),
    ],
)
def test_the_main_definition_is_the_named_one_else_the_first(request_text: str, name: str) -> None:
    evidence = gather_evidence(task_type="code_generation", user_input=request_text, answer=CODE)
    assert evidence.main_definition is not None
    assert evidence.main_definition.name == name


@pytest.mark.parametrize("answer", ["", "Hello World", "```js\nlet x\n```", "def f(:"])
def test_an_answer_without_python_has_no_definitions(answer: str) -> None:
    evidence = gather_evidence(task_type="code_generation", user_input="x", answer=answer)
    assert evidence.tree is None
    assert evidence.definitions == []
    assert evidence.functions == []
    assert evidence.main_definition is None


def test_code_is_only_looked_for_where_code_is_asked_for() -> None:
    evidence = gather_evidence(task_type="letters", user_input="x", answer=CODE, is_code=False)
    assert evidence.code is None


def test_an_answer_is_what_follows_its_reasoning() -> None:
    answer = f"<think>\n```python\ndef draft(): ...\n```\n</think>\n```python{CODE}```"
    evidence = gather_evidence(task_type="code_generation", user_input="x", answer=answer)
    assert [node.name for node in evidence.definitions] == ["Pile", "fetch", "outer"]
    assert "draft" in evidence.reasoning
    assert "draft" not in evidence.answer


def test_a_program_about_tags_is_no_reasoning() -> None:
    answer = 'TEXT = """\n<think>\nx\n</think>\ny"""\n'
    evidence = gather_evidence(task_type="code_generation", user_input="x", answer=answer)
    assert (evidence.answer, evidence.reasoning) == (answer, "")
    assert evidence.code is not None
    assert evidence.code.source == answer


def test_the_requests_own_code_is_quoted_and_not_the_answer() -> None:
    faulty, mended = "def f(x):\n    return x", "def f(x):\n    return x + 1"
    answer = f"Mended:\n```python\n{mended}\n```\nYours was:\n```python\n{faulty}\n```\n"
    evidence = gather_evidence(
        task_type="code_generation", user_input=f"Mend this:\n{faulty}\n", answer=answer
    )
    assert evidence.code is not None
    assert evidence.code.source == f"{mended}\n"
