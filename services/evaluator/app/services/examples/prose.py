"""Finds examples that name no function: `It returns 120 for 5`, `Input: 3`, `5를 넣으면 120`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from services.evaluator.app.services.examples.calls import ARROW, RETURNS
from services.evaluator.app.services.examples.example import Example, Found, quote
from services.evaluator.app.services.examples.literals import Literal, read_literal
from services.evaluator.app.services.examples.meant_value import is_meant, tolerance_of, whole_value

MAX_ARGUMENTS = 6
MAX_PLACES = 60
NOUN = (
    r"(?:(?:the|an?|any)\s+)?(?:(?:input|list|array|string|number|integer|word|text|sentence|value"
    r"|tuple|dictionary|dict|argument|call)s?\s*:?\s+(?:of\s+)?)?"
)
NAME = re.compile(
    r"[`*]{0,2}([A-Za-z_]\w{0,40})[`*]{0,2}\s*(?:=(?!=)|:(?=\s))\s*[`*]{0,2}", re.ASCII
)
AND = re.compile(r"[`*]{0,2}\s{0,2}(?:,\s*(?:and\s+)?|\s+and\s+)[`*]{0,2}(?=\S)")
LINE_AND = re.compile(
    r"[`*]{0,2}[ \t]*(?:,\s*|\s+and\s+|\n\s*)[`*]{0,2}"
    r"(?!(?:expected|sample|output|result|return|explanation)\w*\s*[=:])(?=[A-Za-z_]\w*\s*[=:])",
    re.I,
)

VALUE_FOR = re.compile(rf"\b(?:{RETURNS})\s+[`*]{{0,2}}(?=[-+\d\"'\[({{TFNtfn])", re.I)
FOR = re.compile(
    rf"[`*]{{0,2}}\s+(?:for|given|when\s+given|on|with)\s+{NOUN}[`*]{{0,2}}(?=[-+\d\"'\[({{TFN])",
    re.I,
)
GIVEN = re.compile(
    rf"\b(?:for|given|with|passing|if\s+(?:the\s+)?input\s+is|when\s+(?:the\s+)?input\s+is|when\s+given"
    rf"|on|e\.g\.,?|for\s+(?:the\s+)?input)\s+(?:the\s+)?{NOUN}(?:of\s+|is\s+)?[`*]{{0,2}}"
    r"(?=[-+\d\"'\[({]|True|False|None|[A-Za-z_]\w{0,40}\s*=[^=])",
    re.I,
)
THEN = re.compile(
    # Without a subject it may say something of another thing: `the Collatz sequence for 5 is`.
    r"[`*]{0,2}(?:\s*,)?\s*(?:then\s+)?"
    r"(?:(?:it|this|you|we|i|the\s+(?:function|result|output|answer|method|program|return\s+value)"
    r"|your\s+(?:function|code|output))\s+|(?!is\b|be\b))"
    rf"(?:i\s+(?:want|expect)\s+|{RETURNS})\s*[`*]{{0,2}}",
    re.I,
)
INPUT = re.compile(
    r"(?:^|[\s*_(])(?:sample\s+)?(?:input|입력)(?:\s*\d{1,2})?[*_`]{0,2}\s*[:：][`*_\s]{0,20}", re.I
)
OUTPUT = re.compile(
    r"[`*_]{0,3}[\s,;/.|>*•-]{0,20}(?:(?:[-=]{1,2}>|→)\s*)?[*_]{0,2}(?:(?:sample|expected)\s+)?"
    r"(?:output|result|return(?:s|\s+value)?|출력|결과|반환)"
    r"(?:\s*\d{1,2})?[*_`]{0,2}\s*[:：][`*_\s]{0,20}",
    re.I,
)
KOREAN_GIVEN = re.compile(
    r"[`*]{0,2}\s?(?:을|를|이|가|로|으로)?\s*(?:넣으면|입력하면|주면|주어지면|전달하면|넘기면|넘겨주면"
    r"|받으면|입력받으면|입력으로\s*받으면|호출하면|들어오면|입력되면|이면|일\s*때|인\s*경우|에\s*대해서?는?"
    r"|의\s*경우)(?:\s*,)?\s*(?:(?:에는?|는|은)\s*)?"
    r"(?:(?:함수는|결과는|결과로|결과가|출력은|출력으로|반환값은|반환값이|값은|답은|정답은)\s*)?[`*]{0,2}"
)
KOREAN_COMMA = re.compile(r"[`*]{0,2}\s?(?:와|과|,|하고|그리고)\s*[`*]{0,2}(?=[-+\d\"'\[({])")
KOREAN_VALUE = re.compile(
    r"[`*]{0,2}\s?(?:을|를|이|가|로|으로|라고|입니다|이다|이|예|임|다|여야|이어야|반환|출력|리턴|나|$|\.|,)"
)
INTRODUCED = re.compile(
    r"(?:\be\.?g\b\.?|\bexamples?\b|\bfor instance\b|\binput\b|예시|예를|예:|예\)|입력)"
    r"[^\n]{0,40}$",
    re.I,
)
BARE_ARROW = re.compile(rf"[`*]{{0,2}}[ \t]{{0,3}}{ARROW}[ \t]{{0,3}}[`*]{{0,2}}")
VALUE_START = re.compile(r"(?<![\w.)\]}'\"])(?=[-+]?[\d\"'\[({]|True\b|False\b|None\b)")


@dataclass(frozen=True, slots=True)
class Arguments:
    """Sources of arguments in running text, the names that it gives them, and where they end."""

    sources: tuple[str, ...]
    names: tuple[str, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Form:
    """A form of words, arguments, words and a value.

    Attributes:
        lines: Whether named ones may also stand on lines of their own.
        fits: Tells by what stands around an example whether it is one.
    """

    opening: re.Pattern[str]
    then: re.Pattern[str]
    joint: re.Pattern[str] = AND
    lines: bool = False
    fits: Callable[[str, int, int], bool] = lambda _text, _start, _end: True


def find_prose_examples(text: str) -> list[Found]:
    """Find every example that names no function."""
    return [*_value_first(text), *_given_first(text)]


def read_arguments(
    text: str, start: int, *, joined_by: re.Pattern[str] = AND, lines: bool = False
) -> Arguments | None:
    """Read literals, named or not, joined by commas or "and"; None where there are none.

    Args:
        lines: Whether named ones may also stand on lines of their own.
    """
    sources: list[str] = []
    names: list[str] = []
    position = end = start
    while len(sources) < MAX_ARGUMENTS:
        named = NAME.match(text, position)
        literal = read_literal(text, named.end() if named else position)
        if literal is None or (bool(named) != bool(names) and sources):
            break
        if FOR.match(text, literal.end) and sources:
            # `True for 7 and False for 8`: the next pair has begun.
            break
        sources.append(literal.source)
        names += [named[1]] if named else []
        end = literal.end
        joint = LINE_AND.match(text, end) if lines and names else None
        joint = joint or joined_by.match(text, end)
        if joint is None:
            break
        position = joint.end()
    return Arguments(tuple(sources), tuple(names), end) if sources else None


def _example(
    text: str, start: int, arguments: Arguments, value: Literal, *, end: int | None = None
) -> Iterator[Found]:
    """Yield the example, unless the words around it say that it isn't meant."""
    end = value.end if end is None else end
    if is_meant(text, start, end):
        example = Example(
            "",
            ", ".join(arguments.sources),
            value.value,
            names=arguments.names,
            loose=True,
            tolerance=tolerance_of(text, start, value),
            quoted=quote(text, start, end),
        )
        yield start, example


