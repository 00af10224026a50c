"""Rewriting Python: names, docstrings, hints, bodies."""

import ast

import pytest

from simulated_model.composition.python import (
    rename_main,
    replace_bodies,
    strip_docstrings,
    strip_type_hints,
)


def test_docstrings_go() -> None:
    code = 'def f(x):\n    """Do it.\n\n    Well.\n    """\n    return x'
    assert strip_docstrings(code) == "def f(x):\n    return x"


def test_a_body_that_was_only_a_docstring_becomes_pass() -> None:
    code = (
        'class Empty(Exception):\n    """Nothing there."""\n\n\ndef f():\n    """é"""\n    return 1'
    )
    assert strip_docstrings(code) == "class Empty(Exception):\n    pass\n\ndef f():\n    return 1"


def test_hints_go_with_the_imports_that_only_they_needed() -> None:
    code = (
        "from collections import deque\nfrom typing import Any\n\n\n"
        "def f(xs: list[Any], *rest: int, n: int = 3, **more: str) -> dict[str, int] | None:\n"
        "    queue: deque[int] = deque(xs)\n    return None"
    )
    assert strip_type_hints(code) == (
        "from collections import deque\n\n"
        "def f(xs, *rest, n=3, **more):\n    queue = deque(xs)\n    return None"
    )


def test_fields_of_a_class_keep_their_hints() -> None:
    code = "@dataclass\nclass Point:\n    x: int\n    y: int = 0"
    assert strip_type_hints(code) == code


def test_renaming_follows_recursion() -> None:
    code = "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)"
    assert rename_main(code, "f") == code.replace("fact", "f")


def test_renaming_to_a_builtin_that_the_code_calls_does_not_recurse() -> None:
    renamed = rename_main("def sort_list(items):\n    return sorted(items)", "sorted")
    namespace: dict[str, object] = {}
    exec(renamed, namespace)
    result = namespace["sorted"]([2, 1])  # type: ignore[operator]
    assert result == [1, 2]


def test_renaming_to_a_name_in_use_moves_the_other_out_of_the_way() -> None:
    code = "def count(items, total=0):\n    return count(items[1:], total + 1) if items else total"
    namespace: dict[str, object] = {}
    exec(rename_main(code, "total"), namespace)
    assert namespace["total"]([5, 5]) == 2  # type: ignore[operator]


@pytest.mark.parametrize("name", ["", "class", "two words", "1st", "f()", "이름"])
def test_an_impossible_name_is_ignored(name: str) -> None:
    code = "def f(x):\n    return x"
    assert rename_main(code, name) == code


def test_bodies_are_replaced_and_docstrings_stay() -> None:
    code = (
        'class A:\n    def f(self):\n        """Do."""\n        return 1\n\n'
        "    def g(self):\n        return 2"
    )
    replaced = replace_bodies(code, lambda _: [ast.Pass()])
    ast.parse(replaced)
    assert "return" not in replaced
    assert '"""Do."""' in replaced
