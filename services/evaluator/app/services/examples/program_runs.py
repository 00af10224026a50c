"""Finds what a request shows of a program: its input and its arguments, and what it prints."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from services.evaluator.app.sandbox.run.request import ProgramRun

MAX_LINES = 400
MAX_RUNS = 12
MAX_CHARACTERS = 20_000
MARKS = "#*_ \t>-•`"
LABELLED = (
    r"(?:(?:sample|example|standard|expected|test|예제)\s+)?(?:{0})(?:\s+(?:example|예시|예))?"
    r"(?:\s+for (?:the )?(?:sample|example) input)?(?:\s*#?\d{{1,2}})?(?:\s*복사)?"
    r"(?:\s*\(std\w+\))?[*_]{{0,2}}\s*(?:[:：][*_]{{0,2}}\s*(?P<inline>.*)|)$"
)
INPUT = re.compile(LABELLED.format("input|stdin|입력"), re.I)
OUTPUT = re.compile(LABELLED.format("output|stdout|출력"), re.I)
# A statement of a problem describes input and output first, under the same words.
SAMPLES = re.compile(r"(?:samples?|examples?|예제|예시)(?:\s+\w+)?\s*:?$", re.I)
SAMPLE_LABEL = re.compile(r"sample|example|test|예|\d", re.I)
SENTENCE = re.compile(r"[^\W\d]+[,;:]?(?: [^\n]+)? [^\n]+[.)]$|[^\n]{3,}다\.$")
COPY_BUTTON = ("copy", "복사")
OUTPUT_ALONE = re.compile(
    r"\b(?:output|출력)(?:\s+(?:should be|is|looks? like|must be))?[*_]{0,2}\s*[:：](?P<inline>)$",
    re.I,
)
LABEL = re.compile(
    r"[A-Za-z가-힣][\w ]{0,30}[*_]{0,2}\s?[:：][*_]{0,2}(?:\s|$)|#{1,6}\s|\*\*[A-Za-z가-힣]"
)
FENCE = re.compile(r"\s*(?:```|~~~)")
PRE = re.compile(r"</?pre>", re.I)
SHOWN = r"(?P<{0}_mark>[`\"'])(?P<{0}>[^\n]{{0,200}}?)(?P={0}_mark)"
STDIN, PRINTED = SHOWN.format("stdin"), SHOWN.format("output")
PRINTS = r"\b(?:prints?|outputs?|writes?|printed|displays?|shows?)\b[^`\"'\n.]{0,30}?"
IN_WORDS = tuple(
    re.compile(form, re.I)
    for form in (
        (
            rf"\b(?:input|stdin|enter(?:s|ing)?|typing|reads?)\b[^`\"'\n.]{{0,30}}?{STDIN}"
            rf"[^`\"'\n]{{0,40}}?{PRINTS}{PRINTED}"
        ),
        rf"{PRINTS}{PRINTED}[^`\"'\n.]{{0,40}}?\binput\b[^`\"'\n]{{0,20}}?{STDIN}",
        rf"`(?P<command>python3? [^`\n]{{1,200}})`[^`\"'\n]{{0,40}}?{PRINTS}{PRINTED}",
    )
)
PROMPT = re.compile(r"\s*[$%>]\s+(?=\S)")
# What a shell would read otherwise than as plain words.
QUOTED = re.compile(r"'[^']*'|\"[^\"$`]*\"")
SHELL_SIGNS = frozenset("<>&;*?$()`~")
# A literal of Python may be meant as the value alone.
AMBIGUOUS = ("[", "{", "(", "'", '"')
# What is told of errors is printed elsewhere, with a status that says so.
TELLS_AN_ERROR = re.compile(r"\s*(?:usage|error|traceback)\b", re.I)


@dataclass(frozen=True, slots=True)
class ProgramExample:
    """A run of a program and what it prints.

    Attributes:
        has_input: Whether its input is shown; else it is run without any.
    """

    run: ProgramRun
    output: str
    has_input: bool


def find_program_examples(text: str) -> tuple[ProgramExample, ...]:
    """Find the runs that a request shows: blocks of input and output, sessions, and in words."""
    text = PRE.sub("", text[:MAX_CHARACTERS].replace("\r\n", "\n"))
    lines = text.split("\n")[:MAX_LINES]
    blocks = list(_blocks(lines))
    has_samples = any(is_sample for is_sample, _ in blocks)
    shown = [one for is_sample, one in blocks if is_sample or not (has_samples or _describes(one))]
    found = [*_sessions(lines), *shown, *_in_words(text)]
    kept = {example.run: example for example in reversed(found)}
    shown = [one for one in reversed(kept.values()) if not TELLS_AN_ERROR.match(one.output)]
    return tuple(shown[:MAX_RUNS])


def _describes(example: ProgramExample) -> bool:
    """Whether what stands under the words is a sentence about input, and one about output."""
    return all(map(SENTENCE.match, (example.run.stdin.strip(), example.output.strip())))


def _blocks(lines: list[str]) -> Iterator[tuple[bool, ProgramExample]]:
    """Yield each block of input that one of output follows, and whether it is called a sample."""
    index = 0
    is_sample = False
    takes_input = any(INPUT.match(line.strip(MARKS)) for line in lines)
    while index < len(lines):
        label = lines[index].strip(MARKS)
        opening = INPUT.match(label)
        is_sample = is_sample or SAMPLES.match(label) is not None
        alone = None if takes_input else OUTPUT_ALONE.search(lines[index].strip(MARKS))
        index += 1
        if alone and (shown := _content(lines, index, alone)):
            yield is_sample, ProgramExample(ProgramRun(), shown[0], has_input=False)
        given = _content(lines, index, opening) if opening else None
        if given is None:
            continue
        stdin, after = given
        following = next((i for i in range(after, len(lines)) if lines[i].strip(MARKS)), len(lines))
        closing = OUTPUT.match(lines[following].strip(MARKS)) if following < len(lines) else None
        printed = _content(lines, following + 1, closing) if closing else None
        if printed is not None:
            output, index = printed
            run = ProgramRun(f"{stdin}\n")
            inline = opening.start("inline") if opening and opening["inline"] else len(label)
            is_called_one = is_sample or SAMPLE_LABEL.search(label[:inline]) is not None
            yield is_called_one, ProgramExample(run, output, has_input=True)


def _content(lines: list[str], index: int, label: re.Match[str]) -> tuple[str, int] | None:
    """Read what stands behind a label, and the line after it; None where it isn't sure."""
    inline = (label["inline"] or "").strip().strip("`")
    if inline:
        return None if inline.startswith(AMBIGUOUS) or "=" in inline else (inline, index)
    # A label may be a heading with a line under it.
    underlines = [sign * len(label.string) for sign in "-=" if label["inline"] is None]
    skipped = ("", *COPY_BUTTON, *underlines)
    while index < len(lines) and lines[index].strip().casefold() in skipped:
        index += 1
    start = index
    if index < len(lines) and FENCE.match(lines[index]):
        start = index = index + 1
        while index < len(lines) and not FENCE.match(lines[index]):
            index += 1
        return "\n".join(lines[start:index]), index + 1
    while index < len(lines) and lines[index].strip() and not _is_mark(lines[index]):
        index += 1
    content = [line.strip("`") for line in lines[start:index]]
    depth = min((len(line) - len(line.lstrip()) for line in content), default=0)
    return ("\n".join(line[depth:] for line in content), index) if content else None