def _value_first(text: str) -> Iterator[Found]:
    """Find `returns 120 for 5`."""
    for opening in islice(VALUE_FOR.finditer(text), MAX_PLACES):
        value = read_literal(text, opening.end(), loose=True)
        joint = FOR.match(text, value.end) if value else None
        arguments = read_arguments(text, joint.end()) if joint else None
        last = read_literal(arguments.sources[-1], 0) if arguments else None
        if value is None or arguments is None or last is None:
            continue
        if whole_value(text, Literal(last.value, last.source, arguments.end)):
            yield from _example(text, opening.start(), arguments, value, end=arguments.end)


def _given_first(text: str) -> Iterator[Found]:
    """Find each form of words, arguments, words and a value."""
    for form in GIVEN_FIRST:
        done = 0
        for opening in islice(form.opening.finditer(text), MAX_PLACES):
            start = opening.start()
            if start < done:
                continue
            arguments = read_arguments(text, opening.end(), joined_by=form.joint, lines=form.lines)
            then = form.then.match(text, arguments.end) if arguments else None
            literal = read_literal(text, then.end(), loose=True) if then else None
            done = arguments.end if arguments else done
            value = whole_value(text, literal) if literal else None
            if arguments and value and form.fits(text, start, value.end):
                done = value.end
                yield from _example(text, start, arguments, value)


def _is_korean(text: str, _start: int, end: int) -> bool:
    return KOREAN_VALUE.match(text, end) is not None


def _is_bare_example(text: str, start: int, end: int) -> bool:
    """Whether an example is announced just before, and is no link of a chain."""
    return BARE_ARROW.match(text, end) is None and _is_announced(text, start)


def _is_announced(text: str, start: int) -> bool:
    before = text[max(0, start - 80) : start]
    if before.rstrip(" \t`*").endswith(("->", "=>", *"→➞⇒➔⟶↦")):
        return False
    above, _, line = before.rpartition("\n")
    # On the same line, or on the line before a list of examples.
    return INTRODUCED.search(line) is not None or (
        not line.strip(" \t-*•`") and INTRODUCED.search(above[-60:].rstrip()) is not None
    )


GIVEN_FIRST = (
    # `Input: nums = [2, 7], target = 9`, then `Output: [0, 1]`.
    Form(INPUT, OUTPUT, lines=True),
    # `given 5, it returns 120`, `For lst = [1, 2] the output should be 3`.
    Form(GIVEN, THEN),
    # `5를 넣으면 120을 반환`, `[1, 2]를 입력하면 결과는 3`.
    Form(VALUE_START, KOREAN_GIVEN, joint=KOREAN_COMMA, fits=_is_korean),
    # `[3, 1, 2] -> [1, 2, 3]`.
    Form(VALUE_START, BARE_ARROW, fits=_is_bare_example),
)
