"""Code that is known to be right isn't failed for what a plausible call makes of it."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.common.task_types import task_type
from services.evaluator.app.sandbox import Sandbox, create_sandbox
from services.evaluator.app.services.behaviour.assessment import assess
from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.rules import Run, find_in_run
from services.evaluator.app.services.evidence import gather_evidence
from simulated_model.composition.answering import answer
from simulated_model.knowledge import find_task, load_tasks

SLOTS = 4
# Names that lie about what a parameter takes, and hints that do.
MISLEADING_NAMES = ("n", "text", "nums", "matrix", "graph", "words", "func", "intervals")
MISLEADING_HINTS = ("int", "str", "list[int]", "dict[str, int]", "list[list[int]]", "float")
LIES = 3
# Right answers to requests without an example whose plausible calls give None, raise or run on.
DOUBTFUL = {
    "a-search-that-finds-nothing": (
        "Write a function to find the first adverb ending in -ly.",
        (
            "import re\ndef find_adverb(text):\n    for found in re.finditer(r'\\w+ly', text):\n"
            "        return found.group()"
        ),
    ),
    "a-matrix-by-a-list's-name": (
        "Write a function to sum the diagonal of the given numbers.",
        "def sum_diagonal(nums):\n    return sum(nums[i][i] for i in range(len(nums)))",
    ),
    "a-raise-that-is-right": (
        "Write a function that gives the word of a digit.",
        (
            "def word_of(digit: int) -> str:\n    if digit > 2:\n        raise ValueError(digit)\n"
            "    return ('zero', 'one', 'two')[digit]"
        ),
    ),
    "whether-by-a-match": (
        "Write a function that returns whether a string starts with a and ends with b.",
        "import re\ndef matches(text):\n    return re.search('^a.*b$', text)",
    ),
    "more-than-a-run-may-take": (
        "Write a function that lists all permutations of a string.",
        (
            "from itertools import permutations\ndef arrange(text):\n"
            "    return [''.join(p) for p in permutations(text)]"
        ),
    ),
    "a-generator-without-end": (
        "Write a function that yields perfect numbers.",
        (
            "def perfect():\n    n = 2\n    while True:\n"
            "        if sum(d for d in range(1, n) if n % d == 0) == n:\n            yield n\n"
            "        n += 1"
        ),
    ),
    "work-in-place": (
        "Write a function to sort numbers.",
        (
            "def bubble(nums):\n    for i in range(len(nums)):\n"
            "        for j in range(len(nums) - 1 - i):\n            if nums[j] > nums[j + 1]:\n"
            "                nums[j], nums[j + 1] = nums[j + 1], nums[j]"
        ),
    ),
    "an-effect": (
        "Write a function that shuffles a deck of cards.",
        "import random\ndef mix(deck):\n    random.shuffle(deck)",
    ),
    "too-deep-for-this-argument": (
        "Write a function for the Ackermann function.",
        (
            "def ackermann(m: int, n: int) -> int:\n    if m == 0:\n        return n + 1\n"
            "    if n == 0:\n        return ackermann(m - 1, 1)\n"
            "    return ackermann(m - 1, ackermann(m, n - 1))"
        ),
    ),
}
# What plausible calls can still tell for sure.
SURE = {
    "a-name-that-is-not-there": (
        "Write a function to compute a square root.",
        "def root(number):\n    return sqroot(number)",
    ),
    "no-return": (
        "Write a function to double the numbers of a list.",
        (
            "def double(numbers):\n    result = []\n    for n in numbers:\n"
            "        result.append(2 * n)"
        ),
    ),
    "a-sort-that-returns-nothing": (
        "Write a function that returns a sorted list.",
        "def ordered(items):\n    return list(items).sort()",
    ),
    "print-for-return": (
        "Write a function to add two numbers.",
        "def add(a, b):\n    print(a + b)",
    ),
}
PROMPT = (Path(task_type.__file__).parent / "code_generation" / "prompt.txt").read_text("utf-8")
PRINT_PLANS = """
import json, sys
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.behaviour.plan import plan_probes
for request, code in json.load(sys.stdin):
    evidence = gather_evidence(task_type="code_generation", user_input=request, answer=code)
    print(plan_probes(evidence))
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = create_sandbox("auto", SLOTS)
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"code isn't run on this machine: {availability.problem}")
    yield sandbox
    await sandbox.close()


