"""Each rule of the Evaluator: when it passes, when it fails, when it says nothing."""

import ast
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types.registry import open_task_types
from services.common.task_types.rules import Finding, Rule, RuleResults
from services.evaluator.app.services.evidence import Evidence, gather_evidence
from services.evaluator.app.services.rule_sets import weigh_findings
from services.evaluator.app.services.validators import STATIC_CHECKS

REQUEST = "Write a binary search function"
GOOD = (
    "def search(items: list[int], target: int) -> int:\n"
    '    """Index of target, or -1."""\n'
    "    return items.index(target) if target in items else -1\n"
)


def look_at(answer: str, request: str = REQUEST) -> Evidence:
    return gather_evidence(task_type="code_generation", user_input=request, answer=answer)


def find(rule: str, answer: str, request: str = REQUEST) -> Finding:
    return STATIC_CHECKS[rule](look_at(answer, request))


def validate(evidence: Evidence) -> RuleResults:
    """All static rules, as `code_generation` weighs them."""
    task_type = open_task_types(None).find("code_generation")
    assert task_type is not None
    rules = [
        Rule(STATIC_CHECKS[name], weight, caps)
        for name, (weight, caps) in task_type.rule_weights.items()
        if name in STATIC_CHECKS
    ]
    return weigh_findings(rules, {rule.name: rule.check(evidence) for rule in rules})


