"""Reads Python values and calls out of running text, in time that is bounded by its length."""

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from services.evaluator.app.sandbox.execution import Value

MAX_SOURCE_CHARACTERS = 1_000
MAX_DEPTH = 30
MAX_QUOTED_CHARACTERS = 200

PLAIN_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))
BUILTINS = frozenset(dir(builtins))
# Built-ins that an example wraps around the call that it is about: `round(f(2), 2) == 1.41`.
WRAPPERS = frozenset(
    """abs bool dict float frozenset int len list max min next round set sorted str sum
    tuple""".split()
)
# What other languages and plain prose call these values.
LOOSE_WORDS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "none": None,
    "null": None,
}

NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?j?(?!\w)", re.ASCII)
WORD = re.compile(r"(?:True|False|None)(?!\w)", re.ASCII)
LOOSE_WORD = re.compile(r"(?:true|false|none|null)(?![\w'])", re.I | re.A)
SPECIAL = re.compile(r"-?(?:float\(['\"][-+]?(?:inf|infinity|nan)['\"]\)|set\(\)|frozenset\(\))")
STRING = re.compile(
    r"[rRbB]{0,2}(?:'(?:[^'\\\n]|\\.){0,900}'|\"(?:[^\"\\\n]|\\.){0,900}\")", re.ASCII
)
BRACKET_OR_QUOTE = re.compile(r"[\[\](){}'\"]")
CLOSING = {"(": ")", "[": "]", "{": "}"}
CALL_START = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,79}\(", re.ASCII)
TRAILER = re.compile(r"\.[A-Za-z_]\w{0,79}(?=[(\[.])|\.[A-Za-z_]\w{0,79}(?![\w(])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Example:
    """What a request shows of a call and its outcome.

    Attributes:
        function: Function or class that is called; empty where the request names none, so that
            the answer's main function is meant.
        expression: Source of the call; where `function` is empty, of its arguments alone.
        expected: The value that it should come to.
        setup: Statements that go before it.
        names: Parameter names that the request gives its arguments, where `function` is empty.
        expected_error: Class name of the exception that it should raise; empty for a value.
        any_order: Whether the request leaves the order of the result open.
        loose: Whether it is given in words instead of as code: `[0, 1]` is then a sequence in
            the notation of every language, and a tuple will do where a list is shown.
        quoted: The request's own words, at most 200 characters.
    """

    function: str
    expression: str
    expected: Value = None
    setup: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    expected_error: str = ""
    any_order: bool = False
    loose: bool = False
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands in a text, and where it ends."""

    value: Value
    source: str
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands in a text: what it calls, its source, and where that ends."""

    function: str
    source: str
    end: int


def parse_expression(source: str) -> ast.expr | None:
    """Syntax tree of an expression; None where it is none."""
    tree = _parse(source.strip(), "eval")
    return tree.body if isinstance(tree, ast.Expression) else None


def parse_statements(source: str) -> list[ast.stmt] | None:
    """Syntax trees of statements; None where the source doesn't parse."""
    tree = _parse(source, "exec")
    return tree.body if isinstance(tree, ast.Module) else None


def _parse(source: str, mode: str) -> ast.AST | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: ast.AST = ast.parse(source, mode=mode)
            return tree
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def literal_value(node: ast.expr) -> Value:
    """The plain value that an expression spells out.

    Raises:
        ValueError: If it isn't a literal.
    """
    match node:
        case ast.Constant(value=value) if isinstance(value, PLAIN_CONSTANTS):
            found: Value = value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant() as operand):
            found = _signed(operand.value, negative=isinstance(sign, ast.USub))
        case ast.List(elts=elements):
            found = [literal_value(element) for element in elements]
        case ast.Tuple(elts=elements):
            found = tuple(literal_value(element) for element in elements)
        case ast.Set(elts=elements):
            found = _hashed(set, elements)
        case ast.Dict(keys=keys, values=values) if all(keys):
            found = _dictionary([key for key in keys if key is not None], values)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            found = _constructed(name, arguments)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Call() as operand):
            found = _signed(literal_value(operand), negative=True)
        case _:
            raise ValueError(f"not a literal: {type(node).__name__}")
    return found


def _signed(number: object, *, negative: bool) -> Value:
    if isinstance(number, bool) or not isinstance(number, int | float | complex):
        raise ValueError("a sign before what is no number")
    return -number if negative else number


