"""Finds the code in an answer: its text, its language, and its syntax tree."""

import ast
import re
import warnings
from dataclasses import dataclass

from services.evaluator.app.services.code.syntax import Definition, is_stub

MAX_SOURCE_BYTES = 64 * 1024
# Compiling thousands of functions takes the square of the time.
MAX_COMPILED_CHARACTERS = 16 * 1024
MAX_BLOCKS = 20
PYTHON_TAGS = frozenset({"python", "py", "python3", "pycon", "ipython"})
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]{0,40})")
CODE_START = re.compile(r"^(?:def |async def |class |import |from \w[\w.]* import |@\w)", re.M)

# Statements that make a text a program; a bare word or string parses too, and is none.
SUBSTANTIAL = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign,
    ast.AnnAssign, ast.For, ast.While, ast.If, ast.With, ast.Try,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExtractedCode:
    """The code of an answer.

    Attributes:
        source: The code alone.
        language: `python`, or the tag of its fence in lower case; empty where unknown.
        tree: Its syntax tree; None where it isn't Python that parses.
        problem: Why there is no tree; empty where there is one.
        prose_characters: Length of the text around the code, in characters.
    """

    source: str
    language: str
    tree: ast.Module | None
    problem: str
    prose_characters: int

    @property
    def is_python(self) -> bool:
        """Whether the code is marked as Python, or not marked at all."""
        return self.language in ("python", "")


def parse_python(source: str) -> tuple[ast.Module | None, str]:
    """Parse Python, and say in words why that failed; what parses must also compile.

    A parameter given twice or a `return` outside of functions are errors of syntax that only the
    compiler finds. Compiling executes nothing.

    Returns:
        The tree and an empty string, or None and the reason.
    """
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        return None, f"the code is over {MAX_SOURCE_BYTES // 1024} KB"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            if len(source) <= MAX_COMPILED_CHARACTERS:
                compile(source, "<answer>", "exec", dont_inherit=True)
            return tree, ""
    except SyntaxError as error:
        return None, f"line {error.lineno or 0}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return None, f"the parser gave up ({type(error).__name__})"


def find_fenced_blocks(text: str) -> list[tuple[str, str]]:
    """Find tag (lower case) and text of each fenced block; one left open runs to the end.

    Reads line by line, so that hostile text costs linear time; at most `MAX_BLOCKS` blocks.
    """
    blocks: list[tuple[str, str]] = []
    fence, tag, lines = "", "", list[str]()
    for line in text.splitlines(keepends=True):
        opening = FENCE.match(line)
        if not fence and opening:
            fence, tag, lines = opening[1], opening[2].lower(), []
        elif fence and opening and not opening[2] and line.strip().startswith(fence):
            blocks.append((tag, "".join(lines)))
            fence = ""
            if len(blocks) == MAX_BLOCKS:
                return blocks
        elif fence:
            lines.append(line)
    if fence:
        blocks.append((tag, "".join(lines)))
    return blocks


def extract_code(answer: str) -> ExtractedCode | None:
    """Find the code of an answer: its best fenced block, or the answer itself where that is code.

    The best block is the first Python one that defines something and leaves no body out, else
    one that defines something, else the first that parses, else the longest: models like to show
    a skeleton before the code, and examples of use after it.
    """
    blocks = [
        _examine(source, tag, len(answer) - len(source))
        for tag, source in find_fenced_blocks(answer)
        if source.strip()
    ]
    if blocks:
        return max(blocks, key=_rank)
    whole = _examine(answer, "", 0)
    if whole.tree is not None:
        return whole if _is_substantial(whole.tree) else None
    return _extract_unfenced(answer)


def _extract_unfenced(answer: str) -> ExtractedCode | None:
    """Find code between prose without a fence: from its first line, as far as it parses."""
    start = CODE_START.search(answer)
    if start is None:
        return None
    lines = answer[start.start() :].splitlines(keepends=True)
    longest = _examine("".join(lines), "", start.start())
    for end in _paragraph_ends(lines):
        source = "".join(lines[:end])
        candidate = _examine(source, "", len(answer) - len(source))
        if candidate.tree is not None:
            return candidate
    return longest


def _paragraph_ends(lines: list[str], most: int = 8) -> list[int]:
    """Return the line counts at which a paragraph ends, the longest `most` of them first."""
    ends = [index for index, line in enumerate(lines) if not line.strip() and index]
    return ends[::-1][-most:]


def _examine(source: str, tag: str, prose_characters: int) -> ExtractedCode:
    language = "python" if tag in PYTHON_TAGS else tag
    tree, problem = (None, f"it is {tag}, not Python")
    if language in ("python", ""):
        tree, problem = parse_python(source)
        if tree is not None and _is_substantial(tree):
            language = "python"
    return ExtractedCode(source, language, tree, problem, prose_characters)


def _is_substantial(tree: ast.Module) -> bool:
    return any(
        isinstance(node, SUBSTANTIAL)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in tree.body
    )


def _rank(code: ExtractedCode) -> tuple[bool, bool, bool, bool, int]:
    """Rank a block by preference; `max` keeps the first of equals."""
    body = code.tree.body if code.tree else []
    defined = [node for node in body if isinstance(node, Definition)]
    is_written_out = bool(defined) and not any(is_stub(node) for node in defined)
    parses = code.tree is not None
    length = 0 if parses else len(code.source)
    return (is_written_out, bool(defined), parses, code.is_python, length)