def fenced(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{code}\n```"


def score_of(rules: RuleResults) -> float:
    """The score by its definition: the weight earned of the weight that applied."""
    outcomes = [(result.rule.weight, result.finding.outcome) for result in rules.results]
    earned = math.fsum(weight for weight, outcome in outcomes if outcome == "passed")
    applied = math.fsum(weight for weight, outcome in outcomes if outcome != "not_applicable")
    return earned / applied


@pytest.mark.parametrize(
    ("rule", "answer", "outcome"),
    [
        pytest.param("gives_an_answer", "Hello World", "passed", id="answer-words"),
        pytest.param("gives_an_answer", "", "failed", id="answer-empty"),
        pytest.param("gives_an_answer", "<think>\nHm.", "failed", id="answer-reasoning"),
        pytest.param("gives_an_answer", " \n", "failed", id="answer-blank"),
        pytest.param("gives_an_answer", "I'm sorry, but no.", "failed", id="answer-sorry"),
        pytest.param("gives_an_answer", "I cannot help with that.", "failed", id="answer-cannot"),
        pytest.param("gives_an_answer", "As an AI, I don't.", "failed", id="answer-as-an-ai"),
        pytest.param(
            "gives_an_answer", "죄송하지만 할 수 없습니다", "failed", id="answer-korean-refusal"
        ),
        pytest.param("gives_an_answer", "Sorry,\n" + fenced(GOOD), "passed", id="answer-apology"),
        pytest.param(
            "gives_an_answer",
            "I'm sorry.\n" + fenced("pass"),
            "failed",
            id="answer-refusal-in-code",
        ),
        pytest.param("gives_an_answer", GOOD + "# sorry, no", "passed", id="answer-sorry-later"),
        pytest.param("contains_code", fenced(GOOD), "passed", id="code-fenced"),
        pytest.param("contains_code", GOOD, "passed", id="code-bare"),
        pytest.param("contains_code", fenced("let x", "js"), "passed", id="code-of-any-language"),
        pytest.param("contains_code", "Hello World", "failed", id="code-none"),
        pytest.param("parses_as_python", fenced(GOOD), "passed", id="parses"),
        pytest.param("parses_as_python", fenced("def f(:"), "failed", id="parses-not"),
        pytest.param("parses_as_python", fenced("let x", "js"), "failed", id="parses-javascript"),
        pytest.param("parses_as_python", "Hello World", "failed", id="parses-nothing"),
        pytest.param("defines_what_was_asked", GOOD, "passed", id="defines"),
        pytest.param("defines_what_was_asked", "x = 1", "failed", id="defines-nothing"),
        pytest.param("defines_what_was_asked", fenced("def f(:"), "failed", id="defines-broken"),
        pytest.param("returns_something", GOOD, "passed", id="returns"),
        pytest.param("returns_something", "def f():\n    yield 1", "passed", id="returns-yield"),
        pytest.param(
            "returns_something", "def f(x):\n    yield from x", "passed", id="returns-yield-from"
        ),
        pytest.param(
            "returns_something",
            "class A:\n    def f(self):\n        return 1",
            "passed",
            id="returns-method",
        ),
        pytest.param("returns_something", "def f():\n    return", "failed", id="returns-bare"),
        pytest.param("returns_something", "def f():\n    print(1)", "failed", id="returns-print"),
        pytest.param("returns_something", "print(1)", "failed", id="returns-script"),
        pytest.param("returns_something", "Hello World", "failed", id="returns-no-code"),
        pytest.param("is_complete", GOOD, "passed", id="complete"),
        pytest.param("is_complete", "x = 1", "passed", id="complete-script"),
        pytest.param("is_complete", "def f():\n    pass", "failed", id="complete-pass"),
        pytest.param("is_complete", "def f():\n    ...", "failed", id="complete-ellipsis"),
        pytest.param("is_complete", "def f():\n    'Doc.'", "failed", id="complete-docstring"),
        pytest.param(
            "is_complete",
            "def f():\n    'Doc.'\n    raise NotImplementedError('later')",
            "failed",
            id="complete-not-implemented-error",
        ),
        pytest.param(
            "is_complete", "def f():\n    raise NotImplemented", "failed", id="complete-constant"
        ),
        pytest.param(
            "is_complete", "def f():\n    raise ValueError(1)", "passed", id="complete-raises"
        ),
        pytest.param("is_complete", "def f():\n    raise", "passed", id="complete-raises-again"),
        pytest.param(
            "is_complete", "async def f():\n    pass", "failed", id="complete-asynchronous"
        ),
        pytest.param(
            "is_complete",
            "def g():\n    f()\ndef f():\n    pass",
            "passed",
            id="complete-one-of-two",
        ),
        pytest.param("is_complete", "def f():\n    return None", "failed", id="complete-none"),
        pytest.param(
            "is_complete", "def f():\n    'Doc.'\n    return", "failed", id="complete-bare"
        ),
        pytest.param("is_complete", "def f():\n    return ...", "failed", id="complete-dots"),
        pytest.param("is_complete", "def f():\n    return 1", "passed", id="complete-constant-one"),
        pytest.param(
            "uses_what_it_is_given",
            "def f(x):\n    y = [1, 2]\n    return y",
            "failed",
            id="uses-nothing",
        ),
        pytest.param(
            "uses_what_it_is_given", "def f(x):\n    x = 1", "failed", id="uses-overwritten"
        ),
        pytest.param(
            "uses_what_it_is_given", "def f(*xs):\n    return 1", "failed", id="uses-no-star"
        ),
        pytest.param(
            "uses_what_it_is_given", "def f(x):\n    x.clear()", "passed", id="uses-in-place"
        ),
        pytest.param(
            "uses_what_it_is_given", "def f(_x):\n    return 1", "not_applicable", id="uses-unused"
        ),
        pytest.param(
            "uses_what_it_is_given", "def f():\n    return 1", "not_applicable", id="uses-none"
        ),
        pytest.param(
            "uses_what_it_is_given",
            "def f(x):\n    def g():\n        return x\n    return g",
            "passed",
            id="uses-in-a-closure",
        ),
        pytest.param(
            "uses_what_it_is_given",
            "def f(x):\n    return 1\ndef g(y):\n    return y",
            "passed",
            id="uses-in-one-of-two",
        ),
        pytest.param("is_complete", "class A:\n    pass", "failed", id="complete-empty-class"),
        pytest.param(
            "is_complete", "class A:\n    'Doc.'\n    ...", "failed", id="complete-documented-class"
        ),
        pytest.param(
            "is_complete",
            "class A:\n    def f(self):\n        pass",
            "failed",
            id="complete-empty-methods",
        ),
        pytest.param("is_complete", "class A:\n    x: int", "passed", id="complete-fields"),
        pytest.param(
            "is_complete", "class A(Exception):\n    pass", "passed", id="complete-exception"
        ),
        pytest.param(
            "is_complete",
            "class A:\n    pass\ndef f():\n    return A()",
            "passed",
            id="complete-marker-class",
        ),
        pytest.param("is_complete", "Hello World", "not_applicable", id="complete-no-code"),
        pytest.param("is_complete", fenced("x", "js"), "not_applicable", id="complete-javascript"),
        pytest.param("has_no_placeholder", GOOD, "passed", id="placeholder-none"),
        pytest.param("has_no_placeholder", "", "failed", id="placeholder-empty"),
        pytest.param("has_no_placeholder", GOOD + "# TODO", "failed", id="placeholder-todo"),
        pytest.param("has_no_placeholder", GOOD + "# FIXME: x", "failed", id="placeholder-fixme"),
        pytest.param(
            "has_no_placeholder", "# Your code here", "failed", id="placeholder-your-code-here"
        ),
        pytest.param(
            "has_no_placeholder", "# implementation goes here", "failed", id="placeholder-goes-here"
        ),
        pytest.param(
            "has_no_placeholder", "x = 1  # todo: sort", "failed", id="placeholder-lower-case"
        ),
        pytest.param(
            "has_no_placeholder", "# code goes here", "failed", id="placeholder-code-goes-here"
        ),
        pytest.param(
            "has_no_placeholder",
            GOOD + "#\n" * 20_000 + "# TODO",
            "failed",
            id="placeholder-far-down",
        ),
        pytest.param(
            "has_no_placeholder", "def add(todo):\n    return todo", "passed", id="placeholder-word"
        ),
        pytest.param(
            "has_no_placeholder", "class TodoList: ...", "passed", id="placeholder-part-of-a-name"
        ),
        pytest.param("has_no_dangerous_call", GOOD, "passed", id="danger-none"),
        pytest.param("has_no_dangerous_call", "", "failed", id="danger-empty"),
        pytest.param("has_no_dangerous_call", "Hello World", "passed", id="danger-no-code"),
        pytest.param("has_no_dangerous_call", "eval('1')", "failed", id="danger-eval"),
        pytest.param(
            "has_no_dangerous_call",
            "import os\ndef f():\n    os.system('ls')",
            "failed",
            id="danger-system",
        ),
        pytest.param(
            "has_no_dangerous_call", "import re\nre.compile('a')", "passed", id="danger-re-compile"
        ),
        pytest.param(
            "has_no_dangerous_call", "x = 1  # never eval('1')", "passed", id="danger-in-a-comment"
        ),
        pytest.param("has_no_dangerous_call", "f()()", "passed", id="danger-call-of-a-call"),
        pytest.param(
            "has_no_dangerous_call", "import os as o\no.system('ls')", "failed", id="danger-as"
        ),
        pytest.param(
            "has_no_dangerous_call",
            "from subprocess import run as go\ngo('ls')",
            "failed",
            id="danger-from",
        ),
        pytest.param(
            "has_no_dangerous_call",
            "import builtins\nbuiltins.eval('1')",
            "failed",
            id="danger-builtins",
        ),
        pytest.param(
            "has_no_dangerous_call",
            "from re import compile\ncompile('a')",
            "passed",
            id="danger-not",
        ),
        pytest.param("has_docstring", GOOD, "passed", id="docstring"),
        pytest.param("has_docstring", "def f():\n    return 1", "failed", id="docstring-none"),
        pytest.param("has_docstring", "x = 1", "failed", id="docstring-no-definition"),
        pytest.param(
            "has_docstring", "class A:\n    'Doc.'\n    x = 1", "passed", id="docstring-class"
        ),
        pytest.param("has_type_hints", GOOD, "passed", id="hints"),
        pytest.param("has_type_hints", "x = 1", "failed", id="hints-no-function"),
        pytest.param("has_type_hints", "def f(x) -> int: ...", "failed", id="hints-parameter"),
        pytest.param("has_type_hints", "def f(x: int): ...", "failed", id="hints-return"),
        pytest.param("has_type_hints", "def f(*xs) -> int: ...", "failed", id="hints-star"),
        pytest.param("has_type_hints", "def f(**xs) -> int: ...", "failed", id="hints-two-stars"),
        pytest.param("has_type_hints", "def f(*, x) -> int: ...", "failed", id="hints-keyword"),
        pytest.param("has_type_hints", "def f(x, /) -> int: ...", "failed", id="hints-position"),
        pytest.param(
            "has_type_hints",
            "class A:\n    def __init__(self, x: int):\n        self.x = x",
            "passed",
            id="hints-self-and-constructor",
        ),
        pytest.param(
            "has_type_hints",
            "def f(x: int) -> int:\n    def g(y): ...\n    return x",
            "failed",
            id="hints-nested",
        ),
    ],
)
def test_a_rule_passes_fails_or_says_nothing(rule: str, answer: str, outcome: str) -> None:
    finding = find(rule, answer)
    assert finding.outcome == outcome
    assert finding.reason


@pytest.mark.parametrize(
    ("request_text", "answer", "outcome"),
    [
        pytest.param("Write a Stack class", "class Pile: ...", "passed", id="any-class"),
        pytest.param("Write a Stack class", "def stack(): ...", "failed", id="function-for-class"),
        pytest.param("스택 클래스를 작성해줘", "def f(): ...", "failed", id="korean-class"),
        pytest.param("이진 탐색 함수를 작성해줘", "def f(): ...", "passed", id="korean-any-name"),
    ],
)
def test_what_was_asked_for_must_be_defined(request_text: str, answer: str, outcome: str) -> None:
    assert find("defines_what_was_asked", answer, request_text).outcome == outcome


@pytest.mark.parametrize(
    ("request_text", "answer", "outcome"),
    [
        pytest.param("Write a function called two_sum", "def two_sum(): ...", "passed", id="name"),
        pytest.param("Write a function called two_sum", "def twosum(): ...", "failed", id="wrong"),
        pytest.param("Write a function called two_sum", "class two_sum: ...", "passed", id="class"),
        pytest.param(
            "Write a function called two_sum",
            "def pair(x): ...\ntwo_sum = pair",
            "passed",
            id="another-name-for-it",
        ),
        pytest.param(
            "Write a function called two_sum",
            "try:\n    from fast import two_sum\nexcept ImportError:\n    pass",
            "passed",
            id="imported",
        ),
        pytest.param(
            "Write a function called inner",
            "def outer():\n    def inner(): ...\n    inner = 1",
            "failed",
            id="not-at-the-top",
        ),
        pytest.param("Write a function that adds", "def f(): ...", "not_applicable", id="no-name"),
        pytest.param("Write a function called f", "no code", "not_applicable", id="no-code"),
        pytest.param("`two_sum` 함수를 작성해줘", "def two_sum(): ...", "passed", id="korean-name"),
        pytest.param("`two_sum` 함수를 작성해줘", "def f(): ...", "failed", id="korean-wrong-name"),
    ],
)
def test_a_name_that_the_request_gives_is_kept(
    request_text: str, answer: str, outcome: str
) -> None:
    assert find("keeps_the_given_name", answer, request_text).outcome == outcome


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("def two_sum(x):\n    pass\ndef aid(x):\n    return x", id="stub"),
        pytest.param("def two_sum(x):\n    return x\ndef two_sum(x):\n    pass", id="overwritten"),
    ],
)
def test_what_the_request_names_must_do_the_work_itself(answer: str) -> None:
    assert find("is_complete", answer, "Write a function called two_sum").outcome == "failed"


def test_what_the_request_names_must_use_what_it_is_given() -> None:
    answer = "def two_sum(x):\n    return 1\ndef aid(x):\n    return x"
    request = "Write a function called two_sum"
    assert find("uses_what_it_is_given", answer, request).outcome == "failed"


@pytest.mark.parametrize(
    "request_text",
    [
        "Write a function noop that does nothing",
        "Define a Protocol for a stack",
        "Write an abstract base class Shape with an area method",
    ],
)
def test_nothing_may_be_what_is_asked_for(request_text: str) -> None:
    assert find("is_complete", "def noop(): ...", request_text).outcome == "not_applicable"


@pytest.mark.parametrize(
    "request_text",
    ["Use the function called max to find the largest", "Call the method named split on a string"],
)
def test_names_of_python_s_own_are_not_asked_for(request_text: str) -> None:
    answer = "def f(x):\n    return max(x.split())"
    assert find("keeps_the_given_name", answer, request_text).outcome == "not_applicable"


def test_a_method_keeps_the_name_that_is_given() -> None:
    answer = "class Circle:\n    def area(self):\n        return 1\n"
    request = "Write a class Circle with a method called area()"
    assert find("keeps_the_given_name", answer, request).outcome == "passed"


def test_a_language_that_was_asked_for_need_not_parse_as_python() -> None:
    answer = fenced("const search = () => -1;", "javascript")
    request = "Write a binary search in JavaScript"
    assert find("parses_as_python", answer, request).outcome == "not_applicable"
    assert validate(look_at(answer, request)).cap_reasons == []


def test_the_docstring_that_counts_is_the_one_of_what_was_asked_for() -> None:
    answer = "def aid():\n    'Doc.'\n    return 1\ndef two_sum():\n    return aid()\n"
    assert find("has_docstring", answer).outcome == "passed"
    assert find("has_docstring", answer, "Write a function called two_sum").outcome == "failed"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("raise x" + ".a" * 2_000, id="deep-attribute"),
        pytest.param("raise " + "+".join(["1"] * 2_000), id="deep-sum"),
        pytest.param("raise 0x" + "f" * 10_000, id="huge-number"),
    ],
)
def test_deep_and_huge_expressions_are_looked_at_without_an_error(body: str) -> None:
    assert find("is_complete", f"def f():\n    {body}").outcome == "passed"


def test_functions_within_functions_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 50
    nested = "\n".join(f"{' ' * level}def f{level}(x{level}):" for level in range(depth))
    evidence = look_at(f"{nested}\n{' ' * depth}{'0;' * 1_000}")
    visits = 0

    def count(node: ast.AST) -> Iterator[ast.AST]:
        nonlocal visits
        for child in walk(node):
            visits += 1
            yield child

    walk = ast.walk
    nodes = sum(1 for _ in walk(evidence.tree or ast.Module()))
    monkeypatch.setattr(ast, "walk", count)

    validate(evidence)

    assert visits < 10 * nodes


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("def " + "f" * 50_000 + "(): ...", id="long-name"),
        pytest.param("def f(" + "x" * 50_000 + "): ...", id="long-parameter"),
        pytest.param("```" + "x" * 50_000 + "\nlet\n```", id="long-tag"),
    ],
)
def test_reasons_stay_short_whatever_the_answer_holds(answer: str) -> None:
    reasons = [result.finding.reason for result in validate(look_at(answer)).results]
    assert max(len(reason) for reason in reasons) <= 200


def test_a_good_answer_earns_all_the_weight() -> None:
    rules = validate(look_at(fenced(GOOD)))
    assert rules.score == pytest.approx(1)
    assert rules.cap_reasons == []


@pytest.mark.parametrize(
    ("answer", "capped"),
    [
        pytest.param("", True, id="empty"),
        pytest.param("I'm sorry, I can't do that.", True, id="refusal"),
        pytest.param("Binary search halves the range.", True, id="prose"),
        pytest.param(fenced("def f(:"), True, id="broken"),
        pytest.param(fenced("let x = 1;", "javascript"), True, id="another-language"),
        pytest.param("def search(items):\n    pass", True, id="stub"),
        pytest.param("def search(items):\n    return items[0]", False, id="plain"),
        pytest.param("x = 1", False, id="no-definition"),
    ],
)
def test_what_demonstrably_fails_is_capped_with_a_reason(answer: str, capped: bool) -> None:
    assert bool(validate(look_at(answer)).cap_reasons) is capped


ANSWERS = st.one_of(
    st.text(),
    st.text(alphabet="def f(x):\n returnpass`~=1'\"class", max_size=80),
    st.sampled_from([GOOD, fenced(GOOD), "Hello World", fenced("x", "js"), "TODO", "pass"]),
)


@given(answer=ANSWERS, request_text=st.text())
def test_any_answer_gets_a_score_that_is_the_share_of_weight_earned(
    answer: str, request_text: str
) -> None:
    rules = validate(look_at(answer, request_text))
    assert 0 <= rules.score <= 1
    assert rules.score == pytest.approx(score_of(rules))
    assert rules == validate(look_at(answer, request_text))