def _constructed(name: str, arguments: list[ast.expr]) -> Value:
    """Values that have no notation of their own: `float("inf")`, `set()`, `frozenset({1})`."""
    match name, arguments:
        case "float", [ast.Constant(value=str() as text)]:
            return float(text)
        case (("set" | "frozenset"), []):
            return set() if name == "set" else frozenset()
        case (("set" | "frozenset"), [ast.List() | ast.Tuple() | ast.Set() as elements]):
            return _hashed(set if name == "set" else frozenset, elements.elts)
    raise ValueError(f"not a literal: {name}()")


def _hashed(kind: type[set[Value]] | type[frozenset[Value]], elements: list[ast.expr]) -> Value:
    values = [literal_value(element) for element in elements]
    try:
        return kind(values)
    except TypeError as error:
        raise ValueError("an element that can't be hashed") from error


def _dictionary(keys: list[ast.expr], values: list[ast.expr]) -> Value:
    try:
        return {
            literal_value(key): literal_value(value)
            for key, value in zip(keys, values, strict=True)
        }
    except TypeError as error:
        raise ValueError("a key that can't be hashed") from error


def parse_value(source: str) -> tuple[Value] | None:
    """The one value that a source spells out, in a tuple of its own since None is a value too."""
    node = parse_expression(source)
    if node is None:
        return None
    try:
        return (literal_value(node),)
    except (ValueError, RecursionError):
        return None


def read_literal(text: str, start: int, *, loose: bool = False) -> Literal | None:
    """The literal that begins at `start`.

    A string in parentheses is none: what is meant may be a tuple of one.

    Args:
        text: What to read.
        start: Where the literal begins.
        loose: Whether `true`, `null` and the like count, as in `=> true`.
    """
    end = _literal_end(text, start)
    if end is None:
        word = LOOSE_WORD.match(text, start) if loose else None
        return Literal(LOOSE_WORDS[word[0].lower()], word[0], word.end()) if word else None
    source = text[start:end]
    parsed = parse_value(source)
    if parsed is None or (source.startswith("(") and not isinstance(parsed[0], tuple)):
        return None
    return Literal(parsed[0], source, end)


def _literal_end(text: str, start: int) -> int | None:
    for pattern in (SPECIAL, STRING, NUMBER, WORD):
        if match := pattern.match(text, start):
            return match.end()
    return balanced_end(text, start) if text[start : start + 1] in CLOSING else None


def balanced_end(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` is closed; None where it isn't, or too late."""
    limit = min(len(text), start + MAX_SOURCE_CHARACTERS)
    expected: list[str] = []
    position = start
    while found := BRACKET_OR_QUOTE.search(text, position, limit):
        character, position = found[0], found.end()
        if character in CLOSING:
            expected.append(CLOSING[character])
            if len(expected) > MAX_DEPTH:
                return None
        elif character in "'\"":
            string = STRING.match(text, found.start())
            if string is None:
                return None
            position = string.end()
        elif not expected or expected.pop() != character:
            return None
        if not expected:
            return position
    return None


def read_call(text: str, start: int) -> Call | None:
    """The call that begins at `start`, with its trailers: `Rectangle(3, 4).area()`.

    Everything in it must be given: a call with a variable in it can't be made.
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
    if node is None or names_of(node) - BUILTINS - called_names(node):
        return None
    function = called_function(node)
    return Call(function, source, end) if function else None


def called_function(node: ast.expr) -> str:
    """The function that a call is about, seen through wrappers; empty where it is no such call."""
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
    """Names that are called somewhere in it."""
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def names_of(node: ast.AST) -> set[str]:
    """Names that it reads and doesn't bind itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            (read if isinstance(inner.ctx, ast.Load) else bound).add(inner.id)
        elif isinstance(inner, ast.arg):
            bound.add(inner.arg)
    return read - bound


def quote(text: str, start: int, end: int) -> str:
    """The words between two places, on one line and cut."""
    return " ".join(text[start:end].split())[:MAX_QUOTED_CHARACTERS]


def call_starts(text: str, most: int) -> Iterator[int]:
    """Where a call may begin; at most `most` places."""
    for count, match in enumerate(CALL_START.finditer(text)):
        if count == most:
            return
        yield match.start()
