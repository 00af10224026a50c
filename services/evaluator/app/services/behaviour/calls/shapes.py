"""Infers what kind of value a parameter takes, from its hint, its default and its name."""

import ast
import re
from enum import StrEnum

from services.evaluator.app.services.code.syntax import dotted_name


class Shape(StrEnum):
    """A kind of argument for which there are values."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHARACTER = "character"
    BYTES = "bytes"
    NUMBERS = "numbers"
    FLOATS = "floats"
    TEXTS = "texts"
    MATRIX = "matrix"
    PAIRS = "pairs"
    RECORDS = "records"
    DICTIONARY = "dictionary"
    GRAPH = "graph"
    SET = "set"
    FUNCTION = "function"
    DATE = "date"
    EMAIL = "email"
    URL = "url"
    ROMAN = "roman"
    BINARY = "binary"
    HEXADECIMAL = "hexadecimal"
    ADDRESS = "address"
    JSON = "json"
    CSV = "csv"
    BRACKETS = "brackets"
    PATH = "path"
    UNKNOWN = "unknown"


SIMPLE_HINTS = {
    "int": Shape.INTEGER,
    "float": Shape.FLOAT,
    "complex": Shape.FLOAT,
    "bool": Shape.BOOLEAN,
    "str": Shape.TEXT,
    "bytes": Shape.BYTES,
}
SEQUENCES = frozenset(
    "list List Sequence Iterable Collection MutableSequence Iterator tuple Tuple".split()
)
MAPPINGS = frozenset("dict Dict Mapping MutableMapping".split())
SETS = frozenset("set Set frozenset AbstractSet MutableSet FrozenSet".split())
LISTS_OF = {
    Shape.INTEGER: Shape.NUMBERS,
    Shape.FLOAT: Shape.FLOATS,
    Shape.TEXT: Shape.TEXTS,
    Shape.NUMBERS: Shape.MATRIX,
    Shape.FLOATS: Shape.MATRIX,
    Shape.DICTIONARY: Shape.RECORDS,
}
# Names whose meaning hardly varies come first.
CLEAR_NAMES: tuple[tuple[str, Shape], ...] = (
    (r"nums\d?|numbers\d?|integers|ints", Shape.NUMBERS),
    (r"text\d?|string\d?|sentence|word\d?|phrase|paragraph", Shape.TEXT),
    (r"words|strings|strs|names|sentences", Shape.TEXTS),
    (r"matrix\d?|grid|mat\d?|board", Shape.MATRIX),
    (r"char|character|letter|ch", Shape.CHARACTER),
    (r"graph|adj(?:acency)?(?:_list)?|neighbou?rs", Shape.GRAPH),
    (r"func|function|fn|callback|predicate|key_func(?:tion)?", Shape.FUNCTION),
    (r"intervals", Shape.PAIRS),
    (r"(?:file_?)?path|file_?(?:name)?|src|dst|dest(?:ination)?", Shape.PATH),
)
LIKELY_NAMES: tuple[tuple[str, Shape], ...] = (
    (
        (
            r"n|num\d?|number\d?|k|m|i|j|count|size|length|limit|index|year|base|exponent|exp|power"
            r"|amount|steps?|places|shift|digits?|rows?|cols?|columns?|capacity|window(?:_size)?"
            r"|seconds|minutes|hours|age|low|high|lower|upper|minimum|maximum|decimal|integer|total"
            r"|width|height|depth|x|y|a|b|c|first|second|value|target|element|item|key|start|end"
        ),
        Shape.INTEGER,
    ),
    (
        (r"radius|price|rate|temp(?:erature)?|celsius|fahrenheit|weight|tolerance|principal"),
        Shape.FLOAT,
    ),
    (
        (
            r"s\d?|str\d?|t|msg|message|sub(?:string)?|prefix|suffix|pattern|name|title|line|password"
            r"|content|input_string|input_str|input_text|plaintext|ciphertext|sep(?:arator)?|delimiter"
        ),
        Shape.TEXT,
    ),
    (
        (
            r"l\d?|lst\d?|list\d?|list_?[ab12]|arr(?:ay)?\d?|items\d?|values|elements|data|xs|seq(?:uence)?|input_list"
            r"|left|right|collection|iterable|prices|scores|weights|coins|candidates|stack"
        ),
        Shape.NUMBERS,
    ),
    (r"d\d?|dict\d?|dictionary\d?|mapping|dict_?[ab12]|counts|obj", Shape.DICTIONARY),
    (r"records|dicts|rows_of|people|users|list_of_dicts", Shape.RECORDS),
    (r"s(?:et)?_?[ab12]|set\d?", Shape.SET),
    (r"reverse|descending|ascending|case_sensitive|ignore_case|strict", Shape.BOOLEAN),
)
# Texts of a certain form: what the request or the parameter's name says.
FORMS: tuple[tuple[str, Shape], ...] = (
    (
        r"\bdates?\b|\bdays between|\bday of (?:the )?week|\bbirth|weekday|YYYY|날짜|요일",
        Shape.DATE,
    ),
    (r"e-?mail|이메일", Shape.EMAIL),
    (r"\burls?\b(?!\s+slug)|query.string|주소창", Shape.URL),
    (
        r"\broman\b.{0,40}\bto\b.{0,12}\b(?:integer|int|number|decimal)|로마.{0,12}(?:정수|숫자로)",
        Shape.ROMAN,
    ),
    (r"\bbinary\b.{0,20}\bto\b.{0,12}\b(?:decimal|integer|int)\b|이진수를", Shape.BINARY),
    (r"\bhex(?:adecimal)?\b|16진", Shape.HEXADECIMAL),
    (r"\bip(?:v4)?\b.{0,12}\baddress|\bipv4\b|아이피", Shape.ADDRESS),
    (r"\bjson\b", Shape.JSON),
    (r"\bcsv\b", Shape.CSV),
    (r"\bbrackets?\b|\bparenthes[ei]s\b|괄호", Shape.BRACKETS),
)
LIST_OF_TEXTS = re.compile(
    r"\blists?\s+of\s+(?:words|strings|names|texts)|\barray\s+of\s+(?:words|strings)|문자열\s*(?:리스트|목록|배열)"
    r"|단어\s*(?:리스트|목록|배열)",
    re.I,
)
LIST_OF_LISTS = re.compile(
    r"\blists?\s+of\s+lists|\bnested\b|\b2d\b|\bmatri(?:x|ces)\b|행렬|중첩", re.I
)
LIST_OF_DICTIONARIES = re.compile(r"\blists?\s+of\s+(?:dict|record|object)|딕셔너리\s*리스트", re.I)
ABOUT_TEXT = re.compile(
    r"\b(?:string|text|word|sentence|palindrome|anagram|vowel)s?\b|문자열|문장|단어", re.I
)
ABOUT_LISTS = re.compile(r"\b(?:list|array)s?\b|리스트|배열|목록", re.I)
SUFFIX = re.compile(r"(?:^|_)([a-z]+\d?)$")


def guess_shape(parameter: ast.arg, default: ast.expr | None, request: str) -> Shape:
    """Guess the shape of a parameter: by its hint, else by its default, else by its name."""
    if parameter.annotation is not None:
        hinted = shape_of_hint(parameter.annotation)
        if hinted is not Shape.UNKNOWN:
            return _formed(hinted, parameter.arg, request)
    if isinstance(default, ast.Constant) and default.value is not None:
        return SIMPLE_HINTS.get(type(default.value).__name__, Shape.UNKNOWN)
    return _shape_by_name(parameter.arg, request)


def shape_of_hint(hint: ast.expr) -> Shape:
    """Read a type hint; a union counts as its first part that says something."""
    match hint:
        case ast.Constant(value=str() as quoted):
            try:
                return shape_of_hint(ast.parse(quoted[:200], mode="eval").body)
            except (SyntaxError, ValueError, RecursionError):
                return Shape.UNKNOWN
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            first = shape_of_hint(left)
            return first if first is not Shape.UNKNOWN else shape_of_hint(right)
        case ast.Subscript(value=base, slice=inner):
            return _generic_shape(dotted_name(base).rpartition(".")[2], inner)
    name = dotted_name(hint).rpartition(".")[2]
    return SIMPLE_HINTS.get(name) or _generic_shape(name, None)


def _generic_shape(name: str, inner: ast.expr | None) -> Shape:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner] if inner else []
    if name in ("Optional", "Union", "Annotated", "Final") and parts:
        return shape_of_hint(parts[0])
    if name in MAPPINGS:
        values = shape_of_hint(parts[-1]) if parts else Shape.UNKNOWN
        return Shape.GRAPH if values in (Shape.TEXTS, Shape.SET) else Shape.DICTIONARY
    if name in SEQUENCES:
        return _sequence_shape(parts[0]) if parts else Shape.NUMBERS
    if name in SETS:
        return Shape.SET
    return Shape.FUNCTION if name == "Callable" else Shape.UNKNOWN


def _sequence_shape(element: ast.expr) -> Shape:
    base = element.value if isinstance(element, ast.Subscript) else element
    if dotted_name(base).rpartition(".")[2] in ("tuple", "Tuple"):
        return Shape.PAIRS
    return LISTS_OF.get(shape_of_hint(element), Shape.NUMBERS)


def _formed(shape: Shape, name: str, request: str) -> Shape:
    """The shape of a text of a certain form, where the request asks for one."""
    if shape is Shape.TEXT:
        for pattern, form in FORMS:
            if re.search(pattern, name, re.I) or re.search(pattern, request, re.I):
                return form
    return shape


def _shape_by_name(name: str, request: str) -> Shape:
    lowered = name.lower()
    candidates = [lowered, *(match[1] for match in [SUFFIX.search(lowered)] if match)]
    for names in (CLEAR_NAMES, LIKELY_NAMES):
        for candidate in candidates:
            for pattern, shape in names:
                if re.fullmatch(pattern, candidate):
                    return _refined(_formed(shape, name, request), request)
    for pattern, form in FORMS:
        if re.search(pattern, name, re.I):
            return form
    if ABOUT_LISTS.search(request):
        return _refined(Shape.NUMBERS, request)
    return Shape.TEXT if ABOUT_TEXT.search(request) else Shape.INTEGER


def _refined(shape: Shape, request: str) -> Shape:
    """The shape of a list whose elements the request names."""
    if shape is Shape.NUMBERS:
        if LIST_OF_DICTIONARIES.search(request):
            return Shape.RECORDS
        if LIST_OF_LISTS.search(request):
            return Shape.MATRIX
        if LIST_OF_TEXTS.search(request):
            return Shape.TEXTS
    return shape
