"""Learns the form of answers from demonstrations such as "Input: ... Output: ..."."""

import ast
import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from simulated_model.instructions.directives import Directive, Reply, Wrapping
from simulated_model.instructions.languages import language_of_tag

ASKED = (
    r"(?:(?:example\s+)?input|user|q|question|human|request|prompt|customer|task|요청|질문|입력)"
)
ANSWERED = (
    r"(?:(?:example\s+)?output|assistant|a|answer|ai|response|reply|bot|agent|model|solution|"
    r"답|답변|출력)"
)
START = r"[ \t>*\-]*\**"
MARK = r"(?:\s*\#?\d{1,3})?\s*\**\s*:\s*\**"
PAIR = re.compile(
    rf"^{START}{ASKED}{MARK}(?P<input>.{{0,2000}}?)"
    r"(?:\n[ \t>*\-]*|[ \t]+(?:[-=]+>[ \t]*|\|[ \t]*)?)\**"
    rf"{ANSWERED}{MARK}(?P<output>.{{0,2000}}?)"
    rf"(?=\n{START}{ASKED}{MARK}|\n\s*\n(?!\s*```|[ \t]*(?:def|class|import|from|    )\b)|\Z)",
    re.I | re.M | re.S,
)
# Language and code of a block, or of a block within a line.
FENCED_BLOCK = re.compile(r"```[ \t]*([\w+#-]*)(?:[^\n]*\n(.*?)(?:```|\Z)|[ \t]+(\S.*?)```)", re.S)
LOOKS_LIKE_CODE = re.compile(
    r"^\s*(?:def|class|import|from\s+\w+\s+import|function|const|let|var|fn|func|public|#include|"
    r"lambda)\b|=>",
    re.M,
)
MIN_DEMONSTRATIONS = 2


def read_demonstrations(prompt: str) -> tuple[list[Directive], str]:
    """Find the form that the outputs of all demonstrations share; blank them in the prompt."""
    matches = list(PAIR.finditer(prompt))
    if len(matches) < MIN_DEMONSTRATIONS:
        return [], prompt
    changes = _learn([match["output"].strip() for match in matches])
    directives = [Directive(matches[-1].end(), changes)] if changes else []
    return directives, PAIR.sub(blank, prompt)


def blank(match: re.Match[str]) -> str:
    """Replace a match by spaces, line for line, so that all else keeps its place."""
    return "\n".join(" " * len(line) for line in match[0].split("\n"))


def _learn(outputs: Sequence[str]) -> dict[str, Any]:
    """Find the form that every output has, as changes to the instructions."""
    if len({" ".join(output.casefold().split()) for output in outputs}) == 1:
        return {"reply": Reply.FIXED, "reply_text": outputs[0].strip("\"'")}
    if all(_is_json(output) for output in outputs):
        names = tuple(json.loads(outputs[0]))
        return {"reply": Reply.CODE, "wrapping": Wrapping.JSON, "wrapping_names": names}
    codes = [_code_in(output) for output in outputs]
    if not any(codes):
        return {"reply": Reply.PROSE}
    if not all(codes):
        return {}
    changes: dict[str, Any] = {"reply": Reply.CODE}
    are_fenced = ["```" in output for output in outputs]
    if len(set(are_fenced)) == 1:
        changes["wrapping"] = Wrapping.FENCES if are_fenced[0] else Wrapping.NOTHING
    languages = {_language_in(output) for output in outputs}
    if len(languages) == 1 and (language := languages.pop()):
        changes["language"] = language
    if all(_is_stub(code) for code in codes):
        changes["is_stub"] = True
    elif not any(_is_stub(code) for code in codes):
        changes["is_stub"] = False
        changes |= _accompaniments(codes)
    return changes


def _accompaniments(codes: Sequence[str]) -> dict[str, Any]:
    """Find docstrings and hints, where every demonstration has them."""
    signs = {"docstring": '"""', "type_hints": "->"}
    return {name: True for name, sign in signs.items() if all(sign in code for code in codes)}


def _code_in(output: str) -> str:
    if block := FENCED_BLOCK.search(output):
        return (block[2] or block[3] or "").strip()
    return output if LOOKS_LIKE_CODE.search(output) else ""


def _language_in(output: str) -> str:
    block = FENCED_BLOCK.search(output)
    return language_of_tag(block[1]) if block else ""


def _is_json(output: str) -> bool:
    try:
        return isinstance(json.loads(output), dict)
    except (ValueError, RecursionError):
        return False


def _is_stub(code: str) -> bool:
    """Whether the code's functions have no body to speak of."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "TODO" in code
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return bool(functions) and all(map(_is_idle, chain(*(each.body for each in functions))))


def _is_idle(statement: ast.stmt) -> bool:
    is_plain = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_plain or isinstance(statement, ast.Pass | ast.Raise)
