"""Reads from a request what its answer must have: a language, a name, a form."""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.evaluator.app.services.code.syntax import Definition, Function, is_open, is_stub
from services.evaluator.app.services.examples.finding import Example, find_examples
from services.evaluator.app.services.examples.program_runs import (
    ProgramExample,
    find_program_examples,
)
from services.evaluator.app.services.examples.shown_code import find_shown_code

FENCED = re.compile(r"(```+|~~~+).*?(?:\1|\Z)", re.S)
CLASS_NAMED = (
    re.compile(r"\bclass\s+(?:(?:called|named)\s+)?[`'\"]?([A-Z]\w{0,80})"),
    re.compile(
        r"\b(?:an?|the|[Cc]reate|[Ii]mplement|[Ww]rite|[Bb]uild|[Dd]esign|[Dd]efine|[Mm]ake)\s+[`'\"]?"
        r"([A-Z]\w{0,80})[`'\"]?\s+class\b"
    ),
    re.compile(r"(?<!\w)`?([A-Z]\w{0,80})`?\s?(?:(?:이라는|라는)\s?(?:이름의\s?)?)?클래스", re.A),
)
NAMED = (
    re.compile(r"\bdef\s+([A-Za-z_]\w*)\s*\("),
    re.compile(r"\b(?:function|method|class)\s+(?:called|named)\s+[`'\"]?([A-Za-z_]\w*)", re.I),
    re.compile(r"\b(?:called|named)\s+[`'\"]?([A-Za-z_]\w*)[`'\"]?\s*\(", re.I),
    re.compile(r"`([A-Za-z_]\w*)\s*\([^`]*\)`"),
    re.compile(r"\b(?:function|method)\s+[`'\"]?([A-Za-z_]\w*)\s*\(", re.I),
    re.compile(r"`([A-Za-z_]\w*)`\s*(?:라는|함수|클래스|메서드|function|class)", re.I),
    re.compile(
        r"\b(?:write|implement|create|need|define|build|make|complete)\s+(?:an?\s+|the\s+|me\s+)?"
        r"([a-z_]\w*)\(",
        re.I,
    ),
    *CLASS_NAMED[:2],
    re.compile(
        r"(?<!\w)([A-Za-z_]\w{0,80})(?:\([^)\n]{0,80}\))?\s?(?:이라는|라는)\s?(?:이름의\s?)?"
        r"(?:함수|클래스|메서드)",
        re.A,
    ),
    re.compile(r"(?<!\w)([a-z]\w{0,40}_\w{1,40}|[A-Z]\w{1,80})\s?(?:함수|클래스|메서드)", re.A),
)
# Words that may stand where a name would, as in "a function that (given a list) sorts it".
NO_NAMES = frozenset(
    """a after an and as at by for from if in into is it of on or that the this to when where
    which who with without python javascript java typescript lambda html css json abstract base
    new parent child single simple""".split()
)
# What an answer is to use, not to be: `use the function max()`, `without the sorted() function`.
MENTION = re.compile(
    r"\b(?:uses?|used|calls?|calling|via|without|instead\s+of|like|(?:using|with)(?!\s+an?\b))\s+"
    r"(?:(?!(?:name|signature|header|prototype)\b)[\w'-]{1,20}\s+){0,3}[`'\"]?$",
    re.I,
)
ASKED_FOR = re.compile(
    r"\b(?:write|implement|create|define|build|make|complete|develop|need|def)\s+"
    r"(?:\w{1,20}\s+){0,3}[`'\"]?$",
    re.I,
)
CALLED = re.compile(r"\b(?:called|named)\s+[`'\"]?$")
METHOD = re.compile(r"\bmethods?\s+[`'\"]?$|메서드\s*[`'\"]?$", re.I)
FUNCTION_WANTED = re.compile(r"\bfunction\b|함수", re.I)
# The class around every answer on LeetCode; its method is what is asked for.
LEETCODE_CLASS = "Solution"
BEFORE = 50
# What Python has of its own is mostly mentioned, not asked for.
PYTHONS_OWN = frozenset(dir(builtins)).union(*map(dir, (str, list, dict, set)))
# ASCII boundaries, since Korean particles follow a word without a space: `Python으로`.
CLASS_WANTED = re.compile(r"\bclass\b|클래스", re.I | re.A)
PROGRAM_WANTED = re.compile(
    r"\b(?:program|script|command[- ]line|stdin|standard input|console)\b"
    r"|프로그램|스크립트|표준\s*입력",
    re.I | re.A,
)
INPUT_WANTED = re.compile(
    r"\bstdin\b|\b(?:from|on|via|reads?) (?:the )?standard input\b|표준\s*입력", re.I | re.A
)
PART_WANTED = re.compile(r"\b(?:function|method|class|def)\b|함수|메서드|클래스", re.I | re.A)
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
CAMEL_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
ENDING = re.compile(r"(?<=\w{3})(?:ings?|e[sd]?|s)$")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The facts about its answer that a request fixes.

    Attributes:
        name: Function or class that the request names; empty where it names none.
        wants_python: Whether Python is asked for, or no other language is.
        topic: Stems of the words that say what it is about; empty for requests without
            Latin words, whose topic can't be read off an identifier.
        wants_program: Whether it asks for a program, and for no function or class.
        wants_input: Whether that program is to read the standard input.
        code: The statements that it shows: starter code, helpers, definitions in comments.
    """

    name: str
    wants_class: bool
    wants_python: bool
    topic: frozenset[str]
    examples: tuple[Example, ...] = ()
    wants_program: bool = False
    wants_input: bool = False
    runs: tuple[ProgramExample, ...] = ()
    code: tuple[ast.stmt, ...] = ()


def split_name(name: str) -> str:
    """Write the words of a name with spaces between them: `binarySearch`, `binary_search`."""
    return CAMEL_BOUNDARY.sub(" ", name).replace("_", " ")


def stem(word: str) -> str:
    """Return a word's crude stem, by which `sorts` equals `sorted`."""
    return ENDING.sub("", word.lower())[:STEM_LENGTH]


