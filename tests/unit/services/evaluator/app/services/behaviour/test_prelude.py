"""Names that are there when an answer runs."""

import ast

from support.rows import for_each

from services.evaluator.app.services.behaviour.prelude import (
    find_prelude,
    put_before,
    with_standard_values,
)
from services.evaluator.app.services.evidence import gather_evidence

STARTER = "```python\nclass Solution:\n    def f(self, xs: List[int]) -> int:\n```"
HELPER = "import math\n\ndef area(r):\n    return math.pi * r\n\nWrite g(r). g(1) == 2"


@for_each(
    [
        (STARTER, "def f(xs: List[int]): return Counter(xs)", ["List", "Counter"]),
        ("On LeetCode: write f.", "def f(xs): return heapq.nlargest(1, xs)", ["heapq"]),
        ("Implement def f(xs: List[int]).", "def f(xs: List[int]): return Counter(xs)", ["List"]),
        (HELPER, "def g(r): return area(r)", ["math", "area"]),
        (HELPER, "def g(r): return 2", []),
        (HELPER, "def area(r): return 2\ndef g(r): return area(r)", []),
        ("Write f(x).", "def f(x): return math.pi", []),
        ("Write a List of words.", "def f(x: List): return x", []),
        ("V = namedtuple('V', 'x')\n\nWrite f(v).", "def f(v: V): return v", ["namedtuple", "V"]),
        ("LIMIT = open('x')\n\nWrite f(v).", "def f(v): return LIMIT", []),
    ]
)
def test_what_the_request_shows_or_implies_is_supplied(row: tuple[str, str, list[str]]) -> None:
    request, answer, names = row
    evidence = gather_evidence(
        task_type="code_generation", user_input=request, answer=f"```python\n{answer}\n```"
    )
    prelude = find_prelude(evidence, ())
    bound = [
        name
        for node in ast.parse(prelude).body
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import | ast.ImportFrom)
            else [getattr(node, "name", "") or ast.unparse(node)[:1]]
        )
    ]
    assert sorted(bound) == sorted(names)


def test_imports_from_the_future_stay_first() -> None:
    source = '"""Doc."""\nfrom __future__ import annotations\ndef f(x: T): ...\n'
    whole = put_before("import math\n", source, ast.parse(source))
    compile(whole, "<test>", "exec", dont_inherit=True)
    assert whole.index("__future__") < whole.index("math") < whole.index("def f")
    assert put_before("", source, ast.parse(source)) == source


@for_each(
    [
        ("f(date(2024, 1, 2)).day", "2"),
        ("f(datetime.date(2024, 1, 2)).day", "2"),
        ("f(datetime(2024, 1, 2)).hour", "0"),
        ("f(datetime.datetime(2024, 1, 2)).hour", "0"),
        ("f(Decimal('1.10') + Decimal(1))", "2.10"),
        ("f(math.floor(2.5))", "2"),
    ]
)
def test_standard_values_are_there_whatever_is_imported(row: tuple[str, str]) -> None:
    step, shown = row
    scope: dict[str, object] = {"f": lambda value: value, "datetime": "something else"}
    assert str(eval(with_standard_values(step, {"f"}), scope)) == shown
    assert scope.keys() == {"f", "datetime", "__builtins__"}


def test_what_is_called_is_the_answers_own() -> None:
    assert with_standard_values("gcd(4, 6)", {"gcd"}) == "gcd(4, 6)"