def known_good() -> list[tuple[str, str, str]]:
    """Each task's name, a request for it and the simulated model's answer."""
    requests = {task.name: f"Write a Python function: {task.patterns[0]}." for task in load_tasks()}
    return [
        (name, request, answer(PROMPT, request))
        for name, request in requests.items()
        if (found := find_task(request)) is not None and found.name == name
    ]


async def find_faults(sandbox: Sandbox, cases: list[tuple[str, str, str]]) -> dict[str, str]:
    """What the rules find fault with when the answers are run, by name."""
    faults: dict[str, str] = {}
    free = asyncio.Semaphore(SLOTS)

    async def look_at(name: str, request: str, reply: str) -> None:
        evidence = gather_evidence(task_type="code_generation", user_input=request, answer=reply)
        plan = plan_probes(evidence)
        assert evidence.code is not None, name
        async with free:
            execution = await sandbox.run(evidence.code.source, plan.steps)
        found = find_in_run(Run(execution, assess(plan, execution)))
        faults.update((name, one.reason) for one in found.values() if one.outcome == "failed")

    await asyncio.gather(*(look_at(*known) for known in cases))
    return faults


class Mislead(ast.NodeTransformer):
    """Gives parameters other names and hints."""

    def __init__(self, names: dict[str, str], hints: dict[str, str]) -> None:
        self.names, self.hints = names, hints

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        node.arg = self.names.get(node.arg or "", node.arg or "") or None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        if node.arg in self.names:
            node.annotation = ast.Name(self.hints[node.arg])
            node.arg = self.names[node.arg]
        return node


def mislead(reply: str, lie: int) -> str:
    """The same code, under parameters whose names and hints say something else."""
    source = reply.partition("```python\n")[2].partition("```")[0]
    tree = ast.parse(source)
    used = {getattr(node, "id", getattr(node, "arg", "")) for node in ast.walk(tree)}
    names, hints = {}, {}
    free = [name for name in MISLEADING_NAMES if name not in used]
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for place, argument in enumerate(function.args.args):
            names[argument.arg] = free[(len(source) + lie + place) % len(free)]
            hints[argument.arg] = MISLEADING_HINTS[(lie + place) % len(MISLEADING_HINTS)]
    if len(set(names.values())) < len(names):
        return reply
    return f"```python\n{ast.unparse(Mislead(names, hints).visit(tree))}\n```"


async def test_a_run_finds_no_fault_in_right_code(sandbox: Sandbox) -> None:
    assert await find_faults(sandbox, known_good()) == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "lie", [0, *(pytest.param(lie, marks=pytest.mark.slow) for lie in range(1, LIES))]
)
async def test_right_code_is_not_failed_where_names_and_hints_lie(
    sandbox: Sandbox, lie: int
) -> None:
    known = known_good()
    lied_about = [
        (f"{name}, lie {lie}", request, mislead(reply, lie)) for name, request, reply in known
    ]
    told = {reply for *_, reply in known}
    assert sum(reply not in told for *_, reply in lied_about) > 130
    assert await find_faults(sandbox, lied_about) == {}


def fenced(cases: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(name, text, f"```python\n{code}\n```") for name, (text, code) in cases.items()]


async def test_what_a_plausible_call_makes_of_right_code_is_no_fault(sandbox: Sandbox) -> None:
    assert await find_faults(sandbox, fenced(DOUBTFUL)) == {}


async def test_code_that_cannot_work_at_all_is_found(sandbox: Sandbox) -> None:
    assert (await find_faults(sandbox, fenced(SURE))).keys() == SURE.keys()


def test_plans_are_the_same_in_every_process() -> None:
    known = json.dumps([(request, reply) for _, request, reply in known_good()])
    plans = {
        subprocess.run(
            [sys.executable, "-c", PRINT_PLANS],
            input=known,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(plans) == 1
