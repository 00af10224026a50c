"""Finds the examples that a request shows: calls with their values, sessions, tables, prose."""

import ast
import re
from dataclasses import replace

from services.evaluator.app.services.comparison import agrees
from services.evaluator.app.services.request_examples_blocks import find_block_examples
from services.evaluator.app.services.request_examples_calls import find_call_examples
from services.evaluator.app.services.request_examples_code import find_code_examples
from services.evaluator.app.services.request_examples_emptiness import find_emptiness_examples
from services.evaluator.app.services.request_examples_literals import parse_expression
from services.evaluator.app.services.request_examples_prose import find_prose_examples
from services.evaluator.app.services.request_examples_sessions import find_session_examples
from services.evaluator.app.services.request_examples_source import Example
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
# Plain parameters, with or without hints and defaults: `f(arr, k)`, `def f(arr: list[int], k=1)`.
SIGNATURE = re.compile(
    r"(?<![\w.])[A-Za-z_]\w{0,80}\(\s*"
    r"((?:[A-Za-z_]\w{0,40}\s*(?::[^()=,\n]{1,40}(?:\[[^\]\n]{0,60}\])?)?(?:=[^(),\n]{1,20})?\s*,?\s*){1,8})\)",
    re.ASCII,
)
PARAMETER = re.compile(r"(?:^|,)\s*([A-Za-z_]\w{0,40})(?=\s*(?:[:=,]|$))", re.ASCII)
MAX_SIGNATURES = 20


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
    found += find_block_examples(rest)
    found += find_emptiness_examples(rest)
    found.sort(key=lambda pair: pair[0])
    any_order = ANY_ORDER.search(text) is not None and not INPUT_IN_ANY_ORDER.search(text)
    signatures = _signatures(text)
    examples = _without_contradictions([_in_order(one, signatures) for _, one in found])
    return tuple(replace(example, any_order=any_order) for example in examples[:MAX_EXAMPLES])


def _signatures(text: str) -> list[list[str]]:
    """Names of the parameters in all signatures that a request writes out."""
    matches = zip(range(MAX_SIGNATURES), SIGNATURE.finditer(text), strict=False)
    return [PARAMETER.findall(match[1]) for _, match in matches]


def _in_order(example: Example, signatures: list[list[str]]) -> Example:
    """Arguments with names, in the order of the signature that the request itself fixes.

    An answer whose parameters have those names in another order doesn't keep to the request.
    """
    for parameters in signatures if example.names else ():
        ordered = [name for name in parameters if name in example.names]
        call = parse_expression(f"f({example.expression})")
        is_it = sorted(ordered) == sorted(example.names)
        if is_it and isinstance(call, ast.Call) and len(call.args) == len(ordered):
            sources = dict(zip(example.names, map(ast.unparse, call.args), strict=True))
            arguments = ", ".join(sources[name] for name in ordered)
            return replace(example, expression=arguments, names=())
    return example


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
