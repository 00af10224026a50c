"""Values for the arguments of plausible calls, as source text."""

import re
from collections.abc import Sequence

from services.evaluator.app.services.behaviour.calls.shapes import Shape

# Ordinary values of each shape; calls take the same place of each argument's list.
TYPICAL: dict[Shape, tuple[str, str, str]] = {
    Shape.INTEGER: ("5", "8", "3"),
    Shape.FLOAT: ("2.5", "10.0", "4.0"),
    Shape.BOOLEAN: ("True", "False", "True"),
    Shape.TEXT: ("'hello world'", "'The quick brown fox'", "'level'"),
    Shape.CHARACTER: ("'l'", "'o'", "'e'"),
    Shape.BYTES: ("b'hello'", "b'abc'", "b'a'"),
    Shape.NUMBERS: ("[3, 1, 2]", "[5, 2, 9, 4, 5, 1]", "[10, 7, 8, 3]"),
    Shape.FLOATS: ("[3.0, 1.5, 2.25]", "[5.0, 2.0, 9.5, 4.0]", "[1.0, 2.0, 3.0]"),
    Shape.TEXTS: (
        "['banana', 'apple', 'cherry']",
        "['ab', 'cde', 'ab', 'f']",
        "['one', 'two']",
    ),
    Shape.MATRIX: ("[[1, 2], [3, 4]]", "[[5, 6, 7], [8, 9, 1], [2, 3, 4]]", "[[1, 0], [0, 1]]"),
    Shape.PAIRS: ("[(1, 3), (2, 6), (8, 10)]", "[(5, 7), (1, 2)]", "[(1, 4), (4, 5)]"),
    Shape.RECORDS: (
        "[{'name': 'Ann', 'age': 30}, {'name': 'Bob', 'age': 25}]",
        "[{'name': 'Cy', 'age': 41}, {'name': 'Ann', 'age': 30}]",
        "[{'name': 'Ann', 'age': 30}]",
    ),
    Shape.DICTIONARY: ("{'a': 1, 'b': 2}", "{'b': 3, 'c': 1, 'd': 2}", "{'x': 5}"),
    Shape.GRAPH: (
        "{'a': ['b', 'c'], 'b': ['d'], 'c': ['d'], 'd': []}",
        "{'a': ['b'], 'b': ['a', 'c'], 'c': ['b']}",
        "{'a': ['b'], 'b': []}",
    ),
    Shape.SET: ("{1, 2, 3}", "{2, 3, 4}", "{5, 6}"),
    Shape.FUNCTION: ("(lambda value: value)",) * 3,
    Shape.DATE: ("'2024-02-28'", "'2024-03-01'", "'2023-12-31'"),
    Shape.EMAIL: ("'ann@example.com'", "'not an address'", "'a.b@example.org'"),
    Shape.URL: ("'https://example.com/a?x=1&y=two'", "'name=ann&city=seoul'", "'a=1'"),
    Shape.ROMAN: ("'XIV'", "'MCMXCIV'", "'III'"),
    Shape.BINARY: ("'1010'", "'111'", "'1'"),
    Shape.HEXADECIMAL: ("'ff8800'", "'#ff8800'", "'1A'"),
    Shape.ADDRESS: ("'192.168.0.1'", "'256.1.1.1'", "'10.0.0.1'"),
    Shape.JSON: ('\'{"a": 1, "b": [1, 2]}\'', "'[1, 2, 3]'", "'{}'"),
    Shape.CSV: ("'name,age\\nAnn,30\\nBob,25'", "'a,b\\n1,2'", "'a\\n1'"),
    Shape.BRACKETS: ("'([]{})'", "'(]'", "'(())'"),
    Shape.PATH: ("'data/input.txt'", "'notes.txt'", "'report.csv'"),
    Shape.UNKNOWN: ("6", "'hello'", "[3, 1, 2]"),
}
SECOND: dict[Shape, tuple[str, str, str]] = {
    Shape.INTEGER: ("3", "4", "2"),
    Shape.FLOAT: ("1.5", "4.0", "2.0"),
    Shape.TEXT: ("'hello'", "'fox'", "'lev'"),
    Shape.NUMBERS: ("[2, 4, 6]", "[5, 1, 7, 2, 8, 3]", "[3, 8, 9, 10]"),
    Shape.TEXTS: ("['apple', 'date', 'fig']", "['ab', 'z', 'f', 'cde']", "['two', 'six']"),
    Shape.MATRIX: ("[[5, 6], [7, 8]]", "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", "[[2, 3], [4, 5]]"),
    Shape.DICTIONARY: ("{'b': 3, 'c': 4}", "{'c': 5}", "{'y': 1}"),
    Shape.SET: ("{2, 3, 4}", "{3, 5}", "{6, 7}"),
    Shape.DATE: ("'2024-03-01'", "'2024-03-10'", "'2024-01-01'"),
}
EDGES: dict[Shape, str] = {
    Shape.INTEGER: "0",
    Shape.FLOAT: "0.0",
    Shape.TEXT: "''",
    Shape.BRACKETS: "''",
    Shape.NUMBERS: "[]",
    Shape.FLOATS: "[]",
    Shape.TEXTS: "[]",
    Shape.PAIRS: "[]",
    Shape.RECORDS: "[]",
    Shape.DICTIONARY: "{}",
    Shape.SET: "set()",
    Shape.MATRIX: "[]",
}
SORTED = {
    "[3, 1, 2]": "[1, 2, 3]",
    "[5, 2, 9, 4, 5, 1]": "[1, 2, 4, 5, 5, 9]",
    "[10, 7, 8, 3]": "[3, 7, 8, 10]",
    "[5, 1, 7, 2, 8, 3]": "[1, 2, 3, 5, 7, 8]",
    "['banana', 'apple', 'cherry']": "['apple', 'banana', 'cherry']",
}
LISTS = frozenset({Shape.NUMBERS, Shape.FLOATS, Shape.TEXTS})
# What is looked for among elements, and what counts them.
SOUGHT = re.compile(
    r"(?:target|element|item|value|x|key|val|n|num|number|needle)(?:_\w+)?|search\w*", re.I
)
COUNTING = re.compile(
    r"k|n|size|count|chunk\w*|places|steps|window\w*|length|shift|positions?|times", re.I
)
FOUND_IN: dict[Shape, tuple[str, str, str]] = {
    Shape.NUMBERS: ("2", "9", "4"),
    Shape.FLOATS: ("1.5", "9.5", "7.0"),
    Shape.TEXTS: ("'apple'", "'ab'", "'three'"),
}
NODE = re.compile(r"start\w*|source|src|node|root|begin\w*|from\w*|first", re.I)
LAST_NODE = re.compile(r"end\w*|target|goal|dest\w*|to\w*|second|last", re.I)
FIELD = re.compile(r"key|field|attribute|name|by|column", re.I)
SORTED_INPUT = re.compile(r"\bsorted (?:list|array|numbers)|already sorted|정렬된", re.I)


