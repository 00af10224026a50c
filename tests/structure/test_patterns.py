"""Keeps out regular expressions that Python 3.11.0 to 3.11.4 match wrongly.

Those versions give a possessive quantifier over a group characters that the group tried in vain
(CPython gh-106052), and up to 3.13.0 groups within it may end in a SystemError (gh-101955). Over a
single character or class possessive quantifiers are right in every version.
"""

import ast
import re
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from re import _compiler, _parser

import pytest

ROOT = Path(__file__).parents[2]
MAY_BE_WRONG = re.compile(r"[*+?}]\+|\(\?>")
# For what can't be parsed alone, such as a piece of a pattern.
LOOKS_WRONG = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")
# What a value that isn't known here may be: part of a class, a bound or a character; or a group.
UNKNOWN_VALUES = ("1", "(?:11)")

Names = dict[str, str]


def find_wrong_patterns(root: Path) -> Iterator[str]:
    """Yield the place and the text of each string that is such a pattern, in Python and TOML."""
    for folder in sorted(root.iterdir()):
        for path in sorted(folder.rglob("*")) if not folder.name.startswith(".") else ():
            if path.suffix not in READERS or path == Path(__file__):
                continue
            strings = dict.fromkeys(READERS[path.suffix](path.read_text(encoding="utf-8")))
            for line, text in strings:
                if is_wrong(text):
                    yield f"{path.relative_to(root)}:{line}: {text}"


def read_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module with their lines, joined as far as their parts are known."""
    tree = ast.parse(source)
    for unknown in UNKNOWN_VALUES:
        names: Names = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names[node.targets[0].id] = join(node.value, names, unknown) or unknown
        pieces = {
            id(piece)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for piece in node.values
        }
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)
            if is_text and id(node) not in pieces and (text := join(node, names, unknown)):
                yield node.lineno, text


def join(node: ast.expr, names: Names, unknown: str) -> str | None:
    """Return the text of an expression, with `unknown` for parts that only a run could tell."""
    match node:
        case ast.Constant(value=str() | bytes() as text):
            return text if isinstance(text, str) else text.decode("latin-1")
        case ast.Name(id=name):
            return names.get(name)
        case ast.FormattedValue(value=value):
            return join(value, names, unknown)
        case ast.JoinedStr(values=parts):
            return "".join(join(part, names, unknown) or unknown for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            texts = join(left, names, unknown), join(right, names, unknown)
            return None if texts == (None, None) else "".join(text or unknown for text in texts)
    return None


def read_toml(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings of a TOML document, each with the line where its first one stands."""
    waiting: list[object] = [tomllib.loads(source)]
    while waiting:
        match waiting.pop():
            case str(text):
                start = source.find(text.split("\n")[0])
                yield source.count("\n", 0, max(start, 0)) + 1, text
            case dict(table):
                waiting += table.values()
            case list(items):
                waiting += items


READERS = {".py": read_python, ".toml": read_toml}


def is_wrong(text: str) -> bool:
    """Return whether a text, read as a pattern, has a possessive quantifier over a group."""
    if not MAY_BE_WRONG.search(text):
        return False
    parsed = [tree for flags in (0, re.VERBOSE) if (tree := parse(text, flags)) is not None]
    return any(map(has_wrong_part, parsed)) if parsed else bool(LOOKS_WRONG.search(text))


def parse(text: str, flags: int) -> _parser.SubPattern | None:
    """Parse a pattern; None if it is none."""
    with warnings.catch_warnings(action="ignore"):
        try:
            return _parser.parse(text, flags)
        except (re.error, OverflowError):
            return None


def has_wrong_part(tree: object) -> bool:
    """Return whether atomic groups or repeated ones that give nothing back stand in a pattern."""
    match tree:
        case (_parser.ATOMIC_GROUP, _):
            return True
        case (_parser.POSSESSIVE_REPEAT, (_, _, repeated)) if not _compiler._simple(repeated):
            return True
        case _parser.SubPattern() | tuple() | list():
            return any(map(has_wrong_part, tree))
    return False


def test_no_pattern_is_matched_wrongly_by_a_supported_python() -> None:
    assert list(find_wrong_patterns(ROOT)) == []


@pytest.mark.parametrize(
    "source",
    [
        r're.compile(r"(?:ab?c)*+")',
        r're.search("(a)?+", text)',
        r're.sub(r"x(?=(?:ab)++)y", "", text)',
        r'PATTERN = b"(?:ab){2,}+"',
        r'PATTERN = "(?:a" "b" ")*+"',
        r'PATTERN = "(?>[ab])"',
        'PATTERN = r"""\n  (?: ab )*+  # it has a (\n"""',
        r'PATTERN = rf"[{CLASS}](?:a|bc){{0,{most}}}+"',
        r'PATTERN = rf"(?:{CLASS}|{part})*+"',
        r'PATTERN = "(?:" + "|".join(words) + ")++"',
        'PART = "(?:a|bc)"\nPATTERN = rf"{PART}*+"',
        r'pieces = ["(?:ab", ")*+"]',
    ],
)
def test_a_wrong_pattern_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(f'"""Matches."""\n{source}\n')
    found = list(find_wrong_patterns(tmp_path))
    assert found
    assert all(place.startswith("package/module.py:") for place in found)


def test_a_wrong_pattern_is_found_in_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rules.toml").write_text("[[rule]]\npatterns = ['a', '(?:ab)*+']\n")
    assert list(find_wrong_patterns(tmp_path)) == ["data/rules.toml:2: (?:ab)*+"]


@pytest.mark.parametrize(
    "source",
    [
        r're.compile(r"[a-z]{4,}+(?:\.\w*+)?")',
        r're.compile(r"(?:ab?c)*(?:a)?+")',
        r'LANGUAGES = "c++ c# (objective-c)"',
        r'PATTERN = r"\(*+[()*+]"',
        r'PATTERN = rf"[{CLASS})]*+"',
        r'PATTERN = rf"[ab]{{0,{most}}}+"',
    ],
)
def test_other_patterns_are_not(source: str) -> None:
    assert [text for _, text in read_python(source) if is_wrong(text)] == []
