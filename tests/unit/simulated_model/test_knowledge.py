"""The simulated model's tasks: each answer is right, well formed, and found when asked for."""

import ast
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from simulated_model.knowledge import Task, find_task, load_tasks
from simulated_model.requested_names import requested_name
from simulated_model.words import tokenize

CHECKS = Path(__file__).parent / "task_checks"
TASKS = load_tasks()
FORM = "\nLanguage: Python. Output: one complete function in a single code block."
every_task = for_each(TASKS, name=lambda task: task.name)


@cache
def checks_by_task() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(CHECKS.glob("*.toml")):
        found.update(tomllib.loads(path.read_text(encoding="utf-8")))
    return found


def raises(error: type[Exception], call: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Whether a call raises the error, for use within the checks."""
    try:
        call(*args, **kwargs)
    except error:
        return True
    return False


def execute(task: Task) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": f"task_{task.name}"}
    exec(compile(task.python, task.name, "exec"), namespace)
    return namespace


def name_of(request: str) -> str | None:
    task = find_task(request)
    return task.name if task else None


def test_it_knows_many_tasks_under_distinct_names() -> None:
    names = [task.name for task in TASKS]
    assert len(names) == len(set(names)) >= 90
    assert sum(bool(task.javascript) for task in TASKS) >= 15
    assert load_tasks() is TASKS


def test_every_check_belongs_to_a_task() -> None:
    assert set(checks_by_task()) == {task.name for task in TASKS}


@every_task
def test_the_code_is_right(task: Task) -> None:
    checks = checks_by_task()[task.name]
    asserts = [node for node in ast.walk(ast.parse(checks)) if isinstance(node, ast.Assert)]
    assert len(asserts) >= 2
    namespace = execute(task)
    namespace["raises"] = raises
    exec(compile(checks, f"checks of {task.name}", "exec"), namespace)


@every_task
def test_the_example_runs_and_shows_what_it_gives(task: Task) -> None:
    assert "\n" not in task.example
    code, _, comment = task.example.partition("  # ")
    if not comment:
        ast.parse(code)
        return
    *preparation, expression = code.split("; ")
    namespace = execute(task)
    exec("\n".join(["from datetime import date", *preparation]), namespace)
    assert eval(expression, namespace) == eval(comment, namespace)


@every_task
def test_the_main_definition_comes_first_with_docstring_and_type_hints(task: Task) -> None:
    tree = ast.parse(task.python)
    definitions = [
        node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)
    ]
    assert isinstance(definitions[0], ast.FunctionDef | ast.ClassDef)
    assert not definitions[0].name.startswith("_")
    for definition in definitions:
        assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
        assert ast.get_docstring(definition)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert_typed(node)


@every_task
def test_javascript_documents_and_defines_one_thing_first(task: Task) -> None:
    if task.javascript:
        assert re.match(r"/\*\* .+? \*/\n(function|class) \w+", task.javascript, re.S)


def assert_typed(function: ast.FunctionDef) -> None:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    untyped = [argument.arg for argument in named + rest if argument.annotation is None]
    assert untyped in ([], ["self"])
    assert function.returns is not None


@every_task
def test_each_pattern_asks_for_its_task(task: Task) -> None:
    assert task.patterns
    for pattern in task.patterns:
        assert pattern == pattern.lower()
        assert name_of(f"Write a function to {pattern}") == task.name
        assert name_of(f"Please write a Python function for this: {pattern}.{FORM}") == task.name


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("Write a function that sorts an array of integers in ascending order.", "sort_list"),
        ("Implement quick sort for a list of numbers", "quick_sort"),
        ("Sort the given list using quicksort.", "quick_sort"),
        ("I need mergesort, please: it sorts a list", "merge_sort"),
        ("Check whether a given number is prime", "is_prime"),
        ("Return all the prime numbers up to a given limit n", "primes_up_to"),
        ("Write isPrime(n)", "is_prime"),
        ("Compute the prime factorisation of an integer", "prime_factors"),
        ("Count the number of vowels in a sentence", "count_vowels"),
        ("Write a function that reverses the words of a sentence", "reverse_words"),
        ("Write a function which reverses a given string", "reverse_string"),
        ("Reverse a singly linked list", "reverse_linked_list"),
        ("Reverse the elements of a list", "reverse_list"),
        ("Convert Fahrenheit to Celsius", "fahrenheit_to_celsius"),
        ("Convert a temperature from Celsius to Fahrenheit", "celsius_to_fahrenheit"),
        ("convert a decimal number to its binary representation", "decimal_to_binary"),
        ("Convert a binary string to a decimal number", "binary_to_decimal"),
        ("Convert an integer to a Roman numeral", "integer_to_roman"),
        ("Given a Roman numeral, convert it to an integer", "roman_to_integer"),
        ("Merge two sorted lists into one sorted list", "merge_sorted_lists"),
        ("Implement a binary search tree with insert and search", "binary_search_tree"),
        ("Implement an LRU cache class with get and put", "lru_cache"),
        ("Create a Stack class with push, pop and peek", "stack"),
        ("Find the second largest number in a list", "second_largest"),
        ("Find the largest number in a list", "maximum"),
        ("Find the longest palindromic substring of a string", "longest_palindromic_substring"),
        ("Count how often each word occurs in a text", "word_frequency"),
        ("Sort a dictionary by its values", "sort_dictionary_by_value"),
        ("Sort a list of dictionaries by a key", "sort_by_key"),
        ("Flatten a nested dictionary", "flatten_dictionary"),
        ("Flatten an arbitrarily nested list", "flatten_list"),
        ("Remove all the duplicates from a list while preserving order", "remove_duplicates"),
        ("Calculate the moving average of a list with window size k", "moving_average"),
        ("Compute the mean of a list of numbers", "average"),
        ("Write a decorator that retries a failing function three times", "retry"),
        ("리스트를 정렬하는 함수를 작성해줘", "sort_list"),
        ("이진 탐색 함수를 만들어 주세요", "binary_search"),
        ("주어진 수가 소수인지 확인하는 함수", "is_prime"),
        ("n 이하의 모든 소수를 구하는 함수를 작성하세요", "primes_up_to"),
        ("문자열을 뒤집는 함수를 파이썬으로 작성해 주세요", "reverse_string"),
        ("리스트에서 중복을 제거하는 함수", "remove_duplicates"),
        ("팩토리얼을 계산하는 함수", "factorial"),
        ("회문인지 검사하는 함수를 구현하라", "is_palindrome"),
    ],
)
def test_a_request_in_other_words_finds_the_task(request_text: str, name: str) -> None:
    assert name_of(request_text) == name
    assert name_of(request_text + FORM) == name


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "   ",
        "Hello!",
        "Write a haiku about autumn",
        "Write a poem about sorting a list",
        "Configure nginx",
        "Configure nginx as a reverse proxy for two servers",
        "Write a SQL query that finds the second largest salary",
        "Explain the theory of relativity",
        "What is the capital of France?",
        "Write a function that connects to a database and lists the users",
        "Write a function to train a neural network",
        "Write a web server with authentication",
        "Parse an XML file into objects",
        "Write a function to sort a linked list",
        "가을에 대한 시를 써줘",
        "Language: Python. Output: one complete function in a single code block.",
        "🎉🎉🎉",
    ],
)
def test_what_it_does_not_know_finds_nothing(request_text: str) -> None:
    assert find_task(request_text) is None
    assert find_task(request_text + FORM) is None


def test_code_blocks_are_not_read() -> None:
    block = "```python\ndef binary_search(items): ...\n# sort a list\n```"
    assert find_task(block) is None
    assert name_of(f"Reverse a string, in the style of this:\n{block}") == "reverse_string"
    assert find_task("```\nan open block that asks to sort a list") is None


def test_a_word_that_excludes_a_task_is_in_none_of_its_patterns() -> None:
    for task in TASKS:
        excluded = set(tokenize(" ".join(task.unless)))
        assert not [phrase for phrase in task.patterns if excluded & set(tokenize(phrase))]


def test_no_two_tasks_have_a_pattern_of_the_same_words() -> None:
    owners: dict[tuple[str, ...], str] = {}
    for task in TASKS:
        for phrase in task.patterns:
            assert owners.setdefault(tuple(tokenize(phrase)), task.name) == task.name, phrase


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert find_task(text) is find_task(text)
    assert re.fullmatch(r"\w*", requested_name(text))
    assert all(tokenize(text))


@given(st.lists(st.sampled_from(sorted({w for t in TASKS for p in t.patterns for w in p.split()}))))
def test_any_mixture_of_known_words_is_read_without_an_error(words: list[str]) -> None:
    assert find_task(" ".join(words)) is None or set(words)


@given(st.sampled_from(TASKS), st.sampled_from(["", "Please ", "Hi, could you ", "Kindly, "]))
def test_courtesy_changes_nothing(task: Task, courtesy: str) -> None:
    assert name_of(f"{courtesy}write a function to {task.patterns[0]}, thanks") == task.name


@pytest.mark.parametrize("filler", ["sort ", "a", "`f(", "`", "{[(", "name the ", "리스트를 "])
def test_a_long_request_is_read_to_its_end(filler: str) -> None:
    request_text = f"Merge overlapping intervals. {filler * (20_000 // len(filler))}"
    assert name_of(request_text) == "merge_intervals"
    assert isinstance(requested_name(request_text), str)


def test_words_of_one_kind_have_one_form() -> None:
    assert tokenize("Sorting lists") == tokenize("sort a list".replace(" a ", " "))
    assert tokenize("isPrime is_prime") == tokenize("is prime is prime")
    assert tokenize("reversed strings") == tokenize("reverse string")
    assert tokenize("memoise memoization") == tokenize("memoize memoize")
    assert tokenize("리스트를 정렬하는") == tokenize("리스트 정렬")
    assert tokenize("\uff21\uff22\uff23") == ["abc"]
    assert tokenize("LRUCache") == tokenize("lru cache")


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("Write a function called find_item that searches a list", "find_item"),
        ("Write a function named `find_item`.", "find_item"),
        ("Write a function; call it find_item.", "find_item"),
        ("Function name: find_item", "find_item"),
        ("Complete this:\n```python\ndef find_item(items, target):\n```", "find_item"),
        ("`find_item([1, 2], 2)` returns 1", "find_item"),
        ("Write the function `find_item`, which searches", "find_item"),
        ("function findItem(items, target)", "findItem"),
        ("Implement find_item(items, target)", "find_item"),
        ("Write a class named Inventory with a method called add_item", "Inventory"),
        ("Implement class ShoppingCart with add and remove", "ShoppingCart"),
        ("`find_item`이라는 함수를 작성해줘", "find_item"),
        ("find_item이라는 이름의 함수를 작성해줘", "find_item"),
        ("함수 이름은 find_item 으로 해줘", "find_item"),
        ("Sort a list", ""),
        ("Sort a list without using `sorted(items)`", ""),
        ("Write a function that is called when a user logs in", ""),
        ("Sum a list called `items`", ""),
        ("Write a class for a stack", ""),
        ("Use a function that returns True", ""),
        ("def class(x)", ""),
        ("", ""),
    ],
)
def test_the_requested_name_is_read(request_text: str, name: str) -> None:
    assert requested_name(request_text) == name


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("Flatten a list of lists, e.g. flatten([[1, 2], [3]]) == [1, 2, 3].", "flatten"),
        ("Split a list into chunks.\nExample: chunk([1, 2], 1) returns [[1], [2]]", "chunk"),
        ("Find the two numbers.\n\n>>> pair_of([1, 2], 3)\n(0, 1)", "pair_of"),
        ("I need insert_position(items, value) for a sorted list", "insert_position"),
        ("괄호를 확인하는 is_balanced 함수를 만들어 주세요", "is_balanced"),
        ("Reverse a list, so that sorted([2, 1]) == [1, 2] still holds", ""),
        ("파이썬 함수를 작성해 주세요. Python 함수여야 합니다.", ""),
    ],
)
def test_a_call_that_is_shown_names_the_function(request_text: str, name: str) -> None:
    assert requested_name(request_text) == name
