"""What parses as Python, and why the rest doesn't."""

import pytest

from services.evaluator.app.services.code.reading import (
    MAX_COMPILED_CHARACTERS,
    MAX_SOURCE_BYTES,
    parse_python,
)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param("def f(:\n", "line 1: ", id="syntax-error-with-its-line"),
        pytest.param("x = 1\n  y = 2\n", "line 2: ", id="indentation"),
        pytest.param("x = 1\x00", "", id="nul"),
        pytest.param("x = '\ud800'", "", id="lone-surrogate"),
        pytest.param("x" * (MAX_SOURCE_BYTES + 1), "over 64 KB", id="too-long"),
        pytest.param("가" * (MAX_SOURCE_BYTES // 3 + 1), "over 64 KB", id="too-long-in-bytes"),
        pytest.param("(" * 10_000, "", id="parentheses"),
        pytest.param("x = " + "-" * 60_000 + "1", "", id="unary-operators"),
        pytest.param("x" + ".a" * 30_000, "", id="attributes"),
        pytest.param("x = " + "lambda: " * 8_000 + "1", "", id="lambdas"),
        pytest.param("x = " + "9" * 20_000, "", id="huge-number"),
    ],
)
def test_what_does_not_parse_has_a_reason_instead_of_a_tree(source: str, problem: str) -> None:
    tree, reason = parse_python(source)
    assert tree is None
    assert reason
    assert problem in reason


def test_a_source_at_the_limit_is_parsed() -> None:
    tree, reason = parse_python("#" * MAX_SOURCE_BYTES)
    assert tree is not None
    assert reason == ""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("def f(a, a):\n    return a\n", "duplicate argument", id="parameter-twice"),
        pytest.param("x = 1\nreturn x\n", "outside function", id="return-outside"),
        pytest.param("break\n", "outside loop", id="break-outside"),
        pytest.param("nonlocal x\n", "nonlocal", id="nonlocal-at-the-top"),
    ],
)
def test_what_parses_must_compile(source: str, reason: str) -> None:
    tree, problem = parse_python(source)
    assert tree is None
    assert reason in problem


def test_a_long_source_is_parsed_without_being_compiled() -> None:
    source = "x = 1\n" * (MAX_COMPILED_CHARACTERS // 6) + "return x\n"
    tree, problem = parse_python(source)
    assert tree is not None
    assert problem == ""


def test_warnings_of_the_parser_go_nowhere(recwarn: pytest.WarningsRecorder) -> None:
    tree, _ = parse_python("x = '\\d' if 1 is 1 else ()()")
    assert tree is not None
    assert not recwarn.list
