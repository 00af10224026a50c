"""What an example is, and how a call is read out of running text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from services.evaluator.app.sandbox.run.execution import Value
from services.evaluator.app.services.code.syntax import BUILTINS, names_missing
from services.evaluator.app.services.examples.literals import (
    MAX_SOURCE_CHARACTERS,
    balanced_end,
    parse_expression,
)

MAX_QUOTED_CHARACTERS = 200
# Built-ins that an example wraps around the call that it is about: `round(f(2), 2) == 1.41`.
WRAPPERS = frozenset(
    """abs bool dict float frozenset int len list max min next round set sorted str sum
    tuple""".split()
)

# Where the names come from that requests make their values with: `datetime.date(2024, 2, 29)`.
VALUE_MODULES = frozenset(
    {"datetime", "decimal", "fractions", "collections", "math", "pathlib", "uuid"}
)

CALL_START = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,79}\(", re.ASCII)
TRAILER = re.compile(r"\.[A-Za-z_]\w{0,79}(?=[(\[.])|\.[A-Za-z_]\w{0,79}(?![\w(])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Example:
    """A call and its outcome, as a request shows them.

    Attributes:
        function: Function or class that is called; empty where the request names none, so that
            the answer's main function is meant.
        expression: Source of the call; where `function` is empty, of its arguments alone.
        names: Parameter names that the request gives its arguments, where `function` is empty.
        expected_error: Class name of the exception that it should raise; empty for a value.
        loose: Whether it is given in words instead of as code: `[0, 1]` is then a sequence in
            the notation of every language, and a tuple will do where a list is shown.
        tolerance: How far a number that comes back may be off; 0 for the usual rounding errors.
        quoted: The request's own words, at most 200 characters.
        is_one_of_several: Whether the request says that another value is right as well.
    """

    function: str
    expression: str
    expected: Value = None
    setup: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    expected_error: str = ""
    any_order: bool = False
    loose: bool = False
    tolerance: float = 0.0
    quoted: str = ""
    is_one_of_several: bool = False


# Where an example begins in the request, and the example.
Found = tuple[int, Example]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands in a text: the function, the call's source, and where it ends."""

    function: str
    source: str
    end: int


def read_call(text: str, start: int) -> Call | None:
    """Read the call that begins at `start`, with its trailers: `Rectangle(3, 4).area()`.

    None where there is no call, or where it holds a variable, whose value isn't known.
    """
    opening = text.find("(", start)
    end = balanced_end(text, opening)
    if end is None:
        return None
    while end < len(text) and end - start < MAX_SOURCE_CHARACTERS:
        trailer = TRAILER.match(text, end)
        after = trailer.end() if trailer else end
        further = balanced_end(text, after) if text[after : after + 1] in ("(", "[") else None
        if further is None:
            break
        end = further
    source = text[start:end]
    node = parse_expression(source)
    if node is None or names_missing(source) - VALUE_MODULES - called_names(node):
        return None
    function = called_function(node)
    return Call(function, source, end) if function else None


def called_function(node: ast.expr) -> str:
    """Name the function that a call is about, seen through wrappers; empty for anything else."""
    while True:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in WRAPPERS:
                node = first
            case ast.Call(func=ast.Name(id=name)):
                return "" if name in BUILTINS else name
            case ast.Call(func=ast.Attribute(value=value)):
                node = value
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                node = value
            case _:
                return ""


def called_names(node: ast.AST) -> set[str]:
    """Return the names that are called in a tree, and those of classes: `Color` in `Color.RED`."""
    names: set[str] = set()
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id=name)):
                names.add(name)
            case ast.Attribute(value=ast.Name(id=name)) if name[0].isupper():
                names.add(name)
    return names


def quote(text: str, start: int, end: int) -> str:
    """Quote the text between two places on one line, cut to 200 characters."""
    return " ".join(text[start:end].split())[:MAX_QUOTED_CHARACTERS]


def call_starts(text: str, most: int) -> Iterator[int]:
    """Yield the places where a call may begin; at most `most` of them."""
    return (match.start() for match in islice(CALL_START.finditer(text), most))


def line_offsets(lines: list[str]) -> list[int]:
    """Return the offset of each line in the text that the lines were split from."""
    return [0, *accumulate(len(line) + 1 for line in lines)][: len(lines)]