def read_request(user_input: str) -> RequestFacts:
    """Read the facts off a request as the user wrote it."""
    prose = FENCED.sub(" ", user_input)
    code = find_shown_code(user_input)
    examples = find_examples(user_input, code)
    speaks_of_program = PROGRAM_WANTED.search(prose) is not None
    wants_part = PART_WANTED.search(user_input) is not None
    wants_program = speaks_of_program and not wants_part
    runs = find_program_examples(user_input) if speaks_of_program or not wants_part else ()
    is_run = wants_program and bool(runs)
    if is_run:  # what looks like a call is mathematics: T(1) = 1
        examples = tuple(example for example in examples if not example.function)
    words = {word for word in WORD.findall(prose) if word.lower() not in COMMON_WORDS}
    return RequestFacts(
        name="" if is_run else next(_find_names(user_input, examples, code), ""),
        wants_class=CLASS_WANTED.search(prose) is not None,
        wants_python=PYTHON.search(user_input) is not None or OTHER_LANGUAGE.search(prose) is None,
        topic=frozenset(stem(word) for word in words),
        examples=examples,
        wants_program=wants_program,
        wants_input=wants_program and INPUT_WANTED.search(prose) is not None,
        runs=runs,
        code=code,
    )


def _helpers_in(code: tuple[ast.stmt, ...], examples: tuple[Example, ...]) -> set[str]:
    """What is written out, but for what examples call where nothing else is left open."""
    called = {example.function for example in examples if example.function}
    shown = [node for node in code if isinstance(node, Definition)]
    left_open = [node for node in shown if is_open(node)]
    written = {node.name for node in shown if node not in left_open and not is_stub(node)}
    return written if left_open else written - called


def _find_names(
    user_input: str, examples: tuple[Example, ...], code: tuple[ast.stmt, ...]
) -> Iterator[str]:
    """Names that the request gives, the surest way of naming first."""
    # Of several functions those without a body: the others are what they build on.
    shown = [node for node in code if isinstance(node, Function)]
    if len(shown) > 1:
        yield from (node.name for node in reversed(shown) if is_stub(node))
    helpers = _helpers_in(code, examples)
    wants_class = CLASS_WANTED.search(user_input) is not None
    is_class = wants_class and not FUNCTION_WANTED.search(user_input)
    patterns = (*CLASS_NAMED, *NAMED) if is_class else NAMED
    called = [example.function for example in examples if example.function]
    defined = {node.name for node in code if isinstance(node, Definition)}
    # In words before in code, which may be what the answer builds on.
    for text in (FENCED.sub(" ", user_input), user_input):
        for pattern in patterns:
            for match in pattern.finditer(text):
                is_helper = match[1] in helpers
                if not is_helper and _is_asked_for(text, match, wants_class=wants_class):
                    yield match[1]
        yield from (name for name in called if name not in defined)
    yield from called


def _is_asked_for(user_input: str, match: re.Match[str], *, wants_class: bool) -> bool:
    """Whether a name is that of the answer, not of something that it uses or of a part of it."""
    if match[1].lower() in NO_NAMES or match[1] == LEETCODE_CLASS:
        return False
    if match[0].startswith("def"):
        return True
    opening = user_input[max(0, match.start() - BEFORE) : match.start()]
    before = user_input[max(0, match.start(1) - BEFORE) : match.start(1)]
    if wants_class and METHOD.search(CALLED.sub("", before)):
        return False
    if MENTION.search(opening.rpartition("\n\n")[2]):
        return False
    return match[1] not in PYTHONS_OWN or any(form.search(before) for form in (ASKED_FOR, CALLED))
