"""Chooses arguments for plausible calls, by parameters' hints, defaults and names. Pure."""

import ast
import re
from collections.abc import Sequence

# Three ordinary values of each kind, as source.
VALUES = {
    "int": ("5", "8", "3"),
    "float": ("2.5", "10.0", "4.0"),
    "bool": ("True", "False", "True"),
    "str": ("'hello world'", "'The quick brown fox'", "'level'"),
    "bytes": ("b'hello'", "b'abc'", "b'a'"),
    "list": ("[3, 1, 2]", "[5, 2, 9, 4, 5, 1]", "[10, 7, 8, 3]"),
    "list of str": (
        "['banana', 'apple', 'cherry']", "['ab', 'cde', 'ab', 'f']", "['one', 'two']",
    ),
    "list of list": (
        "[[1, 2], [3, 4]]", "[[5, 6, 7], [8, 9, 1], [2, 3, 4]]", "[[1, 0], [0, 1]]",
    ),
    "list of dict": (
        "[{'name': 'Ann', 'age': 30}, {'name': 'Bob', 'age': 25}]",
        "[{'name': 'Cy', 'age': 41}]",
        "[{'name': 'Dan', 'age': 3}]",
    ),
    "dict": ("{'a': 1, 'b': 2}", "{'b': 3, 'c': 1, 'd': 2}", "{'x': 5}"),
    "set": ("{1, 2, 3}", "{2, 3, 4}", "{5, 6}"),
    "callable": ("(lambda value: value)",) * 3,
}  # fmt: skip
HINTS = {
    "complex": "float", "frozenset": "set", "mapping": "dict", "mutablemapping": "dict",
} | dict.fromkeys(("sequence", "iterable", "iterator", "collection", "tuple"), "list")  # fmt: skip
NAMES = {
    "list of str": r"words|strings|strs|names|sentences",
    "list of list": r"matrix|grid|mat|board",
    "list": (
        r"nums|numbers|integers|ints|l|lst|list|arr|array|items|values|elements|data|xs|seq|sequence"
        r"|prices|scores|collection"
    ),
    "str": r"s|str|string|text|sentence|word|phrase|message|name|char|letter|path|filename|line",
    "dict": r"d|dict|dictionary|mapping|counts|graph",
    "callable": r"func|function|fn|callback|predicate",
    "int": r"n|num|number|k|count|size|index|limit|target",
}
# What a request speaks of, the most particular first.
SPOKEN_OF = {
    "list of str": r"\blists? of (?:words|strings|names)|(?:문자열|단어)\s*(?:리스트|목록|배열)",
    "list of list": r"\blists? of lists|\bnested\b|\bmatri(?:x|ces)\b|행렬|중첩",
    "list": r"\b(?:list|array)s?\b|리스트|배열|목록",
    "str": r"\b(?:string|text|word|sentence)s?\b|문자열|문장|단어",
}


def choose_arguments(
    parameters: Sequence[ast.arg], defaults: Sequence[ast.expr | None], request: str
) -> list[list[str]]:
    """Choose three ordinary values for each parameter; those of one kind get different ones."""
    kinds = [
        _kind_of_hint(parameter.annotation)
        or (type(default.value).__name__ if isinstance(default, ast.Constant) else "")
        or _kind_of_name(parameter.arg, request)
        for parameter, default in zip(parameters, defaults, strict=True)
    ]
    chosen = []
    for index, kind in enumerate(kinds):
        values = VALUES.get(kind, VALUES["int"])
        turn = kinds[:index].count(kind)
        chosen.append([values[(turn + place) % 3] for place in range(3)])
    return chosen


def _kind_of_hint(hint: ast.expr | None) -> str:
    """Read a type hint; of a union the first part that says something counts."""
    words = re.findall(r"[a-z]+", ast.unparse(hint)[:200].lower() if hint else "")
    known = [HINTS.get(word, word) for word in words if HINTS.get(word, word) in VALUES]
    if known[:1] == ["list"] and (of := f"list of {' '.join(known[1:2])}") in VALUES:
        return of
    return known[0] if known else ""


def _kind_of_name(name: str, request: str) -> str:
    """Read a parameter's name, or the last word of it, and what the request speaks of."""
    words = {name.lower(), name.lower().rpartition("_")[2]}
    named = (
        kind
        for kind, names in NAMES.items()
        if any(re.fullmatch(rf"(?:{names})\d?", word) for word in words)
    )
    kind = next(named, "")
    spoken = (one for one, words in SPOKEN_OF.items() if re.search(words, request, re.I))
    return next(spoken, kind or "int") if kind in ("", "list") else kind
