"""Facts read off a syntax tree."""

import ast

import pytest
from support.rows import for_each

from services.evaluator.app.services.code.syntax import (
    imported_names,
    names_missing,
    names_read,
    original_name,
    parameters_of,
)


@pytest.mark.parametrize(
    ("imports", "name", "original"),
    [
        pytest.param("import os", "os.system", "os.system", id="plain"),
        pytest.param("import os as o", "o.system", "os.system", id="renamed-module"),
        pytest.param("from os import system", "system", "os.system", id="from"),
        pytest.param("from os import system as s", "s", "os.system", id="renamed-from"),
        pytest.param("from os import path", "path.join", "os.path.join", id="module-from"),
        pytest.param("from . import system", "system", "system", id="relative"),
        pytest.param("", "builtins.eval", "eval", id="built-in"),
        pytest.param("from builtins import eval as e", "e", "eval", id="renamed-built-in"),
        pytest.param("def f():\n    import os as o", "o.system", "os.system", id="inside"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_a_name_is_followed_to_where_it_comes_from(imports: str, name: str, original: str) -> None:
    assert original_name(name, imported_names(ast.parse(imports))) == original


def test_what_is_only_written_to_is_not_read() -> None:
    assert names_read(ast.parse("x = y\nz += 1\ndel w\ndef f(a): return a.b")) == {"y", "w", "a"}


def test_parameters_of_every_kind_count_but_the_unused() -> None:
    tree = ast.parse("def f(self, a, /, b, _c, *ds, e=1, **fs): ...").body[0]
    assert isinstance(tree, ast.FunctionDef)
    assert parameters_of(tree) == {"a", "b", "ds", "e", "fs"}


@for_each(
    [
        ("import a\nx = 1\ndef f(y): return x + y + z + a", {"z"}),
        ("def f():\n    global g\n    g = 1\ndef h(): return g", set()),
        ("[n for n in ns if len(n)]", {"ns"}),
        ("class A:\n    b: T = 1\n    def c(self): return b", {"T", "b"}),
        ("def broken(", set()),
    ]
)
def test_missing_names_are_those_that_nothing_binds(row: tuple[str, set[str]]) -> None:
    source, names = row
    assert names_missing(source) == names
