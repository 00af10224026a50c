"""The rules of tool use, and the golden inputs that come with it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from support.rows import for_each

from services.common.task_types import open_task_types
from services.common.task_types.conformance import find_violation
from services.common.task_types.rules import Outcome
from services.common.task_types.tool_calls import ToolCall, read_expected_calls, read_schemas

TASK_TYPE = open_task_types(None).find("tool_use")
assert TASK_TYPE
GOLDEN = TASK_TYPE.golden_inputs
TOOLS = [{"type": "function", "function": {"name": "find_order"}}]
ASKED = "Where is my order A-2207? Write to ana@firma.example."
DONE = [
    {"role": "user", "content": ASKED},
    {"role": "assistant", "tool_calls": [{"function": {"name": "find_order"}}]},
    {"role": "tool", "content": '{"parcel": "TR99812"}'},
]


@dataclass
class Task:
    answer: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    conversation: list[dict[str, Any]] = field(
        default_factory=lambda: [{"role": "user", "content": ASKED}]
    )
    tools: list[dict[str, Any]] = field(default_factory=lambda: TOOLS)
    user_input: str = ASKED
    task_type: str = "tool_use"
    expected: Any = None
    finish_reason: str = "stop"
    refusal: str = ""


def call(*values: Any) -> Task:
    return Task(tool_calls=[ToolCall("find_order", {"values": list(values)})])


@for_each(
    [
        (call("A-2207"), "passed"),
        (call("a-2207"), "passed"),
        (call("2207", "ana@firma.example"), "passed"),
        (call("A2207"), "passed"),
        (call("A-9999"), "failed"),
        (call("INV#4410"), "failed"),
        (call("bob@firma.example"), "failed"),
        (call("A-2207", {"deep": [["ORD99917"]]}), "failed"),
        # What may come of what was said, or is known to everybody.
        (
            call("Lisbon", "2026-03-14", "FY2026", "V8", "best order 2026", "19:30"),
            "not_applicable",
        ),
        (call(2207, True, None), "not_applicable"),
        (Task("A-9999 is on its way"), "not_applicable"),
        (Task(tool_calls=[ToolCall("x", None)]), "not_applicable"),
        (Task(tool_calls=[ToolCall("track", {"id": "TR99812"})], conversation=DONE), "passed"),
    ]
)
def test_values_come_from_the_conversation(row: tuple[Task, Outcome]) -> None:
    task, outcome = row
    assert TASK_TYPE is not None
    assert TASK_TYPE.rules["takes_values_from_the_conversation"](task).outcome == outcome


@for_each(
    [
        (call("A-2207"), 1),
        (Task("Hello World"), 0),
        (Task(""), 0),
        (Task("Which order do you mean?"), 1),
        (Task("Your order is being looked up."), 0.5),
        (Task("Your order is TR99812.", conversation=DONE), 1),
        (Task("You're welcome!", user_input="Thanks!", conversation=DONE), 1),
        (Task("Your order is on its way.", tools=[]), 1),
        (Task("주문이 어디 있는지 볼게요.", user_input="주문 어디야", conversation=[]), 0.5),
    ]
)
def test_an_answer_acts_or_speaks_of_what_was_asked(row: tuple[Task, float]) -> None:
    task, grade = row
    assert TASK_TYPE is not None
    assert TASK_TYPE.criteria["does_its_part"](task).value == grade
    outcome = TASK_TYPE.rules["acts_on_the_request"](task).outcome
    assert (outcome == "failed") is (grade == 0)


def test_both_halves_prove() -> None:
    assert min(len(GOLDEN.choosing), len(GOLDEN.verdict)) >= 24
    assert not set(GOLDEN.choosing) & set(GOLDEN.verdict)
    assert GOLDEN.expected.keys() == GOLDEN.ids.keys() == GOLDEN.conversations.keys()


@for_each(GOLDEN.conversations)
def test_expected_calls_are_offered_and_fit(text: str) -> None:
    expected = read_expected_calls(GOLDEN.expected[text])
    assert expected is not None
    schemas = read_schemas(GOLDEN.conversations[text].tools)
    assert schemas
    for one in expected.calls:
        assert find_violation(dict(schemas[one.name]), one.arguments) is None


@pytest.mark.parametrize("half", [GOLDEN.choosing, GOLDEN.verdict])
def test_each_half_has_all_kinds(half: tuple[str, ...]) -> None:
    expected = [read_expected_calls(GOLDEN.expected[text]) for text in half]
    assert {min(len(one.calls), 2) for one in expected if one} == {0, 1, 2}
    assert any(one.ordered for one in expected if one)
    last = {GOLDEN.conversations[text].messages[-1]["role"] for text in half}
    assert last == {"user", "tool"}