def _is_mark(line: str) -> bool:
    """Whether a line ends what stands before it: a fence, a heading or a label."""
    return (
        FENCE.match(line) is not None
        or LABEL.match(line.strip()) is not None
        or any(label.match(line.strip(MARKS)) for label in (INPUT, OUTPUT))
    )


def _sessions(lines: list[str]) -> Iterator[ProgramExample]:
    """Yield each command at a shell's prompt that runs a program, with what it prints."""
    is_fenced = False
    for index, line in enumerate(lines):
        is_fenced ^= FENCE.match(line) is not None
        prompt = PROMPT.match(line)
        run = _read_command(line[prompt.end() :]) if prompt else None
        if run is None:
            continue
        indentation = line[: len(line) - len(line.lstrip())]
        printed: list[str] = []
        for following in lines[index + 1 :]:
            is_over = not following.strip() and not is_fenced
            if is_over or PROMPT.match(following) or FENCE.match(following):
                break
            printed.append(following.removeprefix(indentation))
        if printed:
            output = "\n".join(printed)
            yield ProgramExample(run, output, bool(run.stdin))


def _read_command(command: str) -> ProgramRun | None:
    """Read `echo 3 | python add.py --fast`; None for anything that isn't as plain."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    start = words.index("|") + 1 if "|" in words else 0
    running = words[start:]
    if SHELL_SIGNS.intersection(QUOTED.sub("", command)) or len(running) <= 1:
        return None
    if not re.fullmatch(r"(?:python|py)[\d.]*", running[0]) or not running[1].endswith(".py"):
        return None
    match words[: max(0, start - 1)]:
        case []:
            stdin = ""
        case ["printf", shown] if "%" not in shown:
            stdin = _unescaped(shown)
        case ["echo", "-e", *rest]:
            stdin = _unescaped(" ".join(rest)) + "\n"
        case ["echo", *rest] if not rest[:1] or not rest[0].startswith("-"):
            stdin = " ".join(rest) + "\n"
        case _:
            return None
    return ProgramRun(stdin, tuple(running[2:]))


def _in_words(text: str) -> Iterator[ProgramExample]:
    """Yield ``given the input `3 4` it prints `7` ``."""
    for pattern in IN_WORDS:
        for match in islice(pattern.finditer(text), MAX_RUNS):
            shown = match.groupdict()
            command = shown.get("command")
            stdin = ProgramRun(f"{_unescaped(shown.get('stdin') or '')}\n")
            run = _read_command(command) if command else stdin
            if run is not None:
                yield ProgramExample(run, _unescaped(shown["output"]), bool(run.stdin))


def _unescaped(text: str) -> str:
    """Write line ends and tabs that stand as escapes."""
    return text.replace("\\n", "\n").replace("\\t", "\t")
