"""Finds the code in an answer: in its blocks, between its prose, or the answer itself."""

import html
import re
from itertools import islice

from services.common.answers.markdown import (
    FencedBlock,
    find_fenced_blocks,
    find_indented_blocks,
    straighten,
)
from services.evaluator.app.services.code.program import Part, assemble
from services.evaluator.app.services.code.reading import (
    CODE_START,
    MAX_COMPILED_CHARACTERS,
    ExtractedCode,
    Reader,
    is_substantial,
)

# How often a text may be parsed, in parts, until what is left of it isn't read.
MAX_PARSED = 8
MAX_RUNS = 8
MAX_LABELS = 16
MAX_PARAGRAPHS = 8
ELEMENT = re.compile(r"</?[a-z]\w{0,20}(?: [\w-]+=\"[^\"<>\n]*\")*>|<!\[CDATA\[|\]\]>", re.I)
# A word in brackets, which stands around code: [CODE] and [/CODE].
LABEL = re.compile(r"^\[/?\w+\]$", re.M)
BLANK_LINE = re.compile(r"\n[ \t]*$", re.M)
INLINE_TAG = re.compile(r"\A[ \t]*(?:py|python)[\d.]*\s", re.I)
# A definition that has a line below it.
WRITTEN_OUT = re.compile(r"^(?:async )?(?:def|class) (\w+).*\n\s*\S", re.M)
SIGNS_OF_PYTHON_2 = ("Missing parentheses in call", "multiple exception types")


def extract_code(answer: str, request: str = "") -> ExtractedCode | None:
    """Find the program in an answer: in its blocks, or the answer itself where that is code.

    Args:
        request: The request; code that stands in it is quoted, and isn't the answer.
    """
    reader = Reader(MAX_PARSED * len(answer) + MAX_COMPILED_CHARACTERS)
    whole = reader.read(FencedBlock("", answer.removeprefix("\ufeff"), 0, 0))
    if whole.tree is not None and is_substantial(whole.tree):
        return whole
    blocks = find_fenced_blocks(answer, reader.makes_sense)
    codes = [code for block in blocks if (code := reader.read(block)).source.strip()]
    if not any(code.tree for code in codes):
        codes = _read_inline(answer, reader) or codes
    if codes and not any(code.tree for code in codes) and answer.count("```") % 2:
        # A block that was never closed, without the prose after it.
        codes += [code for code in _find_runs(codes[-1].source, reader) if code.tree]
    codes = codes or _read_unfenced(straighten(answer), reader)
    return _put_together(codes, request, reader) if codes else None


def _put_together(codes: list[ExtractedCode], request: str, reader: Reader) -> ExtractedCode:
    """Return the program that the blocks are; the likeliest block where none is Python."""
    if broken := _find_broken_version(codes):
        return broken
    parts = [
        Part(code.source, code.tree) for code in codes if code.tree and is_substantial(code.tree)
    ]
    own = [part for part in parts if part.source.strip() not in request]
    if len(own or parts) > 1:
        program = reader.examine(assemble(own or parts, request), "python")
        if program.tree is not None:
            return program
    first = {id(part.tree) for part in (own or parts)[:1]}
    return max(
        codes,
        key=lambda code: (
            id(code.tree) in first,
            code.tree is not None,
            code.is_python,
            len(code.source),
        ),
    )


def _find_broken_version(codes: list[ExtractedCode]) -> ExtractedCode | None:
    """Find a last version that doesn't parse of what parses before it; Python 2 is none."""
    known, broken, renewed = set[str](), None, set[str]()
    for code in codes:
        names = set(WRITTEN_OUT.findall(code.source))
        if code.tree is not None:
            known |= names
            broken = None if names & renewed else broken
        elif code.language == "python" and names & known:
            is_old = any(sign in code.problem for sign in SIGNS_OF_PYTHON_2)
            broken, renewed = (broken, renewed) if is_old else (code, names & known)
    return broken


def _read_inline(answer: str, reader: Reader) -> list[ExtractedCode]:
    """Read as Python what stands between backticks that aren't on lines of their own."""
    inside = straighten(answer).split("```")[1:40:2]
    parted = [INLINE_TAG.sub("\n", text).partition("\n") for text in inside]
    codes = [reader.read(FencedBlock(tag.strip(), text, 0, 0)) for tag, _, text in parted]
    return [code for code in codes if code.tree is not None and code.source.strip()]


def _read_unfenced(answer: str, reader: Reader) -> list[ExtractedCode]:
    """Read code without a fence: between prose, in elements of HTML, in backticks, indented."""
    between = _find_runs(answer, reader)
    plain = html.unescape(ELEMENT.sub("\n\n", answer))
    parts = LABEL.split(plain)
    readings = [between, [code for part in parts[:MAX_LABELS] for code in _find_runs(part, reader)]]
    for codes in readings:
        if codes and all(code.tree for code in codes):
            return codes
    spans = [span for span in answer.split("`")[1:40:2] if "def " in span]
    readings += [
        [reader.examine(text, "") for text in texts]
        for texts in (spans, find_indented_blocks(answer))
    ]
    for codes in readings:
        parsed = [code for code in codes if code.tree and is_substantial(code.tree)]
        if parsed:
            return parsed if codes not in readings[:2] else codes
    return between


def _find_runs(text: str, reader: Reader) -> list[ExtractedCode]:
    """Find the stretches of code between prose, each from where code starts as far as it parses."""
    codes: list[ExtractedCode] = []
    while len(codes) < MAX_RUNS and (start := CODE_START.search(text)):
        text = text[start.start() :]
        ends = [blank.start() + 1 for blank in islice(BLANK_LINE.finditer(text), MAX_PARAGRAPHS)]
        ends = [len(text), *reversed(ends)]
        readings = ((reader.examine(text[:end], "python"), end) for end in ends)
        parsed = next((reading for reading in readings if reading[0].tree), None)
        code, end = parsed or (reader.examine(text, "python"), len(text))
        codes.append(code)
        text = text[end:]
    return codes
