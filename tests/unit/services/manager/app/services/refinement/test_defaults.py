"""Which requests name a language or a form of answer."""

import pytest

from services.manager.app.services.refinement.defaults import (
    DEFAULT_FORM,
    add_code_defaults,
)

LANGUAGE_LINE = "Language: Python."


def names_language(request: str) -> bool:
    return LANGUAGE_LINE not in add_code_defaults(request, language="Python")


def names_form(request: str) -> bool:
    return DEFAULT_FORM not in add_code_defaults(request, language="Python")


def test_the_last_line_states_what_is_open() -> None:
    assert add_code_defaults("Sort a list", language="Python") == (
        f"Sort a list\n\n{LANGUAGE_LINE} {DEFAULT_FORM}"
    )
    assert (
        add_code_defaults("Sort a list in Rust", language="Python")
        == f"Sort a list in Rust\n\n{DEFAULT_FORM}"
    )
    assert (
        add_code_defaults("A sort function", language="Python")
        == f"A sort function\n\n{LANGUAGE_LINE}"
    )
    assert (
        add_code_defaults("A sort function in Rust", language="Python") == "A sort function in Rust"
    )


@pytest.mark.parametrize(
    "request_text",
    [
        "Sort in Python",
        "python3 sort",
        "sort with JS",
        "sort in C++, fast",
        "C# sort",
        "a sort in Go",
        "golang sort",
        "write quicksort in go",
        "write quicksort in c.",
        "use Go for sorting",
        "translate this to Go",
        "a Go program that sorts",
        "an R script",
        "Plot it in R",
        "SQL query for users",
        "bash one-liner",
        "a shell script",
        "a table in HTML",
        "파이썬으로 정렬",
        "Python으로 정렬",
        "자바스크립트 정렬",
        "C언어로 정렬",
        "고랭으로 정렬",
        "```py\nx\n```",
        "```rs\nx\n```",
        "def f(x): ...",
        "What does function f(x) { return x } do",
        "#include <stdio.h>",
        ">>> f(2)\n3",
    ],
)
def test_language_is_named(request_text: str) -> None:
    assert names_language(request_text)


@pytest.mark.parametrize(
    "request_text",
    [
        "Sort a list",
        "go through a list",
        "Go through a list",
        "sort in one go",
        "the letter c in a word",
        "combinations of n over r",
        "Convert a temperature in C to F",
        "Convert from C to F",
        "Strip HTML tags",
        "delete a node in a linked list",
        "shell sort",
        "Pascal's triangle",
        "a basic calculator",
        "리스트 정렬",
        "```\nx\n```",
    ],
)
def test_language_is_open(request_text: str) -> None:
    assert not names_language(request_text)


@pytest.mark.parametrize(
    "request_text",
    [
        "a function that sorts",
        "a Stack class",
        "a script",
        "Only code",
        "just the code",
        "in one code block",
        "answer as JSON",
        "explain quicksort",
        "why is this slow",
        "complete def f(x):",
        "정렬 함수",
        "클래스를 만들어 줘",
    ],
)
def test_form_is_named(request_text: str) -> None:
    assert names_form(request_text)


@pytest.mark.parametrize(
    "request_text",
    ["Sort a list", "Parse a JSON string", "Parse a query string", "test if n is prime", "정렬"],
)
def test_form_is_open(request_text: str) -> None:
    assert not names_form(request_text)


def test_add_code_defaults_leaves_the_language_to_the_prompt_where_none_is_given() -> None:
    assert add_code_defaults("Sort a list", language="") == f"Sort a list\n\n{DEFAULT_FORM}"
    assert add_code_defaults("A sort function", language="") == "A sort function"
