import ast

import pytest

from benchmarks.evaluator.human_eval import read_human_eval
from benchmarks.evaluator.mutations import KINDS, mutate, mutate_anywhere

CODE = """\
def find(items, target):
    if not items:
        return -1
    best = 0
    for index in range(len(items)):
        if items[index] < target and index % 2 == 0:
            best = max(best, index)
    return best
"""


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("operator swap", "if items[index] < target or index % 2 == 0:"),
        ("operator swap", "if items[index] < target and index // 2 == 0:"),
        ("comparison swap", "if items[index] > target and index % 2 == 0:"),
        ("comparison swap", "if items[index] < target and index % 2 != 0:"),
        ("off by one", "for index in range(len(items) - 1):"),
        ("off by one", "if items[index] <= target and index % 2 == 0:"),
        ("off by one", "if items[index - 1] < target and index % 2 == 0:"),
        ("wrong base case", "best = 1"),
        ("wrong return", "return target"),
        ("swapped arguments", "def find(target, items):"),
        ("swapped arguments", "if items[index] < target and 2 % index == 0:"),
        ("early return", "break"),
        ("constant change", "if items[index] < target and index % 3 == 0:"),
    ],
)
def test_each_kind_makes_its_changes(kind: str, line: str) -> None:
    mutants = mutate(CODE, "find", kind, seed="any")
    assert line in {text.strip() for mutant in mutants for text in mutant.code.splitlines()}


def test_a_missing_edge_lacks_the_guard() -> None:
    (mutant,) = mutate(CODE, "find", "missing edge", seed="any")
    assert "return -1" not in mutant.code
    assert "if not items" not in mutant.code


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_are_one_change_of_their_kind(kind: str) -> None:
    mutants = mutate(CODE, "find", kind, seed="any")
    assert mutants
    for mutant in mutants:
        assert mutant.kind == kind
        assert mutant.code != CODE
        (function,) = ast.parse(mutant.code).body
        assert isinstance(function, ast.FunctionDef)
        assert function.name == "find"


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_the_order_and_nothing_else(kind: str) -> None:
    once = mutate(CODE, "find", kind, seed="a")
    assert once == mutate(CODE, "find", kind, seed="a")
    other = mutate(CODE, "find", kind, seed="b")
    assert sorted(mutant.code for mutant in once) == sorted(mutant.code for mutant in other)


def test_code_around_the_function_is_left_alone() -> None:
    code = "def helper(n):\n    return n + 1\n\ndef main(n):\n    return helper(n) - 1\n"
    for kind in KINDS:
        for mutant in mutate(code, "main", kind, seed="any"):
            assert "return n + 1" in mutant.code


@pytest.mark.parametrize("kind", KINDS)
def test_real_solutions_make_valid_mutants(kind: str) -> None:
    tasks = read_human_eval()[::20]
    mutants = [
        (task, mutant)
        for task in tasks
        for mutant in mutate(task.code, task.entry_point, kind, seed=task.task_id)
    ]
    assert mutants
    for task, mutant in mutants:
        compile(mutant.code, "<mutant>", "exec")
        assert mutant.code != task.code


SCRIPT = """\
import sys

LIMIT = 10

class Counter:
    def add(self, n):
        self.total = n + 1

def main():
    for line in sys.stdin:
        if len(line) > LIMIT:
            print(line)

main()
"""


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("operator swap", "self.total = n - 1"),
        ("constant change", "LIMIT = 11"),
        ("comparison swap", "if len(line) < LIMIT:"),
        ("early return", "break"),
        ("swapped arguments", "def add(n, self):"),
    ],
)
def test_anywhere_means_methods_other_functions_and_the_module(kind: str, line: str) -> None:
    mutants = mutate_anywhere(SCRIPT, kind, seed="any")
    assert line in {text.strip() for mutant in mutants for text in mutant.code.splitlines()}
    assert len({mutant.code for mutant in mutants}) == len(mutants)
