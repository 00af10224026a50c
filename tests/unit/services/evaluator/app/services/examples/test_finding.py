"""Examples that a request shows, in the forms in which people write them."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.evaluator.app.sandbox.run.execution import Value
from services.evaluator.app.services.examples.finding import Example, find_examples
from services.evaluator.app.services.examples.literals import parse_expression
from services.evaluator.app.services.request import read_request


def only_example(request_text: str) -> Example:
    (example,) = find_examples(request_text)
    return example


@pytest.mark.parametrize(
    ("request_text", "expression", "expected"),
    [
        pytest.param("Write f so that f(3)==6.", "f(3)", 6, id="equals-without-spaces"),
        pytest.param("f(3) == 6", "f(3)", 6, id="equals"),
        pytest.param("f(3) = 6", "f(3)", 6, id="single-equals"),
        pytest.param("Example: `f(3) == 6`.", "f(3)", 6, id="in-backticks"),
        pytest.param("e.g. `f(3)` == `6`", "f(3)", 6, id="both-in-backticks"),
        pytest.param("f([1, 2]) -> 3", "f([1, 2])", 3, id="arrow"),
        pytest.param("f([1, 2]) => 3", "f([1, 2])", 3, id="double-arrow"),
        pytest.param("f([1, 2]) ==> 3", "f([1, 2])", 3, id="long-arrow"),
        pytest.param("f([1, 2]) → 3", "f([1, 2])", 3, id="unicode-arrow"),
        pytest.param("f([1, 2]) ➞ 3", "f([1, 2])", 3, id="heavy-arrow"),
        pytest.param("f(3)  # => 6", "f(3)", 6, id="comment-arrow"),
        pytest.param("f(3) #=> 6", "f(3)", 6, id="tight-comment-arrow"),
        pytest.param("f(15)   # returns 'db1111db'", "f(15)", "db1111db", id="comment-returns"),
        pytest.param("f(3)  # 6", "f(3)", 6, id="comment"),
        pytest.param("f('x') # => 'No' (it is no name)", "f('x')", "No", id="with-a-reason"),
        pytest.param("assert f(3) == 6", "f(3)", 6, id="assert"),
        pytest.param("* f(3) -> 6", "f(3)", 6, id="bullet"),
        pytest.param("- f(3) -> 6", "f(3)", 6, id="dash-bullet"),
        pytest.param("f(5) returns 120.", "f(5)", 120, id="returns"),
        pytest.param("f(5) should return 120", "f(5)", 120, id="should-return"),
        pytest.param("f(5) should be 120, I think.", "f(5)", 120, id="should-be"),
        pytest.param("f(5) gives 120 and g does not matter", "f(5)", 120, id="gives"),
        pytest.param("f(5) yields 120", "f(5)", 120, id="yields"),
        pytest.param("e.g. flatten([[1], [2]]) is [1, 2].", "flatten([[1], [2]])", [1, 2], id="is"),
        pytest.param("f(2) => true", "f(2)", True, id="lower-case-true"),
        pytest.param("f(2) -> null", "f(2)", None, id="null"),
        pytest.param("f('a, b') == [\"a\", 'b']", "f('a, b')", ["a", "b"], id="texts"),
        pytest.param("f(“abc”) → ‘cba’", 'f("abc")', "cba", id="curly-quotes"),
        pytest.param("f(2, 3) == (2, 3)", "f(2, 3)", (2, 3), id="tuple"),
        pytest.param("f([]) == set()", "f([])", set(), id="empty-set"),
        pytest.param("f(0) == float('inf')", "f(0)", float("inf"), id="infinity"),
        pytest.param("f(0) == -float('inf')", "f(0)", float("-inf"), id="minus-infinity"),
        pytest.param("f(-3) == -6.5", "f(-3)", -6.5, id="negative"),
        pytest.param("f(2) == {'a': [1, {2}]}", "f(2)", {"a": [1, {2}]}, id="nested"),
        pytest.param(
            "f([\n  [1, 2],\n  [3]\n], 1) == [4]",
            "f([\n  [1, 2],\n  [3]\n], 1)",
            [4],
            id="over-several-lines",
        ),
        pytest.param("round(f(2), 2) == 1.41", "round(f(2), 2)", 1.41, id="wrapped"),
        pytest.param("Rectangle(3, 4).area() == 12", "Rectangle(3, 4).area()", 12, id="method"),
        pytest.param("예: f(3) -> 6", "f(3)", 6, id="korean-example"),
        pytest.param("f(5)는 120을 반환해야 합니다", "f(5)", 120, id="korean-topic"),
        pytest.param("f(5)는 120", "f(5)", 120, id="korean-topic-alone"),
        pytest.param("f(3)의 결과는 6입니다.", "f(3)", 6, id="korean-result"),
        pytest.param("f(3)을 호출하면 6을 반환합니다", "f(3)", 6, id="korean-calling"),
    ],
)
def test_calls_with_their_values(request_text: str, expression: str, expected: Value) -> None:
    example = only_example(request_text)
    assert (example.expression, example.expected) == (expression, expected)
    assert type(example.expected) is type(expected)
    assert example.function


@pytest.mark.parametrize(
    ("request_text", "arguments", "expected"),
    [
        pytest.param("It returns 120 for 5.", "5", 120, id="value-first"),
        pytest.param("It returns 6 for 54 and 24.", "54, 24", 6, id="two-arguments"),
        pytest.param("It returns '1:01:01' for 3661.", "3661", "1:01:01", id="text"),
        pytest.param("For 5 it should return 120.", "5", 120, id="for-first"),
        pytest.param("For input [1, 2, 3] the result is 6.", "[1, 2, 3]", 6, id="for-input"),
        pytest.param("Given 5, it returns 120.", "5", 120, id="given"),
        pytest.param(
            "given the list [3, 1], returns [1, 3]", "[3, 1]", [1, 3], id="given-the-list"
        ),
        pytest.param("For lst = [1,2] the output should be 3", "[1,2]", 3, id="named"),
        pytest.param("Input: 3\nOutput: (1, 2)", "3", (1, 2), id="labelled"),
        pytest.param("**Input:** `[1, 2]`\n**Output:** `3`", "[1, 2]", 3, id="bold-labels"),
        pytest.param(
            "Input: nums = [2,7], target = 9\nOutput: [0,1]", "[2,7], 9", [0, 1], id="leetcode"
        ),
        pytest.param(
            "Input:\n  grid : [[0, 1]]\n  capacity : 2\nOutput: 6",
            "[[0, 1]], 2",
            6,
            id="labelled-lines",
        ),
        pytest.param("e.g. [3, 1, 2] -> [1, 2, 3]", "[3, 1, 2]", [1, 2, 3], id="bare-arrow"),
        pytest.param("입력: [1, 2]\n출력: 3", "[1, 2]", 3, id="korean-labels"),
        pytest.param("5를 넣으면 120을 반환합니다", "5", 120, id="korean-put-in"),
        pytest.param("[1, 2]를 입력하면 결과는 3입니다", "[1, 2]", 3, id="korean-enter"),
        pytest.param("12와 18을 입력하면 6을 반환", "12, 18", 6, id="korean-two-arguments"),
        pytest.param("5이면 120을 돌려줍니다", "5", 120, id="korean-if"),
        pytest.param("| input | output |\n|---|---|\n| 5 | 120 |", "5", 120, id="table"),
        pytest.param("| input | output |\r|---|---|\r| 5 | 120 |", "5", 120, id="old-line-ends"),
        pytest.param(
            "| a | b | result |\n|---|---|---|\n| 1 | 2 | `3` |", "1, 2", 3, id="table-columns"
        ),
        pytest.param(
            "| # | 입력 | 출력 |\n|---|---|---|\n| 1 | 'a' | 2 |", "'a'", 2, id="korean-table"
        ),
    ],
)
def test_examples_that_name_no_function(request_text: str, arguments: str, expected: Value) -> None:
    example = only_example(request_text)
    assert (example.function, example.expression, example.expected) == ("", arguments, expected)
    assert example.loose


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param("Write a function that sorts a list.", id="none"),
        pytest.param("fib(n) == fib(n-1) + fib(n-2)", id="variables"),
        pytest.param("is_happy(abc) => False", id="bare-words"),
        pytest.param("f(3) returns 3 items", id="a-count-of-things"),
        pytest.param("f(3) returns 1, 2", id="two-values"),
        pytest.param("f(3) is 1 or 2", id="a-choice"),
        pytest.param("f(3) == 1,000", id="thousands"),
        pytest.param('f("a") == ""a"', id="misquoted"),
        pytest.param('f(1) ==> ("Venus")', id="a-tuple-or-a-text"),
        pytest.param("f(0) + f(1) = 3", id="part-of-a-sum"),
        pytest.param("Currently f(5) returns 24, which is wrong.", id="what-it-wrongly-does"),
        pytest.param("f(5) returns 24 instead of 120", id="instead-of"),
        pytest.param("After keep(2), f(5) returns 7.", id="after-a-call"),
        pytest.param("After calling `keep(2)`, f(5) returns 7.", id="after-calling"),
        pytest.param("f(5) returns 7 after keep(2).", id="a-call-goes-first"),
        pytest.param("f(5) does not return 24", id="negated"),
        pytest.param("f(3) != 6", id="unequal"),
        pytest.param("f(3) -> 19 - 5 - 6 = 8", id="a-calculation"),
        pytest.param("It returns 1 for 2 and 3 for 4.", id="several-pairs"),
        pytest.param("assert abs(f(2) - 1.41) < 1e-2", id="a-difference"),
        pytest.param("assert isclose(f(2), 1.41)", id="a-call-in-a-call"),
        pytest.param("assert f(2) == pytest.approx(1.41)", id="what-is-about-equal"),
        pytest.param("f(3) == x", id="a-name"),
        pytest.param("f(3) == [1, x]", id="a-name-inside"),
        pytest.param("f(1) == 2\nf(1) == 3", id="contradicting-itself"),
        pytest.param("The Collatz sequence for 5 is [5, 16, 8].", id="of-another-thing"),
        pytest.param("1 -> 2 -> 3", id="a-chain"),
        pytest.param("Edges: 0 -> 1, 1 -> 2", id="edges"),
        pytest.param("Replace 'a' -> 'b'", id="a-replacement"),
        pytest.param("def f(n=3): return 6", id="a-definition"),
        pytest.param("f(5)는 3개의 값을 반환", id="korean-count"),
        pytest.param("0번째 수는 0이고 1번째 수는 1입니다.", id="korean-ordinals"),
        pytest.param("| name | age |\n|---|---|\n| 'Ann' | 30 |", id="another-table"),
        pytest.param("| input | output |\n|---|---|\n| hello | olleh |", id="unquoted-cells"),
        pytest.param(">>> f(3)\n", id="a-session-without-output"),
        pytest.param(">>> f(3)\n<Node 3>", id="a-session-with-an-object"),
        pytest.param(">>> f(3)\n...", id="an-ellipsis"),
        pytest.param(">>> f(3) == 6\nFalse", id="a-session-that-denies"),
        pytest.param(">>> xs\n[1]", id="a-session-with-a-free-name"),
    ],
)
def test_what_is_no_example(request_text: str) -> None:
    assert find_examples(request_text) == ()


@pytest.mark.parametrize(
    ("session", "setup", "expression", "expected"),
    [
        pytest.param(">>> f(3)\n6", (), "f(3)", 6, id="plain"),
        pytest.param(">>> f(3) == 6\nTrue", (), "f(3)", 6, id="comparison"),
        pytest.param(">>> f(3) == 6", (), "f(3)", 6, id="comparison-without-output"),
        pytest.param(">>> f(3)  # a comment = 5\n6", (), "f(3)", 6, id="comment"),
        pytest.param(">>> f([1,\n...    2])\n3", (), "f([1, 2])", 3, id="continued"),
        pytest.param(">>> f([1,\n...    2])\n[1,\n 2]", (), "f([1, 2])", [1, 2], id="long-output"),
        pytest.param(">>> print(f(3))\n6", (), "str(f(3))", "6", id="printed"),
        pytest.param(">>> f(3) is None\nTrue", (), "f(3)", None, id="none"),
        pytest.param(
            ">>> s = Stack()\n>>> s.push(1)\n>>> s.pop()\n1",
            ("s = Stack()", "s.push(1)"),
            "s.pop()",
            1,
            id="setup",
        ),
        pytest.param(
            ">>> x = 2\n>>> xs = [3, 1]\n>>> f(xs)\n>>> xs\n[1, 3]",
            ("xs = [3, 1]", "f(xs)"),
            "xs",
            [1, 3],
            id="in-place",
        ),
        pytest.param(
            ">>> from math import pi\n>>> round(f(pi))\n3",
            ("from math import pi",),
            "round(f(pi))",
            3,
            id="import",
        ),
    ],
)
def test_sessions(session: str, setup: tuple[str, ...], expression: str, expected: Value) -> None:
    example = only_example(f"Write f.\n\n{session}\n")
    assert (example.setup, example.expression, example.expected) == (setup, expression, expected)


def test_a_session_goes_on_from_line_to_line() -> None:
    first, second = find_examples(">>> s = Stack()\n>>> s.push(1)\n>>> s.pop()\n1\n>>> s.size()\n0")
    assert first.setup == ("s = Stack()", "s.push(1)")
    assert second.setup == ("s = Stack()", "s.push(1)", "s.pop()")
    assert first.function == second.function == "Stack"


@pytest.mark.parametrize(
    ("request_text", "expression", "error"),
    [
        pytest.param(
            ">>> f(-1)\nTraceback (most recent call last):\n  ...\nValueError: negative",
            "f(-1)",
            "ValueError",
            id="traceback",
        ),
        pytest.param("f(-1) raises ValueError.", "f(-1)", "ValueError", id="raises"),
        pytest.param("f(-1) should raise a ValueError", "f(-1)", "ValueError", id="should-raise"),
        pytest.param("`f('')` raises an `IndexError`", "f('')", "IndexError", id="in-backticks"),
    ],
)
def test_examples_that_raise(request_text: str, expression: str, error: str) -> None:
    example = only_example(request_text)
    assert (example.expression, example.expected_error) == (expression, error)


def test_code_that_is_shown_sets_up_what_follows() -> None:
    shown = (
        "```python\nstack = Stack()\nstack.push(1)\nstack.pop()  # 1\nassert stack.size() == 0\n```"
    )
    first, second = find_examples(shown)
    assert (first.setup, first.expression, first.expected) == (
        ("stack = Stack()", "stack.push(1)"),
        "stack.pop()",
        1,
    )
    assert (second.expression, second.expected) == ("stack.size()", 0)


@pytest.mark.parametrize(
    ("shown", "setup", "expression", "expected"),
    [
        (
            "b = Bag()\nb.put(4)\nassert b.take() == 4\nassert b.count() == 0",
            ("b = Bag()", "b.put(4)", "b.take()"),
            "b.count()",
            0,
        ),
        (
            "b = Bag()\nb.put(4)\nassert not b.empty()\nassert b.count() == 1",
            ("b = Bag()", "b.put(4)", "not b.empty()"),
            "b.count()",
            1,
        ),
        ("b = Bag()\nb.put(4)\nprint(b.count())  # 1", ("b = Bag()", "b.put(4)"), "b.count()", 1),
        ("tick = clock()\nassert tick() == 1", ("tick = clock()",), "tick()", 1),
        ("tick = clock()\nassert tick() == 1\nassert tick() == 2", None, "tick()", 2),
    ],
)
def test_each_value_belongs_to_its_place_in_what_is_shown(
    shown: str, setup: tuple[str, ...] | None, expression: str, expected: int
) -> None:
    last = find_examples(f"Write it.\n\n{shown}\n")[-1]
    assert last.setup == (setup or ("tick = clock()", "tick()"))
    assert (last.expression, last.expected) == (expression, expected)
    assert last.function in ("Bag", "clock")


WRITTEN = "\n\n```python\ndef mid(xs):\n    return xs[len(xs) // 2]\n```\n"


@for_each(
    [
        "Fix it: mid([9, 1, 5]) gives 1, expected 5.",
        "`mid([9, 1, 5])` returns 1 and that's a bug.",
        "Bug: mid([9, 1, 5]) -> 1 (expected: 5)",
        "Why is mid([9, 1, 5]) 1? mid([9, 1, 5]) is 1",
        "mid([9, 1, 5])를 호출하면 1이 나옵니다.",
    ]
)
def test_what_code_does_that_is_to_be_mended_is_no_example(sentence: str) -> None:
    assert read_request(sentence + WRITTEN).examples == ()


@for_each(
    [
        "Speed it up. mid([9, 1, 5]) == 1",
        "mid([9, 1, 5]) should return 1.",
        "mid([9, 1, 5]) must be 1, as ever",
        "assert mid([9, 1, 5]) == 1",
    ]
)
def test_what_code_should_do_stays_an_example(sentence: str) -> None:
    (example,) = read_request(sentence + WRITTEN).examples
    assert example.expected == 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param("assert is_odd(3)", True, id="plain"),
        pytest.param("assert not is_odd(2)", False, id="negated"),
    ],
)
def test_assertions_without_a_comparison_ask_for_truth(statement: str, expected: bool) -> None:
    example = only_example(statement)
    assert example.expression.startswith("bool(is_odd(")
    assert example.expected is expected


def test_examples_in_a_docstring_count() -> None:
    request_text = 'def add(a, b):\n    """Add two numbers.\n    >>> add(2, 3)\n    5\n    """\n'
    assert only_example(request_text).expression == "add(2, 3)"


def test_an_example_that_is_shown_twice_is_one() -> None:
    assert len(find_examples("f( 3 ) == 6 and again:\n\n>>> f(3)\n6\n")) == 1


def test_rows_of_a_table_are_examples_by_themselves() -> None:
    table = "| n | expected |\n|:--|--:|\n| 1 | 1 |\n| x | 2 |\n| 3 | 6 |\n\n| 9 | 9 |"
    assert [example.expression for example in find_examples(table)] == ["1", "3"]


@pytest.mark.parametrize(
    ("request_text", "any_order"),
    [
        pytest.param("Return the pairs in any order. f(1) == [2]", True, id="any-order"),
        pytest.param("The order of the result does not matter. f(1) == [2]", True, id="no-matter"),
        pytest.param("순서는 상관없습니다. f(1) == [2]", True, id="korean"),
        pytest.param("The pairs, any order. f(1) == [2]", True, id="any-order-in-short"),
        pytest.param("The list may come in any order. f(1) == [2]", False, id="of-the-input"),
        pytest.param("Given a list in any order, sort it. f(1) == [2]", False, id="given"),
        pytest.param("Sort it. f(1) == [2]", False, id="unsaid"),
    ],
)
def test_whether_the_order_is_left_open(request_text: str, any_order: bool) -> None:
    assert only_example(request_text).any_order is any_order


def test_the_request_is_quoted_in_short() -> None:
    long = "x" * 500
    example = only_example(f"f('{long}') == 6")
    assert len(example.quoted) == 200


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("f(" * 10_000, id="open-calls"),
        pytest.param("f(1) == " + "[" * 10_000, id="open-lists"),
        pytest.param("f('" * 5_000, id="open-texts"),
        pytest.param("f(1) " + "=" * 15_000, id="equals-signs"),
        pytest.param("f(1) == " + "9" * 15_000, id="a-long-number"),
        pytest.param("f(1) == " + "-" * 900 + "1", id="signs"),
        pytest.param(">>> " * 4_000, id="prompts"),
        pytest.param(">>> f([\n" * 2_000, id="open-statements"),
        pytest.param("| " * 9_000 + "\n" + "|-" * 9_000, id="bars"),
        pytest.param("Input: " * 2_500, id="labels"),
        pytest.param("for given with " * 1_300, id="words"),
        pytest.param("returns " + "1 for 1 and " * 1_500, id="pairs"),
        pytest.param("`" * 20_000, id="backticks"),
        pytest.param(" " * 20_000, id="spaces"),
        pytest.param("f(1) == {[]: 1}", id="unhashable"),
        pytest.param("f(1) == {[]}", id="unhashable-element"),
        pytest.param("a = 1\n" * 3_000, id="statements"),
        pytest.param("f(1)\x00 == 2", id="nul"),
        pytest.param("should return " * 300 + "\n" * 15_000, id="lines-after-a-verb"),
        pytest.param("\n" * 20_000, id="lines"),
        pytest.param(" \n" * 10_000, id="lines-with-spaces"),
        pytest.param("빈 리스트면" + " " * 19_000, id="spaces-after-what-is-empty"),
        pytest.param("f(1)" + " " * 19_000, id="spaces-after-a-call"),
        pytest.param("Input: 1" + " " * 19_000, id="spaces-after-an-input"),
        pytest.param("returns " + " \t" * 9_000, id="spaces-after-a-verb"),
        pytest.param("f(1) == float('x')", id="no-float"),
    ],
)
def test_hostile_requests_are_searched_to_an_end(hostile: str) -> None:
    assert len(find_examples(hostile)) <= 12


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("f(" + "a" * 4_000 + "!", id="a-long-name-in-a-call-left-open"),
        pytest.param("print(reverse_the_given_string_of_words('abc')) " * 80, id="nested-calls"),
        pytest.param("f(" + "a: b[c, " * 500, id="hints-left-open"),
        pytest.param("f(" + "a " * 2_000 + ")", id="words-without-commas"),
    ],
)
def test_what_looks_like_a_signature_is_read_to_an_end(hostile: str) -> None:
    named = "Example:\nInput: k = 2, xs = [1]\nOutput: 3\n"

    (example,) = find_examples(named + "\nWrite g(xs: list[int], k=1). " + hostile)

    assert (example.expression, example.names) == ("[1], 2", ())


@given(st.text(alphabet="f(3)=> 6[]'\",\n->:returnsfogivendupi5이면|#", max_size=60))
def test_whatever_is_found_can_be_run(request_text: str) -> None:
    for example in find_examples(request_text):
        source = example.expression if example.function else f"f({example.expression})"
        assert isinstance(parse_expression(source), ast.expr)
        for statement in example.setup:
            ast.parse(statement)


@pytest.mark.parametrize(
    ("shown", "value"),
    [("['‘']", ["‘"]), ('"‘a’"', "‘a’"), ("“it’s”", "it's"), ("‘a’", "a"), ("'“'", "“")],
)
def test_quotes_in_a_string_are_characters_and_others_are_quotes(shown: str, value: object) -> None:
    assert only_example(f"It's simple: f(1) == {shown}").expected == value


@given(st.integers(), st.lists(st.integers() | st.text(max_size=3), max_size=4))
def test_values_are_read_as_they_are_written(argument: int, value: list[int | str]) -> None:
    example = only_example(f">>> f({argument})\n{value!r}\n")
    assert example.expected == value


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(">>> f([1])\n1\n>>> f([])\n\n0", id="a-value-below-a-gap"),
        pytest.param(">>> f([1])\n1\n>>> g([])", id="another-function"),
    ],
)
def test_a_call_without_output_may_also_be_left_open(session: str) -> None:
    assert [example.expression for example in find_examples(session)] == ["f([1])"]


def test_a_text_in_a_session_may_be_broken_where_an_escape_was() -> None:
    example = only_example(">>> f('a\nb')\n'c\nd'\n")
    assert (example.expression, example.expected) == ("f('a\\nb')", "c\nd")


@pytest.mark.parametrize(
    ("signature", "expression", "names"),
    [
        pytest.param("Write `add(arr, k)`.", "[1], 4", (), id="in-backticks"),
        pytest.param("def add(arr: list[int], k: int = 3) -> int:", "[1], 4", (), id="hints"),
        pytest.param("Write add.", "4, [1]", ("k", "arr"), id="none"),
        pytest.param("Write `add(xs, n)`.", "4, [1]", ("k", "arr"), id="other-names"),
    ],
)
def test_named_arguments_take_the_order_of_the_signature_that_is_asked_for(
    signature: str, expression: str, names: tuple[str, ...]
) -> None:
    example = only_example(f"{signature}\n\nInput: k = 4, arr = [1]\nOutput: 5")
    assert (example.expression, example.names) == (expression, names)


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param('In C strlen("abc") returns 3.', id="another-language"),
        pytest.param("In JavaScript, add('1', 2) returns '12'.", id="javascript"),
        pytest.param("The old API: f(1) == 2", id="old"),
        pytest.param("We have this failing session:\n>>> f(1)\n2\n>>> f(2)\n3", id="failing"),
        pytest.param("The current code gives:\n\nf(1) == 2\nf(2) == 3", id="current"),
        pytest.param("currently f(3) returns 7", id="currently"),
        pytest.param("f(1,2)의 결과가 4로 나오는데 3이 나와야 해", id="korean-as-it-is"),
        pytest.param("f() returns a uuid string such as f() == 'a-1'", id="uuid"),
        pytest.param("Return the current time, e.g. now() -> '12:00'", id="current-time"),
        pytest.param("Generate a random word: gen(3) -> 'abc'", id="random"),
    ],
)
def test_what_is_not_how_it_should_be(request_text: str) -> None:
    assert find_examples(request_text) == ()


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param("The failing test is:\nassert f(1) == 2", id="failing-test"),
        pytest.param("Pick a random number with a seed: f(1) == 2", id="seeded"),
        pytest.param(
            "The old code:\nx = y\nIt should now do what this example shows:\nf(1) == 2",
            id="old-code-above",
        ),
    ],
)
def test_what_is_how_it_should_be(request_text: str) -> None:
    assert only_example(request_text).expected == 2


def test_the_length_of_what_varies_is_fixed() -> None:
    request_text = "Generate a random word: len(gen(3)) == 3"
    assert only_example(request_text).expression == "len(gen(3))"


@pytest.mark.parametrize(
    ("request_text", "tolerance"),
    [
        pytest.param("f(2) should give 12.57 (rounded)", 0.005, id="rounded"),
        pytest.param("f(2) is about 12.57", 0.005, id="about"),
        pytest.param("f(2) ≈ 12.6", 0.05, id="sign"),
        pytest.param("f(2)는 약 12.6입니다", 0.05, id="korean"),
        pytest.param("f(2) = 12.6", 0.05, id="one-equals-sign"),
        pytest.param("It returns 12.57 for 2, approximately", 0.005, id="behind"),
        pytest.param("f(2) == 12.6", 0, id="two-equals-signs"),
        pytest.param("f(2) returns 12.57", 0, id="as-it-stands"),
        pytest.param("f(2) is about 12", 0, id="whole-number"),
        pytest.param("Round to one decimal: f(2) = 12.6", 0, id="rounding-is-the-task"),
    ],
)
def test_numbers_that_are_rounded(request_text: str, tolerance: float) -> None:
    assert only_example(request_text).tolerance == pytest.approx(tolerance, rel=1e-3)


@pytest.mark.parametrize(
    ("request_text", "argument", "expected"),
    [
        pytest.param("It returns 0 for an empty list.", "[]", 0, id="value-first"),
        pytest.param("An empty string gives 0.", "''", 0, id="subject"),
        pytest.param("For an empty list return None", "[]", None, id="for"),
        pytest.param("The mean of an empty list is 0.", "[]", 0, id="of"),
        pytest.param("Return {} for an empty dictionary", "{}", {}, id="dictionary"),
        pytest.param("Return an empty list for an empty string.", "''", [], id="in-words"),
        pytest.param("Return zero if the list is empty.", "[]", 0, id="if"),
        pytest.param("Return None in case the input list is empty.", "[]", None, id="in-case"),
        pytest.param("If the array is empty, return -1.", "[]", -1, id="if-first"),
        pytest.param("합을 구하는 함수. 빈 리스트면 0을 반환.", "[]", 0, id="korean"),
        pytest.param("문자열이 비어 있으면 None을 반환하세요", "''", None, id="korean-empty"),
        pytest.param("빈 문자열이면 빈 리스트를 반환", "''", [], id="korean-in-words"),
    ],
)
def test_what_an_empty_argument_gives(request_text: str, argument: str, expected: Value) -> None:
    example = only_example(request_text)
    assert (example.function, example.expression, example.expected) == ("", argument, expected)
