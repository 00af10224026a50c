"""Reads a text as Python: as it stands, or without what an editor, notebook or shell put there."""

import ast
import doctest
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.common.answers.markdown import FENCE_LINE, ODD_BLANK, FencedBlock, straighten
from services.evaluator.app.services.code.syntax import Definition

MAX_SOURCE_BYTES = 64 * 1024
# Compiling thousands of functions takes the square of the time.
MAX_COMPILED_CHARACTERS = 16 * 1024
TAG = re.compile(r"[A-Za-z][\w+#.-]{0,39}")
# Tags that name no language.
NEUTRAL_TAGS = frozenset({"", "code", "tool_code", "text", "txt", "plaintext", "plain", "markdown"})
# Lines that a notebook or a shell reads, and a name that takes what one of them gives.
ESCAPE = re.compile(r"^([ \t]*)(?:[%!$]|(\w+[ \t]*=)[ \t]*[%!])[^\n]*", re.M)
CODE_START = re.compile(
    r"^(?:(?:async )?def |class \w+ *[(:\[]|import \w[\w.]*(?: as \w+)?[ \t]*(?:$|[,;#])"
    r"|from \.*\w[\w.]* import |@\w)",
    re.M,
)
# Statements that make a text a program.
SUBSTANTIAL = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign,
    ast.AnnAssign, ast.For, ast.While, ast.If, ast.With, ast.Try,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExtractedCode:
    """The code of an answer.

    Attributes:
        language: `python`, or the tag of its fence in lower case; empty where unknown.
        problem: Why there is no tree; empty where there is one.
    """

    source: str
    language: str
    tree: ast.Module | None
    problem: str

    @property
    def is_python(self) -> bool:
        """Whether the code is marked as Python, or not marked at all."""
        return self.language in ("python", "")


def parse_python(source: str) -> tuple[ast.Module | None, str]:
    """Parse Python, and say in words why that failed; what parses must also compile.

    A parameter given twice or a `return` outside of functions are errors of syntax that only the
    compiler finds. Compiling executes nothing.
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


@dataclass(slots=True)
class Reader:
    """Reads blocks as Python, each text once, and not more than so many characters in all.

    Attributes:
        left: How many may still be parsed.
        known: What was parsed: the tree, or why there is none.
    """

    left: int
    known: dict[str, tuple[ast.Module | None, str]] = field(default_factory=dict)

    def makes_sense(self, block: FencedBlock) -> bool:
        """Tell whether a block is whole: Python that parses, or another language."""
        code = self.read(block)
        is_another = not code.is_python and not FENCE_LINE.search(block.text)
        return code.tree is not None or is_another

    def read(self, block: FencedBlock) -> ExtractedCode:
        """Read a block as what its tag or its text says that it is."""
        tag = _read_tag(block.info)
        for line in (block.info, block.info.partition(" ")[2]):
            # Nothing else on the fence's line is code: `python:app.py` would be an annotation.
            if CODE_START.match(line):
                code = self.examine(f"{line}\n{block.text}", tag)
                if code.tree is not None:
                    return code
        return self.examine(block.text, tag)

    def examine(self, source: str, tag: str) -> ExtractedCode:
        """Parse a source, without what is no Python in it where it doesn't parse."""
        is_foreign = tag != "python" and tag not in NEUTRAL_TAGS
        if is_foreign and not ("def " in source or "class " in source):
            return ExtractedCode(source, tag, None, f"it is {tag}, not Python")
        language = "python" if tag == "python" else "" if tag in NEUTRAL_TAGS else tag
        for text in _readings(source):
            tree, _ = self._parse(text)
            if tree is None or (is_foreign and not defines(tree)):
                continue
            is_program = is_substantial(tree)
            plain = _drop_labels(text, tree) if is_program else text
            tree = self._parse(plain)[0] or tree
            return ExtractedCode(plain, "python" if is_program else language, tree, "")
        problem = f"it is {tag}, not Python" if is_foreign else self._parse(source)[1]
        return ExtractedCode(source, language, None, problem)

    def _parse(self, source: str) -> tuple[ast.Module | None, str]:
        if source not in self.known:
            self.left -= len(source)
            given_up = (None, "there is too much of it to read")
            self.known[source] = parse_python(source) if self.left >= 0 else given_up
        return self.known[source]


def _readings(source: str) -> Iterator[str]:
    """Give a source as it stands, then without what an editor, notebook or shell puts there."""
    yield source
    straight = re.sub(f"[{ODD_BLANK}]", " ", straighten(source))
    if straight != source:
        yield straight
    if (plain := ESCAPE.sub(_drop_escape, straight)) != straight:
        yield plain
    if ">>> " in straight and "```" not in straight and "~~~" not in straight:
        try:
            examples = doctest.DocTestParser().get_examples(straight)
        except ValueError:
            return
        code, _, _ = straight.partition(">>> ")
        yield code if "def " in code else "".join(example.source for example in examples)


def _drop_labels(source: str, tree: ast.Module) -> str:
    """Empty the lines that are only a name, or one in brackets: as code, they'd do nothing."""
    lines = re.split(r"\r\n?|\n", source)
    found = False
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Name() | ast.List(elts=[ast.Name()])):
                if lines[node.lineno - 1].strip() == ast.unparse(node):
                    lines[node.lineno - 1], found = "", True
    return "\n".join(lines) if found else source


def _drop_escape(line: re.Match[str]) -> str:
    """Leave nothing to do in a line's place; IPython is needed where its result is used."""
    return f"{line[1]}import IPython; {line[2]} None" if line[2] else f"{line[1]}pass"


def _read_tag(info: str) -> str:
    """Return what an info string says of the language: `python`, or its first word."""
    found = TAG.search(info)
    tag = found[0].lower() if found else ""
    return "python" if tag.startswith(("py", "ipython")) or tag.endswith(".py") else tag


def is_substantial(tree: ast.Module) -> bool:
    """Tell whether a text is a program; a bare word or string parses too, and is none."""
    return any(
        isinstance(node, SUBSTANTIAL)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in tree.body
    )


def defines(tree: ast.Module) -> bool:
    """Tell whether a program defines a function or a class at its top level."""
    return any(isinstance(node, Definition) for node in tree.body)
