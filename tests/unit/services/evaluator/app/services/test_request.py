"""What a request fixes for its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.evaluator.app.services.request import read_request, stem


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        pytest.param("Write a function called two_sum", "two_sum", id="function-called"),
        pytest.param("Write a function named `two_sum`.", "two_sum", id="function-named-quoted"),
        pytest.param("Write a method called push", "push", id="method-called"),
        pytest.param("Write a class called Stack", "Stack", id="class-called"),
        pytest.param("Complete this: def two_sum(nums, target):", "two_sum", id="signature"),
        pytest.param("Write `two_sum(nums, target)` for me", "two_sum", id="quoted-call"),
        pytest.param("Write a function two_sum(nums)", "two_sum", id="function-with-arguments"),
        pytest.param("Something called two_sum(nums)", "two_sum", id="called-with-arguments"),
        pytest.param("Implement class Stack with push and pop", "Stack", id="class-in-capitals"),
        pytest.param("`two_sum` 함수를 작성해줘", "two_sum", id="korean-function"),
        pytest.param("`two_sum`라는 함수를 작성해줘", "two_sum", id="korean-called"),
        pytest.param("`Stack` 클래스를 만들어줘", "Stack", id="korean-class"),
        pytest.param("```python\ndef two_sum(nums):\n```\nFix it", "two_sum", id="code-block"),
        pytest.param("Write is_leap_year(year), please", "is_leap_year", id="written-call"),
        pytest.param(
            "I need insert_position(items, value): it", "insert_position", id="needed-call"
        ),
        pytest.param("is_anagram 함수를 만들어 주세요", "is_anagram", id="korean-unquoted"),
        pytest.param("order라는 이름의 함수를 작성", "order", id="korean-name"),
        pytest.param("Python 함수를 작성해줘", "", id="korean-language"),
        pytest.param("JSON 클래스를 작성해줘", "", id="korean-format"),
        pytest.param("Flatten a list: flatten([[1]]) == [1]", "flatten", id="example"),
        pytest.param(">>> s = Stack()\n>>> s.size()\n0", "Stack", id="session"),
        pytest.param(
            "Write order(a). For example sort([2, 1]) == [1, 2]", "order", id="over-example"
        ),
        pytest.param(
            'def poly(xs):\n    return xs\n\ndef find_zero(xs):\n    """Return x."""',
            "find_zero",
            id="the-one-left-open",
        ),
        pytest.param(
            'def find_zero(xs):\n    """if x"""\n\ndef poly(xs):\n    return xs\n',
            "find_zero",
            id="the-one-left-open-first",
        ),
        pytest.param(
            "def one(x):\n    return x\ndef two(x):\n    return x", "", id="none-left-open"
        ),
        pytest.param("Write a binary search function", "", id="none"),
        pytest.param("이진 탐색 함수를 작성해줘", "", id="korean-none"),
        pytest.param("Write a class for stacks", "", id="class-without-name"),
        pytest.param(
            "Write a function that (given a list) sorts it", "", id="parenthesis-after-that"
        ),
        pytest.param("Write a function for (x, y) pairs", "", id="parenthesis-after-for"),
        pytest.param("Write a function called by the main loop", "", id="called-by"),
        pytest.param("Use the function max() to find the largest", "", id="use-of-a-function"),
        pytest.param("A program that uses the function `print()`", "", id="uses-a-function"),
        pytest.param(
            "Write a function that calls the method split() on a string", "", id="calls-a-method"
        ),
        pytest.param("Sort without the `sorted()` function", "", id="without-a-function"),
        pytest.param(
            "Write a function `solve(n)` that calls `helper(n)`", "solve", id="solve-by-a-helper"
        ),
        pytest.param(
            "Using the function helper(x), write a function `solve(n)`", "solve", id="helper-first"
        ),
        pytest.param("Write a function reverse(s)", "reverse", id="asked-for-like-a-method"),
        pytest.param("Write a function called sum", "sum", id="called-like-a-builtin"),
        pytest.param("Use the function name `solve(n)`", "solve", id="use-of-a-name"),
        pytest.param(
            "Write a class Circle with a method area() and a method perimeter()",
            "Circle",
            id="class-with-methods",
        ),
        pytest.param(
            "Create a BankAccount class with a method deposit(amount)",
            "BankAccount",
            id="class-behind-its-name",
        ),
        pytest.param("Write a class `Stack` with `push(x)` and `pop()`", "Stack", id="class-parts"),
        pytest.param("Write a class with a method area()", "", id="method-of-a-class"),
        pytest.param(
            "Write a function `area(shape)` for objects of class Circle",
            "area",
            id="function-of-a-class",
        ),
        pytest.param("Write a function named after its author", "", id="named-after"),
        pytest.param(
            "Write a function that (given a list) sorts, called order(items)",
            "order",
            id="a-name-behind-a-false-one",
        ),
    ],
)
def test_the_name_that_a_request_gives(request_text: str, name: str) -> None:
    assert read_request(request_text).name == name


@pytest.mark.parametrize(
    ("request_text", "wants_class"),
    [
        pytest.param("Write a Stack class", True, id="class"),
        pytest.param("스택 클래스를 작성해줘", True, id="korean"),
        pytest.param("Stack class를 작성해줘", True, id="korean-particle"),
        pytest.param("Write a function", False, id="function"),
        pytest.param("Write a classifier", False, id="a-longer-word"),
        pytest.param("Fix this\n```\nclass Stack: pass\n```", False, id="only-in-a-code-block"),
    ],
)
def test_whether_a_class_is_wanted(request_text: str, wants_class: bool) -> None:
    assert read_request(request_text).wants_class is wants_class


@pytest.mark.parametrize(
    ("request_text", "wants_python"),
    [
        pytest.param("Write a function", True, id="no-language"),
        pytest.param("Write it in Python", True, id="python"),
        pytest.param("파이썬으로 작성해줘", True, id="korean-python"),
        pytest.param("Write it in JavaScript", False, id="javascript"),
        pytest.param("Write it in C++", False, id="c-plus-plus"),
        pytest.param("Write it in C#.", False, id="c-sharp"),
        pytest.param("자바 함수를 작성해줘", False, id="korean-java"),
        pytest.param("자바스크립트로 작성해줘", False, id="korean-javascript-with-particle"),
        pytest.param("JavaScript로 작성해줘", False, id="javascript-with-korean-particle"),
        pytest.param("JavaScript를 Python으로 바꿔줘", True, id="both-with-korean-particles"),
        pytest.param("Translate this JavaScript to Python", True, id="both"),
        pytest.param("Write a function for javascripters", True, id="a-longer-word"),
        pytest.param("Explain\n```\n-- sql\n```", True, id="only-in-a-code-block"),
    ],
)
def test_whether_python_is_wanted(request_text: str, wants_python: bool) -> None:
    assert read_request(request_text).wants_python is wants_python


@pytest.mark.parametrize(
    ("request_text", "topic"),
    [
        pytest.param("Write a binary search function", {"binar", "searc"}, id="words"),
        pytest.param("WRITE A BINARY SEARCH", {"binar", "searc"}, id="capitals"),
        pytest.param("Write a function", set(), id="only-common-words"),
        pytest.param("이진 탐색 함수를 작성해줘", set(), id="korean"),
        pytest.param("정렬(sort) 함수를 작성해줘", {"sort"}, id="korean-with-latin"),
        pytest.param("Sum it\n```\nsecret = 1\n```", {"sum"}, id="code-blocks-left-out"),
        pytest.param("Do x of n", set(), id="short-words-left-out"),
    ],
)
def test_the_topic_of_a_request(request_text: str, topic: set[str]) -> None:
    assert read_request(request_text).topic == topic


@pytest.mark.parametrize(
    "forms",
    [
        "sort sorts sorted Sorting",
        "search searches searched searching",
        "merge merges merged merging",
        "reverse reverses REVERSED reversing",
        "prime primes",
        "tree trees",
    ],
)
def test_stems_let_forms_of_a_word_meet(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_stems_keep_words_apart() -> None:
    words = "sort search merge reverse binary prime queue stack tree count string strip sum".split()
    assert len({stem(word) for word in words}) == len(words)


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param("`" * 20_000, id="backticks"),
        pytest.param("def " + " " * 19_000, id="spaces-after-def"),
        pytest.param("def " * 5_000, id="many-defs"),
        pytest.param("`a(" * 6_000, id="open-calls"),
        pytest.param("function called " * 1_200, id="called"),
        pytest.param("class " + "A" * 19_000, id="a-long-name"),
    ],
)
def test_hostile_requests_are_read_to_an_end(request_text: str) -> None:
    read_request(request_text)


@given(st.text())
def test_any_request_is_read_without_an_error(request_text: str) -> None:
    facts = read_request(request_text)
    assert facts.name == "" or facts.name.isidentifier() or not facts.name.isascii()
    assert all(len(word) <= 5 for word in facts.topic)


GIVEN = "```python\nclass Shape:\n    def area(self):\n        raise NotImplementedError\n```\n"
HELPER = "```python\ndef clean(text):\n    return text.strip()\n```\n"


@for_each(
    [
        (f"{GIVEN}Write a class Square that builds on Shape.", "Square"),
        (f"{GIVEN}>>> Square(2).area()\n4", "Square"),
        (f"{HELPER}Write words(text) with it. words(' a b') == ['a', 'b']", "words"),
        (f"With the helper below\n\n{HELPER}\nwrite words(text).", "words"),
        (f"{HELPER}Something that splits a cleaned text is wanted.", ""),
        ("Read n from stdin and print S(n), S(1) = 1.\nSample Input\n2\nSample Output\n3\n", ""),
    ]
)
def test_what_a_request_shows_is_not_what_it_asks_for(row: tuple[str, str]) -> None:
    text, name = row
    assert read_request(text).name == name
