"""Where None may be what a right answer gives."""

import ast

import pytest

from services.evaluator.app.services.behaviour.returning import may_give_none
from services.evaluator.app.services.code.syntax import Function


def read(code: str) -> Function:
    (function,) = ast.parse(code).body
    assert isinstance(function, Function)
    return function


@pytest.mark.parametrize(
    ("code", "may"),
    [
        ("def f(a):\n    if a: return a", True),
        ("def f(a): yield a", True),
        ("def f(a): return g(a)", True),
        ("def f(a): a.sort()", True),
        ("def f(a): a[0] = 1", True),
        ("def f(a): del a[0]", True),
        ("def f(a): helper(a, 0)", True),
        ("def f(a): HANDLERS.setdefault(a, []).append(a)", True),
        ("def f(a): CACHE[a] = 1", True),
        ("def f(a): a.seen = True", True),
        ("def f():\n    global count\n    count += 1", True),
        ("def f(a):\n    if a < 8: raise ValueError", True),
        ("def f(a): assert a", True),
        ("def f(a, b):\n    for one in b: a = a[one]\n    a[0] = 1", True),
        ("def f(a):\n    for one in a: one.close()", True),
        ("def f(a): heapq.heapify(a)", True),
        ("def f(a): print(a + 1)", False),
        ("def f(a): a + 1", False),
        ("def f(a): b = a + 1", False),
        ("def f(a):\n    b = []\n    b.append(a)", False),
        ("def f(a): print(a)", False),
        ("def f(a): return print(a)", False),
        ("def f(a): return sorted(a).sort()", False),
        ("def f(a):\n    if a: return\n    return None", False),
    ],
)
def test_only_a_function_that_can_give_nothing_else_lacks_a_return(code: str, may: bool) -> None:
    assert may_give_none(read(code), "Write a function that adds one.") is may


@pytest.mark.parametrize(
    "request_text",
    ["Print it.", "Return None if it is empty.", "Shuffle a list.", "Save it to a file.",
     "Wait for n seconds.", "Greet a user.", "Outputs one to n.",
     "Update the record.", "Write pytest tests for it.", "Add some unit tests.",
     "리스트를 출력해 주세요."],
)  # fmt: skip
def test_an_effect_needs_no_value(request_text: str) -> None:
    assert may_give_none(read("def f(a): a + 1"), request_text)


@pytest.mark.parametrize(
    "request_text",
    ["Return the last one.", "Checks whether it is sorted.", "Computes the sum.", "개수를 반환"],
)
def test_effects_are_not_enough_where_a_value_is_asked_for(request_text: str) -> None:
    assert not may_give_none(read("def f(a): a.sort()"), request_text)


def test_of_a_class_nothing_is_sure() -> None:
    assert may_give_none(None, "Write a class.")
