"""The Python that a request shows."""

import ast

from support.rows import for_each

from services.evaluator.app.services.examples.shown_code import MAX_CHUNKS, find_shown_code

NODE = "class ListNode:\n    def __init__(self, val=0):\n        self.val = val"
COMMENTED = "\n".join(f"# {line}" for line in ("Definition for a list.", *NODE.split("\n")))
STARTER = "class Solution:\n    def add(self, nums: List[int],\n            k: int) -> int:"
DESIGN = "class Box:\n\n    def put(self, x):\n        \n\n    def get(self):\n        \n"


@for_each(
    [
        (f"Use it:\n```python\n{COMMENTED}\n{STARTER}\n```", ["ListNode", "Solution"]),
        (f"{STARTER}\n        # your code here", ["Solution"]),
        (DESIGN, ["Box"]),
        ("from typing import List\n\n\ndef f(x):\n    ''' Odd\nlines\n    '''\n\nText.", ["f"]),
        ("1. Like this:\n\n   ```\n   def f(x): return x\n   ```\n", ["f"]),
        ("Use this:\n\n    def f(x):\n        return x\n\nand no more.", ["f"]),
        ("@dataclass\nclass P:\n    x: int\n\nWrite f.", ["P"]),
        ("import the data from a file\nclass is in session\ndef means default", []),
        ("def broken(:\n    pass\ndef f(x): ...", ["f"]),
        ("Write a function f(x).", []),
    ]
)
def test_definitions_are_found_with_and_without_bodies(row: tuple[str, list[str]]) -> None:
    text, names = row
    found = find_shown_code(text)
    assert [one.name for one in found if isinstance(one, ast.ClassDef | ast.FunctionDef)] == names


def test_a_line_that_opens_a_block_gets_a_body_of_its_own() -> None:
    (box,) = find_shown_code(DESIGN)
    assert isinstance(box, ast.ClassDef)
    assert [ast.unparse(method).split("\n")[1].strip() for method in box.body] == ["pass", "pass"]


def test_no_more_is_read_than_is_bounded() -> None:
    assert len(find_shown_code("def f(x): ...\n" * 2_000)) <= MAX_CHUNKS
    assert find_shown_code("def f(\n" * 2_000) == ()
