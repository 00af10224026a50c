"""Examples of a class in lists of calls and arguments."""

import pytest
from support.rows import for_each

from services.evaluator.app.services.examples.finding import find_examples

CALLS = '["Box", "put", "get"]'
CALLED = "(lambda made: [(made.put(1, 2), None)[1], made.get(1)])(Box(3))"


@for_each(
    [
        f"Input\n{CALLS}\n[[3], [1, 2], [1]]\nOutput\n[null, null, 2]",
        f"**Input:** {CALLS}, [[3], [1, 2], [1]]\n**Output:** [null, null, 2]",
        f"Input:\n```\n{CALLS}\n[[3], [1, 2], [1]]```\nOutput:\n```\n[null, null, 2]\n```",
        f"Example 1:\n\nInput: {CALLS}\n[[3],[1,2],[1]]\n\nExpected Output: [null,null,2]\n",
        f"<strong>Input</strong>\n{CALLS}\n[[3],[1,2],[1]]\n<strong>Output</strong>\n[null,null,2]",
    ]
)
def test_calls_are_made_in_their_order(text: str) -> None:
    (example,) = find_examples(text)
    assert (example.function, example.expression) == ("Box", CALLED)
    assert example.expected == [None, 2]


@pytest.mark.parametrize(
    "text",
    [
        f"Input\n{CALLS}\n[[3], [1, 2]]\nOutput\n[null, null, 2]",
        'Input\n["a b", "c"]\n[[1], [2]]\nOutput\n[1, 2]',
        f"Input\n{CALLS}\n[3, 1, 2]\nOutput\n[null, null, 2]",
        'Input: ["flower","flow"]\nOutput: "fl"',
    ],
)
def test_other_lists_are_no_calls(text: str) -> None:
    assert not any("made" in example.expression for example in find_examples(text))
