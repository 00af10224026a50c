import ast

import pytest
from support.rows import for_each

from benchmarks.evaluator.request_forms import Example
from benchmarks.evaluator.wrappings import (
    BOM,
    NO_BREAK_SPACE,
    REASONING,
    WRAPPINGS,
    Solution,
    fence_only,
)

CODE = """import math

def half(n, step):
    if n < 0:
        return None
    return math.floor(n / 2)
"""
DRAFT = CODE.replace("n / 2", "n / 3")
SOLUTION = Solution(CODE, DRAFT, "half", Example("half(4, 1)", "2"))
ALL = {"bare": fence_only, **WRAPPINGS, **REASONING}
# Those whose code is rewritten, and so isn't in the text line by line.
REWRITTEN = ("imports apart", "helper apart", "fence in the docstring")
every_form = for_each(ALL, name=str)


def written(name: str) -> str:
    return ALL[name](SOLUTION)


def test_there_are_enough_forms() -> None:
    assert len(WRAPPINGS) >= 25
    assert len(REASONING) >= 10
    assert not WRAPPINGS.keys() & REASONING.keys()


def test_every_form_gives_a_text_of_its_own() -> None:
    assert len({written(name) for name in ALL}) == len(ALL)


@every_form
def test_every_form_holds_the_code(name: str) -> None:
    if name in REWRITTEN:
        return
    text = written(name).replace(NO_BREAK_SPACE, " ")
    lines = [line.strip() for line in CODE.splitlines()]
    at = 0
    for line in lines:
        at = text.index(line, at) + len(line)


@every_form
def test_the_code_comes_after_any_draft(name: str) -> None:
    text = written(name)
    if "n / 3" in text:
        assert text.rindex("n / 3") < text.rindex("n / 2")


@every_form
def test_only_corrections_and_reasoning_hold_a_draft(name: str) -> None:
    may_hold = name in REASONING or name == "draft, then corrected"
    assert may_hold or "n / 3" not in written(name)


@pytest.mark.parametrize("name", REWRITTEN)
def test_rewritten_code_does_the_same(name: str) -> None:
    """Between fences of the outermost level there is a program that works."""
    blocks: list[list[str]] = []
    within = False
    for line in written(name).splitlines():
        if line.startswith("```"):
            within = not within
            if within:
                blocks.append([])
        elif within:
            blocks[-1].append(line)
    namespace: dict[str, object] = {}
    exec("\n".join("\n".join(block) for block in blocks), namespace)  # our own code
    half = namespace["half"]
    assert callable(half)
    assert (half(5, 1), half(-1, 1)) == (2, None)


def test_blocks_apart_need_each_other() -> None:
    for name, missing in (("imports apart", "Any"), ("helper apart", "_half")):
        last = written(name).rpartition("```python\n")[2].partition("```")[0]
        used = {node.id for node in ast.walk(ast.parse(last)) if isinstance(node, ast.Name)}
        assert missing in used


def test_marks_that_are_invisible_are_there() -> None:
    assert written("BOM").startswith(BOM)
    assert written("CRLF").count("\r\n") == written("CRLF").count("\n")
    assert f"\n{NO_BREAK_SPACE * 8}return None" in written("no-break spaces")
    assert "`" not in written("no fence")