def argument_sources(
    names: Sequence[str], shapes: Sequence[Shape], request: str
) -> list[tuple[str, str, str]]:
    """Choose three ordinary values for each parameter, so that they fit each other."""
    chosen: list[tuple[str, str, str]] = []
    for index, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        values = _related(name, shape, shapes[:index]) or (
            SECOND.get(shape, TYPICAL[shape]) if shape in shapes[:index] else TYPICAL[shape]
        )
        if SORTED_INPUT.search(request):
            first, second, third = (SORTED.get(value, value) for value in values)
            values = (first, second, third)
        chosen.append(values)
    return chosen


def _related(name: str, shape: Shape, before: Sequence[Shape]) -> tuple[str, str, str] | None:
    """Values that have to do with an argument before this one."""
    collection = next((other for other in before if other in LISTS), None)
    if collection and shape in (Shape.INTEGER, Shape.FLOAT, Shape.TEXT):
        if COUNTING.fullmatch(name) and shape is Shape.INTEGER:
            return ("1", "2", "3")
        if SOUGHT.fullmatch(name):
            return FOUND_IN[collection]
    if Shape.GRAPH in before and (NODE.fullmatch(name) or LAST_NODE.fullmatch(name)):
        return ("'d'", "'c'", "'b'") if LAST_NODE.fullmatch(name) else ("'a'", "'a'", "'a'")
    if Shape.DICTIONARY in before and FIELD.fullmatch(name):
        return ("'a'", "'c'", "'x'")
    if Shape.RECORDS in before and FIELD.fullmatch(name):
        return ("'age'", "'name'", "'age'")
    return None
