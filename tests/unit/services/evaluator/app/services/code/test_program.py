"""Which blocks of an answer are its program."""

import ast

from support.rows import for_each

from services.evaluator.app.services.code.program import Part, assemble

F = "def f(x):\n    return x\n"
BETTER = "def f(x):\n    return x + 1\n"
USE = "print(f(1))\n"
SETUP = "import math\n\nLIMIT = 3\n"
USES_SETUP = "def f(x):\n    return min(math.floor(x), LIMIT)\n"
SEVERAL = "def g(x):\n    return f(x)\n\n\n@cache\ndef f(x):\n    return x\n\n\nassert f(1) == 2\n"
G = "def g(x):\n    return f(x)\n"
LOCAL = "def f(x):\n    total = 0\n    return total\n"
READS = "n = int(input())\nprint(f(n))\n"
GUARD = "if __name__ == '__main__':\n"


def put_together(*sources: str, request: str = "") -> str:
    source = assemble([Part(source, ast.parse(source)) for source in sources], request)
    return ast.unparse(ast.parse(source))


@for_each(
    [
        ("a block alone", [F + USE], F + USE),
        ("use behind it", [F, USE, "assert f(1) == 3\n"], F),
        ("use before it", [USE, F], F),
        ("a better version", [F + USE, BETTER], BETTER),
        ("a skeleton before it", ["def f(x):\n    ...\n", F], F),
        ("a skeleton behind it", [F, "def f(x):\n    raise NotImplementedError\n"], F),
        (
            "a class left empty",
            ["class A:\n    def go(self): ...\n", "class A:\n    x = 1\n"],
            "class A:\n    x = 1\n",
        ),
        ("what it imports", [SETUP, USES_SETUP], f"{SETUP}\n\n{USES_SETUP}"),
        ("what it doesn't need", ["import numpy\n", F, "x = 2\n"], F),
        ("a constant behind it", [USES_SETUP, SETUP], f"{USES_SETUP}\n\n{SETUP}"),
        ("a second function", [F, G], F + G),
        ("what a draft had beside it", [SEVERAL, BETTER], G + BETTER),
        (
            "an import that a draft had",
            [SETUP + F + USE, USES_SETUP],
            f"import math\n\n\nLIMIT = 3\n\n\n{USES_SETUP}",
        ),
        (
            "a test that imports it",
            [F, "import pytest\nfrom m import f\ndef test_f():\n    assert f(1)\n"],
            F,
        ),
        (
            "a test class",
            [F, "import unittest\nclass T(unittest.TestCase):\n    def t(self): f(1)\n"],
            F,
        ),
        ("another file", [F, f"from m import f\n{G}"], F + G),
        ("snippets of its inside", [LOCAL, "total = total + 1\n"], LOCAL),
        ("a lambda", ["f = lambda x: x\n", USE], "f = lambda x: x\n"),
        ("a way to begin", [F, READS], f"{F}\n\n\n{GUARD}    n = int(input())\n    print(f(n))\n"),
        ("scripts that go on", ["x = 1\n", "print(x)\n"], "x = 1\n\n\nprint(x)\n"),
        ("a better script", ["n = 1\nprint(n)\n", "n = 2\nprint(n)\n"], "n = 2\nprint(n)\n"),
        ("a script and its output", ["n = 1\nprint(n)\n", "print('1')\n"], "n = 1\nprint(n)\n"),
    ],
    name=lambda row: row[0],
)
def test_the_program_is_what_a_reader_would_take(row: tuple[str, list[str], str]) -> None:
    _, sources, program = row
    assert put_together(*sources) == ast.unparse(ast.parse(program))


@for_each(
    [
        "def check(x, y):\n    assert f(x) == y\ncheck(1, 1)\n",
        "def main():\n    print(f(1))\nmain()\n",
        "from django.db import models\nclass Post(models.Model):\n    def save(self): f(self.x)\n",
        "import flask\napp = flask.Flask('a')\n@app.route('/')\ndef index():\n    return f(1)\n",
        "from m import f\nimport requests\ndef load(url):\n    return f(requests.get(url))\n",
        "import pandas as pd\ndef add_column(df: pd.DataFrame):\n    return df.a.map(f)\n",
        "class Child(Base):\n    def go(self):\n        return f(self)\n",
        "def traced(x, f=f):\n    print(x)\n    return f(x)\n",
    ]
)
def test_a_later_block_that_defines_nothing_the_request_asks_for_shows_its_use(show: str) -> None:
    assert put_together(F, show, request="Write f(x)") == F.strip()
    # What is first, what the program needs and what the request names is a part of it.
    assert put_together(show, F, request="Write f(x)") != F.strip()
    name = next(iter(Part(show, ast.parse(show)).defined))
    assert name in put_together(F, show, request=f"Write f(x) and {name}")
    assert name in put_together(f"{F}    {name}\n", show, request="Write f(x)")


def test_what_the_request_calls_is_kept_however_it_is_made() -> None:
    double = "def double(f):\n    return lambda x: 2 * f(x)\n"
    assert "f = double(f)" in put_together(double, F + "f = double(f)\n", request="f(1) == 2")
    assert "f = double(f)" in put_together(F, double + "f = double(f)\n", request="f(1) == 2")


def test_imports_from_the_future_stand_first() -> None:
    later = "from __future__ import annotations\n" + G
    assert put_together(F, later).startswith("from __future__ import annotations")


def test_definitions_of_one_name_within_a_block_all_stay() -> None:
    register = (
        "@f.register\ndef _(x: int):\n    return 1\n\n\n@f.register\ndef _(x: str):\n    return 2\n"
    )
    assert put_together(F, register).count("def _") == 2
