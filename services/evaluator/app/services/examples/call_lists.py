"""Finds examples of a class in two lists, calls and their arguments, as LeetCode shows them."""

import re
from collections.abc import Iterator
from itertools import islice

from services.evaluator.app.sandbox.run.execution import Value
from services.evaluator.app.services.examples.example import Example, Found, quote
from services.evaluator.app.services.examples.literals import Literal, read_literal

MAX_PLACES = 20
INPUT = re.compile(r"\binput[*_`]{0,3}\s*:?[`*_\s]{0,20}(?=\[\s*['\"])", re.I)
BETWEEN = re.compile(r"[`\s]*,?[`\s]*")
OUTPUT = re.compile(r"[`*_\s]{0,20}(?:expected\s+)?output[*_`]{0,3}\s*:?[`*_\s]{0,20}", re.I)


def find_call_list_examples(text: str) -> list[Found]:
    """Find `["Stack", "push", "pop"]`, `[[], [1], []]`, then `[null, null, 1]`."""
    return [
        found for start in islice(INPUT.finditer(text), MAX_PLACES) for found in _read(text, start)
    ]


def _read(text: str, opening: re.Match[str]) -> Iterator[Found]:
    names = read_literal(text, opening.end())
    arguments = _after(text, names, BETWEEN)
    outputs = _after(text, arguments, OUTPUT)
    if names is None or arguments is None or outputs is None:
        return
    called, given, values = names.value, arguments.value, outputs.value
    if not (isinstance(called, list) and isinstance(given, list) and isinstance(values, list)):
        return
    methods = [name for name in called if isinstance(name, str) and name.isidentifier()]
    is_plain = all(isinstance(one, list) for one in given)
    if not (len(methods) == len(called) == len(given) == len(values) > 1 and is_plain):
        return
    # What gives null throughout returns nothing that is looked at.
    telling = {name for name, value in zip(methods, values, strict=True) if value is not None}
    calls = [f"made.{name}({_written(one)})" for name, one in zip(methods, given, strict=True)]
    results = [
        call if name in telling else f"({call}, None)[1]"
        for name, call in zip(methods, calls, strict=True)
    ]
    example = Example(
        methods[0],
        f"(lambda made: [{', '.join(results[1:])}])({methods[0]}({_written(given[0])}))",
        values[1:],
        loose=True,
        quoted=quote(text, opening.start(), outputs.end),
    )
    yield opening.start(), example


def _written(arguments: Value) -> str:
    return ", ".join(map(repr, arguments)) if isinstance(arguments, list) else ""


def _after(text: str, before: Literal | None, joint: re.Pattern[str]) -> Literal | None:
    """Read the literal that follows another one behind some words."""
    between = joint.match(text, before.end) if before else None
    return read_literal(text, between.end()) if between else None
