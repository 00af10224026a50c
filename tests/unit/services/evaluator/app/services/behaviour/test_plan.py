"""What is planned to be run of an answer."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.probe import MAX_STEPS, ProbePlan
from services.evaluator.app.services.behaviour.target import find_target
from services.evaluator.app.services.evidence import Evidence, gather_evidence


def evidence_of(request_text: str, code: str) -> Evidence:
    return gather_evidence(
        task_type="code_generation", user_input=request_text, answer=f"```python\n{code}\n```"
    )


def plan(request_text: str, code: str) -> ProbePlan:
    return plan_probes(evidence_of(request_text, code))


@pytest.mark.parametrize(
    ("request_text", "code", "steps"),
    [
        pytest.param("f(3) == 6", "def f(n): return 2 * n", ("f(3)",), id="as-it-is-shown"),
        pytest.param("f(3) == 6", "def g(n): return 6", ("f(3)",), id="under-its-own-name"),
        pytest.param("It returns 6 for 3.", "def g(n): return 6", ("g(3)",), id="nameless"),
        pytest.param(
            "Input: n = 3, k = 1\nOutput: 6",
            "def g(k, n): return 6",
            ("g(n=3, k=1)",),
            id="by-name",
        ),
        pytest.param(
            "Input: nums = [3], k = 1\nOutput: 6",
            "def g(items, k): return 6",
            ("g([3], 1)",),
            id="by-place",
        ),
        pytest.param(
            "It returns 6 for 3 and 4.", "def g(*n): return 6", ("g(3, 4)",), id="any-number"
        ),
        pytest.param(
            "def g(n):\n\nassert h(3) == 6", "def g(n): return 6", ("g(3)",), id="one-name-for-two"
        ),
        pytest.param(
            "Write a class Solution. two(3) == 6",
            "class Solution:\n    def two(self, n): return 6",
            ("Solution().two(3)",),
            id="method-of-a-class",
        ),
        pytest.param(
            ">>> s = Stack()\n>>> s.push(1)\n>>> s.pop()\n1\n>>> s.size()\n0",
            "class Stack: ...",
            ("s = Stack()", "s.push(1)", "s.pop()", "s.size()"),
            id="a-session-is-run-once",
        ),
    ],
)
def test_examples_are_called_as_the_answer_needs_it(
    request_text: str, code: str, steps: tuple[str, ...]
) -> None:
    assert plan(request_text, code).steps == steps


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        pytest.param("It returns 6 for 3 and 4.", "def g(n): return 6", id="too-many-arguments"),
        pytest.param("It returns 6 for 3.", "class G:\n    pass", id="a-class"),
        pytest.param(
            "g(1) == 2. Unlike g, h(3) == 6.", "def g(n): return 2", id="another-function"
        ),
    ],
)
def test_examples_that_do_not_fit_the_answer_are_left_out(request_text: str, code: str) -> None:
    examples = [probe for probe in plan(request_text, code).probes if probe.kind == "example"]
    assert all("g(1)" in probe.ran or "h(3)" in probe.ran for probe in examples)
    assert len(examples) <= 2


KEEPING = """class Basket:
    def __init__(self, fee=0):
        self.fee, self.goods = fee, []
    def put(self, price): self.goods.append(price)
    def total(self): return self.fee + self._sum()
    def _sum(self): return sum(self.goods)
    def dearer(self, price): return self.double(price)
    def double(self, price): return 2 * price"""


@pytest.mark.parametrize(
    ("example", "code", "is_tried"),
    [
        ("After putting 2 and 3 in, total() returns 5.", KEEPING, False),
        ("put(2), then total() returns 2.", KEEPING, False),
        ("With a fee of 1, total() returns 1.", KEEPING.replace("fee=0", "fee"), False),
        ("It is empty, so total() returns 0.", KEEPING, False),
        ("double(2) returns 4.", KEEPING, True),
        ("dearer(2) returns 4.", KEEPING, True),
        ("Basket().total() returns 0.", KEEPING, True),
        (">>> b = Basket()\n>>> b.total()\n0", KEEPING, True),
        ("Solution: total() returns 0.", KEEPING.replace("Basket", "Solution"), True),
    ],
)
def test_a_method_is_tried_by_itself_only_where_no_state_matters(
    example: str, code: str, is_tried: bool
) -> None:
    planned = plan(f"Write a class Basket. {example}".replace(". >>>", ".\n\n>>>"), code)
    assert any(probe.kind == "example" for probe in planned.probes) is is_tried


def test_expected_values_stay_outside() -> None:
    planned = plan("f(3) == 'a secret'", "def f(n): return n")
    assert not any("secret" in step for step in planned.steps)
    assert planned.probes[0].expected == "a secret"


@pytest.mark.parametrize(
    ("text", "value"), [("ab", True), ("b", False)], ids=["a-match", "no-match"]
)
def test_a_match_says_whether(text: str, value: bool) -> None:
    code = "import re\ndef f(text): return re.search('a', text)"
    (step,) = plan(f"f({text!r}) == {value}", code).steps
    scope: dict[str, object] = {}
    exec(code, scope)
    assert eval(step, scope) is value


def test_what_looks_for_no_match_must_say_whether_itself() -> None:
    assert plan("f(1) == False", "def f(n):\n    if n > 1: return True").steps == ("f(1)",)


def test_plausible_calls_are_made_only_without_an_example() -> None:
    code = "def f(numbers: list[int]) -> int: return 1"
    with_example = plan("Do something odd. f([1]) == 1", code)
    without = plan("Do something odd.", code)
    assert {probe.kind for probe in with_example.probes} == {"example"}
    assert {probe.kind for probe in without.probes} == {"call"}


@pytest.mark.parametrize(
    ("code", "target"),
    [
        pytest.param(
            "def merge(a, b): ...\ndef merge_sort(a): merge(a, a)", "merge_sort", id="root"
        ),
        pytest.param("def _split(a): ...\ndef order(a): ...", "order", id="public"),
        pytest.param("def order(a): ...\ndef main(): order([])", "order", id="not-main"),
        pytest.param("def first(a): ...\ndef sort_items(a): ...", "sort_items", id="on-topic"),
        pytest.param("def one(a): two(a)\ndef two(a): one(a)", "one", id="each-other"),
    ],
)
def test_what_a_request_without_a_name_means(code: str, target: str) -> None:
    found = find_target(evidence_of("Sort a list", code))
    assert found is not None
    assert found.definition.name == target


EVEN = "def is_even(n): return n % 2 == 0\n"
PRIME = "def is_prime(n): return all(n % i for i in range(2, n))\n"
PRIMES = PRIME + "def get_primes(n): return [is_prime(n)]"
SOLUTION = "class Solution:\n    def sort(self, a): ...\ndef demo(): Solution()"
MEDIAN = (
    "def mean_of_two(a, b): return (a + b) / 2\n"
    "def find_median(numbers): return mean_of_two(*numbers)"
)
STACKS = (
    "class EmptyStackError(IndexError): ...\n"
    "class Stack:\n    def pop(self): raise EmptyStackError\n"
    "def demo(): print(Stack())"
)
TABLE = "def row(n, i): return n * i\ndef print_table(n):\n    for i in range(9): print(row(n, i))"
IS_EVEN = "Write a function to check if a number is even."
ADDING = "Write a function that adds two numbers"
SUM = "def add_numbers(a, b): return a + b\n"


@pytest.mark.parametrize(
    ("request_text", "code", "target"),
    [
        (IS_EVEN, EVEN + "def is_odd(n): return not is_even(n)", "is_even"),
        (IS_EVEN, EVEN + "def check_number(number): print(is_even(number))", "is_even"),
        (IS_EVEN, EVEN + "def test_is_even():\n    assert is_even(4)", "is_even"),
        (IS_EVEN, EVEN + "def check_if_number_is_even():\n    print(is_even(4))", "is_even"),
        (ADDING, SUM + "def print_sum(a, b): print(add_numbers(a, b))", "add_numbers"),
        (ADDING, "def example_usage(): print(add(1, 2))\ndef add(a, b): return a + b", "add"),
        ("Checks if a number is prime", PRIME + "def print_primes(n): print(n)", "is_prime"),
        ("Return all primes up to n", PRIMES, "get_primes"),
        ("Find the median, the mean of the two numbers in the middle", MEDIAN, "find_median"),
        ("Write a stack class. pop on an empty stack raises an IndexError", STACKS, "Stack"),
        ("Print a multiplication table", TABLE, "print_table"),
        ("Sort a list", SOLUTION, "sort"),
        ("짝수인지 확인하는 함수", EVEN + "def main(): print(is_even(4))", "is_even"),
    ],
)  # fmt: skip
def test_a_helper_or_a_demonstration_is_not_what_was_asked_for(
    request_text: str, code: str, target: str
) -> None:
    found = find_target(evidence_of(request_text, code))
    assert found is not None
    assert found.definition.name == target


def test_a_name_in_the_request_decides() -> None:
    found = find_target(evidence_of("Write helper(a)", "def helper(a): ...\ndef f(a): helper(a)"))
    assert found is not None
    assert found.definition.name == "helper"


@pytest.mark.parametrize(
    "answer", ["", "I can't.", "```python\nx = 1\n```", "```python\ndef f(:\n```"]
)
def test_without_a_definition_there_is_no_plan(answer: str) -> None:
    evidence = gather_evidence(task_type="code_generation", user_input="f(3) == 6", answer=answer)
    assert plan_probes(evidence) == ProbePlan()


@pytest.mark.parametrize(
    ("request_text", "step"),
    [
        ("f(3) == 6", "await f(3)"),
        ("sorted(f(3)) == [6]", "sorted(await f(3))"),
        ("f(f(3)) == 6", "await f(await f(3))"),
    ],
)
def test_a_coroutine_is_awaited_where_it_is_called(request_text: str, step: str) -> None:
    planned = plan(request_text, "import asyncio\nasync def f(n): return n")
    assert planned.steps[0] == step


@pytest.mark.parametrize(
    ("request_text", "iterable", "array"),
    [
        ("Write f that returns a list.", False, False),
        ("Write a function f that yields the even numbers.", True, False),
        ("Write a generator f of even numbers.", True, False),
        ("Return an iterator over pairs.", True, False),
        ("짝수를 내는 제너레이터 f를 작성하세요.", True, False),
        ("Keep the last items in a deque.", True, False),
        ("Generate a list of even numbers in the range 1 to 9.", False, False),
        ("Return the sums as a NumPy array.", False, True),
        ("Sort the array.", False, True),
    ],
)
def test_the_request_says_whether_a_list_must_be_one(
    request_text: str, iterable: bool, array: bool
) -> None:
    (probe,) = plan(f"{request_text} f(3) == [6]", "def f(n): return [n]").probes
    assert (probe.comparison.any_iterable, probe.comparison.any_array) == (iterable, array)


def test_examples_beyond_the_most_steps_are_left_out_whole() -> None:
    shown = "\n".join(
        f">>> a{n} = [{n}]\n>>> a{n}.append(1)\n>>> f(a{n})\n[{n}]" for n in range(12)
    )
    planned = plan(f"Sort a list.\n{shown}", "def f(items): return sorted(items)")
    assert len(planned.steps) <= MAX_STEPS
    assert planned.steps[-1] == planned.probes[-1].ran


def test_a_plan_can_be_sent_to_another_process() -> None:
    planned = plan("Sort a list. f([2, 1]) == [1, 2]", "def f(items): return sorted(items)")
    assert pickle.loads(pickle.dumps(planned)) == planned


@given(st.text(alphabet="f(3)=> 6[]\ndef:sort", max_size=60), st.text(max_size=40))
def test_every_step_belongs_to_a_probe(request_text: str, body: str) -> None:
    planned = plan(request_text, f"def f(n):\n    return {body!r}")
    covered = [step for probe in planned.probes for step in range(probe.first, probe.last + 1)]
    assert covered == list(range(len(planned.steps)))
    for step in planned.steps:
        compile(step, "<step>", "exec")
