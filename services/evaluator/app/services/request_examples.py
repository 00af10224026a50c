"""Finds the examples that a request shows: calls with their values, sessions, tables, prose."""

import ast
import re
from dataclasses import replace

from services.evaluator.app.services.comparison import agrees
from services.evaluator.app.services.request_examples_calls import find_call_examples
from services.evaluator.app.services.request_examples_prose import find_prose_examples
from services.evaluator.app.services.request_examples_sessions import (
    find_code_examples,
    find_session_examples,
)
from services.evaluator.app.services.request_examples_source import (
    Example,
    parse_expression,
)
from services.evaluator.app.services.request_examples_tables import find_table_examples

__all__ = ["Example", "find_examples"]

MAX_REQUEST_CHARACTERS = 20_000
MAX_EXAMPLES = 12
STRAIGHT_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "})
ANY_ORDER = re.compile(
    r"\b(?:return|result|output|answer|give|list)[^.\n]{0,80}\bin any order"
    r"|\border (?:of [^.\n]{0,40})?(?:does|is)(?:n't| not) (?:matter|important|relevant)"
    r"|\bregardless of order|순서는?\s*(?:상관\s*없|중요하지\s*않|무관)",
    re.I,
)
# An order that is left open for what comes in, not for what goes out.
INPUT_IN_ANY_ORDER = re.compile(
    r"\b(?:may|can|could|might)\s+(?:come|be|arrive)[^.\n]{0,40}in any order", re.I
)


def find_examples(user_input: str) -> tuple[Example, ...]:
    """The examples that a request shows, in its order; at most twelve.

    Sure ones only: a value that isn't a literal, a call with a variable in it, a value that may
    be part of a longer one and two values for one call are all left out.
    """
    text = user_input[:MAX_REQUEST_CHARACTERS].translate(STRAIGHT_QUOTES).replace("\r\n", "\n")
    found, rest = find_session_examples(text)
    found += find_code_examples(rest)
    found += find_table_examples(rest)
    found += find_call_examples(rest)
    found += find_prose_examples(rest)
    found.sort(key=lambda pair: pair[0])
    any_order = ANY_ORDER.search(text) is not None and not INPUT_IN_ANY_ORDER.search(text)
    examples = _without_contradictions([example for _, example in found])
    return tuple(replace(example, any_order=any_order) for example in examples[:MAX_EXAMPLES])


def _without_contradictions(found: list[Example]) -> list[Example]:
    """Each call once; none of those that are given two values."""
    kept: dict[tuple[str, ...], Example] = {}
    contradicted: set[tuple[str, ...]] = set()
    for example in found:
        key = _identity(example)
        known = kept.setdefault(key, example)
        is_same = known.expected_error == example.expected_error and (
            bool(known.expected_error) or agrees(known.expected, example.expected)
        )
        if not is_same:
            contradicted.add(key)
    return [example for key, example in kept.items() if key not in contradicted]


def _identity(example: Example) -> tuple[str, ...]:
    source = example.expression if example.function else f"f({example.expression})"
    node = parse_expression(source)
    return (*example.setup, example.function, ast.dump(node) if node else source)
