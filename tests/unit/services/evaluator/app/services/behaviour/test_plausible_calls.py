"""Calls that are tried where the request shows none."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.behaviour.plausible_calls import plan_calls
from services.evaluator.app.services.behaviour.target import find_target
from services.evaluator.app.services.evidence import gather_evidence


def calls_of(code: str, request_text: str = "Write a function.") -> tuple[tuple[str, ...], ...]:
    evidence = gather_evidence(
        task_type="code_generation", user_input=request_text, answer=f"```python\n{code}\n```"
    )
    target = find_target(evidence)
    assert target is not None
    return plan_calls(target, request_text)


def first_arguments(code: str, request_text: str = "Write a function.") -> list[object]:
    call = ast.parse(calls_of(code, request_text)[0][-1], mode="eval").body
    assert isinstance(call, ast.Call)
    return [
        ast.literal_eval(argument)
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
    ]


@pytest.mark.parametrize(
    ("parameters", "kinds"),
    [
        pytest.param("a: int, b: int", [int, int], id="integers"),
        pytest.param("a: float", [float], id="float"),
        pytest.param("a: str", [str], id="text"),
        pytest.param("a: bool", [bool], id="boolean"),
        pytest.param("a: list[int]", [list], id="numbers"),
        pytest.param("a: 'List[str]'", [list], id="quoted-hint"),
        pytest.param("a: list[list[int]]", [list], id="matrix"),
        pytest.param("a: dict[str, int]", [dict], id="dictionary"),
        pytest.param("a: set[int]", [set], id="set"),
        pytest.param("a: Optional[int]", [int], id="optional"),
        pytest.param("a: int | None", [int], id="union"),
        pytest.param("a: None | str", [str], id="union-with-none-first"),
        pytest.param("a: list", [list], id="bare-list"),
        pytest.param("a: Node", [int], id="a-class-of-its-own"),
        pytest.param("nums, k", [list, int], id="names"),
        pytest.param("text", [str], id="a-sure-name"),
        pytest.param("words", [list], id="words"),
        pytest.param("matrix", [list], id="matrix-by-name"),
        pytest.param("n", [int], id="n"),
        pytest.param("graph", [dict], id="graph"),
        pytest.param("input_string", [str], id="suffix"),
        pytest.param("path, file_path, filename", [str] * 3, id="paths"),
        pytest.param("foo", [int], id="unknown"),
        pytest.param("*numbers", [int, int, int], id="any-number"),
        pytest.param("*values: int", [int, int, int], id="any-number-hinted"),
        pytest.param("*, a: int, b: str = 'x'", [int], id="keyword-only"),
        pytest.param("a: int, b: int = 2", [int], id="default-left-out"),
        pytest.param("a=3", [int], id="only-defaults"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_arguments_are_of_the_kind_that_is_wanted(parameters: str, kinds: list[type]) -> None:
    code = f"def f({parameters}): return 1"
    assert [type(argument) for argument in first_arguments(code)] == kinds


@pytest.mark.parametrize(
    ("request_text", "code", "arguments"),
    [
        pytest.param(
            "Sort a list of words", "def f(items): ...", [["banana", "apple", "cherry"]], id="words"
        ),
        pytest.param("Reverse a string", "def f(value1): ...", ["hello world"], id="about-texts"),
        pytest.param("문자열을 뒤집어 줘", "def f(value1): ...", ["hello world"], id="korean-text"),
        pytest.param("Flatten a nested list", "def f(lst): ...", [[[1, 2], [3, 4]]], id="nested"),
        pytest.param(
            "Merge two lists", "def f(a, b): ...", [[3, 1, 2], [5, 2, 9, 4, 5, 1]], id="two"
        ),
    ],
)
def test_the_request_says_what_the_arguments_are_like(
    request_text: str, code: str, arguments: list[object]
) -> None:
    assert first_arguments(code, request_text) == arguments


def test_an_object_is_made_and_filled_before_it_is_asked() -> None:
    calls = calls_of(
        """
class Box:
    def __init__(self, capacity: int): self.items = []
    def put(self, item): self.items.append(item)
    def size(self): return len(self.items)
    def clear(self): self.items = []
"""
    )
    assert list(calls) == [
        ("Box(5)",),
        ("_probe_object = Box(5)", "_probe_object.put(5)", "_probe_object.size()"),
    ]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("def f(" + ", ".join(f"a{n}" for n in range(200)) + "): ...", id="parameters"),
        pytest.param("def f(a: '" + "[" * 150 + "'): ...", id="open-hint"),
        pytest.param("def f(a: " + "list[" * 60 + "int" + "]" * 60 + "): ...", id="deep-hint"),
        pytest.param("class A:\n" + "    def m(self, x): return x\n" * 100, id="many-methods"),
        pytest.param("class A(B):\n    def __new__(cls, *a): ...", id="no-constructor"),
    ],
)
def test_odd_signatures_are_read_to_an_end(code: str) -> None:
    assert len(calls_of(code)) <= 6


@given(st.lists(st.sampled_from(["n", "text", "nums", "d", "x: int", "y: list[str]"]), unique=True))
def test_calls_can_be_parsed_and_give_each_parameter_its_argument(parameters: list[str]) -> None:
    for call in calls_of(f"def f({', '.join(parameters)}): return 1"):
        parsed = ast.parse(call[-1], mode="eval").body
        assert isinstance(parsed, ast.Call)
        assert len(parsed.args) == len(parameters)
