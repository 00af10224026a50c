"""Reads from a request what its answer must have: a language, a name, a form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCED = re.compile(r"(```+|~~~+).*?(?:\1|\Z)", re.S)
NAMED = (
    re.compile(r"\bdef\s+([A-Za-z_]\w*)\s*\("),
    re.compile(r"\b(?:function|method|class)\s+(?:called|named)\s+[`'\"]?([A-Za-z_]\w*)", re.I),
    re.compile(r"\b(?:called|named)\s+[`'\"]?([A-Za-z_]\w*)[`'\"]?\s*\(", re.I),
    re.compile(r"`([A-Za-z_]\w*)\s*\([^`]*\)`"),
    re.compile(r"\b(?:function|method)\s+[`'\"]?([A-Za-z_]\w*)\s*\(", re.I),
    re.compile(r"`([A-Za-z_]\w*)`\s*(?:라는|함수|클래스|메서드|function|class)", re.I),
    re.compile(r"\bclass\s+([A-Z]\w*)"),
)
# Words that may stand where a name would, as in "a function that (given a list) sorts it".
NO_NAMES = frozenset(
    """a after an and as at by for from if in into is it of on or that the this to when where
    which who with without""".split()
)
# ASCII boundaries, since Korean particles follow a word without a space: `Python으로`.
CLASS_WANTED = re.compile(r"\bclass\b|클래스", re.I | re.A)
OTHER_LANGUAGES = (
    "javascript", "typescript", "java", "kotlin", "scala", "swift", "rust", "ruby", "php", "perl",
    "haskell", "elixir", "golang", "bash", "sql", "html", "css", "c++", "c#",
    "자바스크립트", "자바",
)  # fmt: skip
OTHER_LANGUAGE = re.compile(
    r"(?<![\w#+])(?:" + "|".join(re.escape(name) for name in OTHER_LANGUAGES) + r")(?![\w#+])",
    re.I | re.A,
)
PYTHON = re.compile(r"\bpython\b|파이썬", re.I | re.A)
WORD = re.compile(r"[A-Za-z]{3,}")
# Words that requests for code share whatever they ask for.
COMMON_WORDS = frozenset(
    """a an and any are all also answer argument arguments block called can class code complete
    create define each example examples for from function given generate has have implement input
    into its language list make method named not one only output please program provide python
    return returning returns script should simple single string take takes that the them this two
    using value values want when which with without write you your number numbers""".split()
)
STEM_LENGTH = 5
ENDING = re.compile(r"(?<=\w{3})(?:ings?|e[sd]?|s)$")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request fixes.

    Attributes:
        name: Function or class that the request names; empty where it names none.
        wants_class: Whether it asks for a class.
        wants_python: Whether Python is asked for, or no other language is.
        topic: Stems of the words that say what it is about; empty for requests without
            Latin words, whose topic can't be read off an identifier.
    """

    name: str
    wants_class: bool
    wants_python: bool
    topic: frozenset[str]


def stem(word: str) -> str:
    """A crude stem: enough to let `sorts` meet `sorted`."""
    return ENDING.sub("", word.lower())[:STEM_LENGTH]


def read_request(user_input: str) -> RequestFacts:
    """Read the facts off a request as the user wrote it."""
    prose = FENCED.sub(" ", user_input)
    words = {word for word in WORD.findall(prose) if word.lower() not in COMMON_WORDS}
    return RequestFacts(
        name=next(_find_names(user_input), ""),
        wants_class=CLASS_WANTED.search(prose) is not None,
        wants_python=PYTHON.search(user_input) is not None or OTHER_LANGUAGE.search(prose) is None,
        topic=frozenset(stem(word) for word in words),
    )


def _find_names(user_input: str) -> Iterator[str]:
    """Names that the request gives, the surest way of naming first."""
    for pattern in NAMED:
        for match in pattern.finditer(user_input):
            if match[1].lower() not in NO_NAMES:
                yield match[1]
