"""Reads Python literals out of running text, in time bounded by the text's length."""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID

from services.evaluator.app.sandbox.run.execution import Items, Value
from services.evaluator.app.sandbox.run.values import plain_value

MAX_SOURCE_CHARACTERS = 1_000
MAX_DEPTH = 30

PLAIN_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))
# What other languages and plain prose call these values.
LOOSE_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
# Those of JSON, which may stand within a list as well.
JSON_WORDS = frozenset({"true", "false", "null"})

LOOSE_WORD = re.compile(r"(?:true|false|none|null)(?![\w'])", re.I | re.A)
STRING = re.compile(r"[rRbB]{0,2}(?:'(?:[^'\\\n]|\\.){0,900}'|\"(?:[^\"\\\n]|\\.){0,900}\")")
# What needs no bracket: a special value, a string, a number, a word.
PLAIN = re.compile(
    r"-?(?:float\(['\"][-+]?(?:inf|infinity|nan)['\"]\)|set\(\)|frozenset\(\))"
    rf"|{STRING.pattern}"
    r"|[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?j?(?!\w)|(?:True|False|None)(?!\w)",
    re.ASCII,
)
# Classes whose values are compared by the call that makes them.
CONSTRUCTORS: Mapping[str, Callable[..., object]] = {
    kind.__name__: kind
    for kind in (date, datetime, time, timedelta, Decimal, Fraction, UUID, PurePosixPath)
} | dict.fromkeys(("Path", "PurePath", "PosixPath"), PurePosixPath)
COLLECTIONS = {"deque": "deque", "array": "ndarray"}
BUILT = re.compile(rf"(?:[a-z]\w{{1,20}}\.)?(?:{'|'.join((*CONSTRUCTORS, *COLLECTIONS))})(?=\()")
MAX_DIGITS = 100
BRACKET_OR_QUOTE = re.compile(r"[\[\](){}'\"]")
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value, its source in Python, and where it ends in a text."""

    value: Value
    source: str
    end: int


def parse_expression(source: str) -> ast.expr | None:
    """Parse an expression; None where the source is none."""
    tree = _parse(source.strip(), "eval")
    return tree.body if isinstance(tree, ast.Expression) else None


def parse_statements(source: str) -> list[ast.stmt] | None:
    """Parse statements; None where the source doesn't parse."""
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


def _read_node(node: ast.expr) -> Value:
    """Return the plain value that an expression spells out.

    Raises:
        ValueError: If it isn't a literal.
        TypeError: If a member or key can't be hashed.
    """
    match node:
        case ast.Constant(value=value) if isinstance(value, PLAIN_CONSTANTS):
            found: Value = value
        case ast.Name(id=name) if name in JSON_WORDS:
            found = LOOSE_WORDS[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            found = _signed(_read_node(operand), negative=isinstance(sign, ast.USub))
        case ast.List(elts=elements):
            found = [_read_node(element) for element in elements]
        case ast.Tuple(elts=elements):
            found = tuple(map(_read_node, elements))
        case ast.Set(elts=elements):
            found = set(map(_read_node, elements))
        case ast.Dict(keys=keys, values=values) if all(keys):
            pairs = zip(keys, values, strict=True)
            found = {_read_node(key): _read_node(value) for key, value in pairs if key}
        case ast.Call(
            func=ast.Name(id=name) | ast.Attribute(attr=name, value=ast.Name()),
            args=arguments,
            keywords=keywords,
        ) if name in CONSTRUCTORS or name in COLLECTIONS:
            found = _built(name, arguments, keywords)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            found = _constructed(name, arguments)
        case _:
            raise ValueError(f"not a literal: {type(node).__name__}")
    return found


def _signed(number: object, *, negative: bool) -> Value:
    if isinstance(number, bool) or not isinstance(number, int | float | complex):
        raise ValueError("a sign before what is no number")
    return -number if negative else number


def _built(name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Value:
    """Return the value of a standard class: `date(2024, 1, 5)`, `deque([1])`."""
    given = [_read_node(argument) for argument in arguments]
    named = {keyword.arg or "": _read_node(keyword.value) for keyword in keywords}
    if name in COLLECTIONS:
        match given:
            case [list(members)] if not named:
                return Items(COLLECTIONS[name], tuple(members))
        raise ValueError(f"not a literal: {name}()")
    # A fraction of a text with an exponent can take all memory.
    if any(isinstance(value, str) and len(value) > MAX_DIGITS for value in given) or (
        name == "Fraction"
        and any(isinstance(value, str) and "e" in value.lower() for value in given)
    ):
        raise ValueError(f"too large: {name}()")
    try:
        return plain_value(CONSTRUCTORS[name](*given, **named))
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"not a literal: {name}()") from error


def _constructed(name: str, arguments: list[ast.expr]) -> Value:
    """Return a value without a notation of its own: `float("inf")`, `set()`, `frozenset({1})`."""
    match name, [_read_node(argument) for argument in arguments]:
        case "float", [str(text)]:
            return float(text)
        case "set", [] | [list() | tuple() | set()] as members:
            return set(*members)
        case "frozenset", [] | [list() | tuple() | set()] as members:
            return frozenset(*members)
    raise ValueError(f"not a literal: {name}()")


def parse_value(source: str) -> tuple[Value] | None:
    """Parse the value that a source spells out, in a tuple of its own since None is a value too."""
    node = parse_expression(source)
    if node is None:
        return None
    try:
        return (_read_node(node),)
    except (ValueError, TypeError, RecursionError):
        return None


def read_literal(text: str, start: int, *, loose: bool = False) -> Literal | None:
    """Read the literal that begins at `start`; None where there is none.

    A string in parentheses isn't taken for one: what is meant may be a tuple of one.

    Args:
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
    if any(word in source for word in JSON_WORDS):
        source = repr(parsed[0])
    return Literal(parsed[0], source, end)


def _literal_end(text: str, start: int) -> int | None:
    if match := PLAIN.match(text, start):
        return match.end()
    if built := BUILT.match(text, start):
        return balanced_end(text, built.end())
    return balanced_end(text, start) if text[start : start + 1] in CLOSING else None


def balanced_end(text: str, start: int) -> int | None:
    """Find the end of the bracket that opens at `start`; None where it isn't closed in time."""
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
