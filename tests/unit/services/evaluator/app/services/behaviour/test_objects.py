"""Functions that take objects of a class."""

from support.rows import for_each

from services.evaluator.app.services.behaviour.objects import takes_objects
from services.evaluator.app.services.behaviour.target import find_target
from services.evaluator.app.services.evidence import gather_evidence

NODE = "class Node:\n    def __init__(self, value):\n        self.value, self.below = value, 0\n"


@for_each(
    [
        (
            "Reverse",
            "class Solution:\n    def f(self, head: Optional[ListNode]): return head",
            True,
        ),
        ("Reverse", "def f(roots: list['TreeNode']): return roots", True),
        ("Reverse", "def f(head):\n    here = head\n    return here.next", True),
        ("Reverse", NODE + "def f(top): return top.value", True),
        (NODE + "\nWrite f(top).", "def f(top): return top.below", True),
        ("Reverse", NODE + "def f(items): return [Node(item).value for item in items]", False),
        ("Reverse", "def f(items): return items.length", False),
        ("Reverse", "def f(items): return items[::-1]", False),
    ]
)
def test_signature_or_use_shows_it(row: tuple[str, str, bool]) -> None:
    request, code, expected = row
    evidence = gather_evidence(
        task_type="code_generation", user_input=request, answer=f"```python\n{code}\n```"
    )
    target = find_target(evidence)
    assert target is not None
    assert target.definition.name == "f"
    assert takes_objects(target, evidence) is expected
