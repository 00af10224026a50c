"""How checks bind to what an answer defines."""

import ast

import pytest

from services.common.task_types.checks import read_checks
from services.evaluator.app.services.behaviour.check_binding import await_calls, bind_check
from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.target import describe, find_target
from services.evaluator.app.services.evidence import Evidence, gather_evidence

STACK = "class Pile:\n    def __init__(self): ...\n    def push(self, item): ...\n"


def evidence_of(code: str, request_text: str = "Do something.") -> Evidence:
    return gather_evidence(
        task_type="code_generation", user_input=request_text, answer=f"```python\n{code}\n```"
    )


def bind(text: str, code: str) -> tuple[str, ...]:
    target = find_target(evidence_of(code))
    assert target is not None
    return bind_check(read_checks([text])[0][0], target)


@pytest.mark.parametrize(
    ("text", "code", "steps"),
    [
        ("f(1) == 2", "def double(n): return 2 * n", ("double(1)",)),
        ("f(1) == 2", "def double(n, times=2): ...", ("double(1)",)),
        ("f(1) == 2", "def double(*numbers): ...", ("double(1)",)),
        ("f(1, 2) == 2", "def g(a, *, b): ...", ("g(1, b=2)",)),
        ("f(1, 2) == 2", "def g(*, b, a): ...", ("g(b=1, a=2)",)),
        ("sorted(f(f([1]))) == []", "def g(x): ...", ("sorted(g(g([1])))",)),
        ("f(1) == True", "def g(x): ...", ("bool(g(1))",)),
        ("f(1) raises ValueError", "def g(x): ...", ("g(1)",)),
        ("given = [1]; f(given); given == []", "def g(x): ...", ("given = [1]\ng(given)", "given")),
        ("Stack().pop() raises IndexError", STACK, ("Pile().pop()",)),
        (
            "s = Stack(); s.push(1); s.size == 1",
            STACK,
            (
                "s = Pile()\ns.push(1)",
                "(lambda value: value() if callable(value) else value)(s.size)",
            ),
        ),
        ("Stack().pop() == 1", "class Pile(list): ...", ("Pile().pop()",)),
        (
            "s = Stack(); s.size == 1",
            "class Pile:\n    def get_size(self): ...",
            ("s = Pile()", "(lambda value: value() if callable(value) else value)(s.get_size)"),
        ),
    ],
)  # fmt: skip
def test_a_check_calls_what_the_answer_defines(
    text: str, code: str, steps: tuple[str, ...]
) -> None:
    assert bind(text, code) == steps


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("f(1) == 2", "def g(): ...", id="too-few-parameters"),
        pytest.param("f(1) == 2", "def g(a, b): ...", id="too-many-parameters"),
        pytest.param("f(1) == 2", "def g(a, *, b): ...", id="a-keyword-is-needed"),
        pytest.param("f(n=1) == 2", "def g(n): ...", id="a-keyword-is-given"),
        pytest.param("f() == 2", STACK, id="a-class-for-a-function"),
        pytest.param("Stack().pop() == 2", "def pop(): ...", id="a-function-for-a-class"),
        pytest.param("Stack().pop() == 2", "@dataclass\nclass Pile:\n    owner: str", id="fields"),
        pytest.param("Stack().pop() == 2", "class Pile(Heap): ...", id="a-base-s-constructor"),
        pytest.param("Stack(3).pop() == 2", STACK, id="a-constructor-that-takes-nothing"),
    ],
)
def test_a_check_that_fits_no_call_is_not_tried(text: str, code: str) -> None:
    assert bind(text, code) == ()


def test_checks_come_after_the_examples_and_in_place_of_plausible_calls() -> None:
    checks = read_checks([["f(1, 'a') == 1", "f('a', 1) == 1"], "f(0, '') raises ValueError"])
    evidence = evidence_of("def g(a, b): return a", "Do it. g(7, 'x') == 7")
    plan = plan_probes(evidence, checks)
    assert plan.steps == ("g(7, 'x')", "g(1, 'a')", "g(0, '')", "g('a', 1)", "g(0, '')")
    assert [probe.kind for probe in plan.probes] == ["example"] + ["check"] * 4
    assert [probe.reading for probe in plan.probes[1:]] == [0, 0, 1, 1]
    assert [probe.ran for probe in plan.probes[1:]] == ["check 1 of 2", "check 2 of 2"] * 2


def test_where_no_check_can_be_bound_plausible_calls_are_made() -> None:
    plan = plan_probes(evidence_of("def g(a, b): return a"), read_checks(["f(1) == 1"]))
    assert {probe.kind for probe in plan.probes} == {"call"}


def test_what_a_check_expects_stays_outside() -> None:
    plan = plan_probes(evidence_of("def g(a): return a"), read_checks(["f(1) == 'a secret'"]))
    assert not any("secret" in step for step in plan.steps)


@pytest.mark.parametrize(
    ("code", "source", "step"),
    [
        ("async def f(n): ...", "bool(f(3))", "bool(await f(3))"),
        ("async def f(n): ...", "asyncio.run(f(3))", "asyncio.run(f(3))"),
        ("async def f(n): ...", "await f(3)", "await f(3)"),
        ("async def f(n): yield n", "f(3)", "f(3)"),
        ("def f(n): ...", "bool(f(3))", "bool(f(3))"),
    ],
)
def test_calls_of_a_coroutine_are_awaited(code: str, source: str, step: str) -> None:
    (definition,) = ast.parse(code).body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    assert await_calls(source, describe(definition)) == step
