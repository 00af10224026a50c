"""Reads from a request what its answer must have: a language, a name, a form."""

import re
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
CLASS_WANTED = re.compile(r"\bclass\b|클래스", re.I)
OTHER_LANGUAGES = (
    "javascript", "typescript", "java", "kotlin", "scala", "swift", "rust", "ruby", "php", "perl",
    "haskell", "elixir", "golang", "bash", "sql", "html", "css", "c++", "c#",
    "자바스크립트", "자바",
)  # fmt: skip
OTHER_LANGUAGE = re.compile(
    r"(?<![\w#+])(?:" + "|".join(re.escape(name) for name in OTHER_LANGUAGES) + r")(?![\w#+])", re.I
)
PYTHON = re.compile(r"\bpython\b|파이썬", re.I)
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
    return word.lower()[:STEM_LENGTH]


def read_request(user_input: str) -> RequestFacts:
    """Read the facts off a request as the user wrote it."""
    prose = FENCED.sub(" ", user_input)
    words = {word for word in WORD.findall(prose) if word.lower() not in COMMON_WORDS}
    return RequestFacts(
        name=next((match[1] for pattern in NAMED if (match := pattern.search(user_input))), ""),
        wants_class=CLASS_WANTED.search(prose) is not None,
        wants_python=PYTHON.search(user_input) is not None or OTHER_LANGUAGE.search(prose) is None,
        topic=frozenset(stem(word) for word in words),
    )
