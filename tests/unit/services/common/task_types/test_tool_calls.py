"""Tool calls: read out of a message, and compared with those expected."""

import json
from typing import Any

import pytest
from support.rows import for_each

from services.common.task_types.tool_calls import (
    ExpectedCalls,
    ToolCall,
    are_expected,
    read_expected_calls,
    read_schemas,
    read_tool_calls,
    write_message,
)

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "pay",
            "parameters": {
                "type": "object",
                "properties": {
                    "amount": {"type": "number"},
                    "note": {"type": "string", "default": ""},
                    "fee": {"type": "integer", "default": 2},
                    "to": {
                        "type": "object",
                        "properties": {"bank": {"default": "house"}, "name": {}},
                    },
                },
                "required": ["amount", "fee"],
            },
        },
    },
    {"type": "custom", "custom": {"name": "sql"}},
]


def message(*arguments: Any, name: Any = "pay") -> dict[str, Any]:
    calls = [{"type": "function", "function": {"name": name, "arguments": a}} for a in arguments]
    return {"role": "assistant", "content": None, "tool_calls": calls}


@for_each(
    [
        ('{"amount": 1}', {"amount": 1}),
        ("{}", {}),
        ("", {}),
        (" \n", {}),
        (None, {}),
        ({"amount": 1}, {"amount": 1}),
        ('{"amount": 1', None),
        ('{"amount": NaN}', None),
        ('{"amount": 1, "amount": 2}', None),
        ("[1]", None),
        ('"amount"', None),
        ("amount=1", None),
        (7, None),
        ('{"a": ' * 200 + "1" + "}" * 200, None),
        ("[" * 100_000, None),
        (json.dumps({"a": list(range(20_000))}), None),
    ],
    name=lambda row: repr(row)[:60],
)
def test_arguments_are_an_object_or_invalid(row: tuple[Any, dict[str, Any] | None]) -> None:
    given, arguments = row
    assert read_tool_calls(message(given)) == (ToolCall("pay", arguments),)


@for_each(
    [
        ({}, ()),
        ({"tool_calls": None}, ()),
        ({"tool_calls": "pay"}, ()),
        ({"tool_calls": ["pay"]}, (ToolCall("", None),)),
        ({"tool_calls": [{"function": "pay"}]}, (ToolCall("", None),)),
        (message("{}", name=7), (ToolCall("", {}),)),
        (
            {"tool_calls": [{"type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}]},
            (ToolCall("sql", {"input": "SELECT 1"}),),
        ),
    ]
)
def test_what_is_no_call_breaks_nothing(row: tuple[dict[str, Any], tuple[ToolCall, ...]]) -> None:
    answer, calls = row
    assert read_tool_calls(answer) == calls


def test_a_tool_without_parameters_has_an_empty_schema() -> None:
    schemas = read_schemas([*TOOLS, {"type": "function"}, {"function": {"name": "x"}}])
    assert schemas.keys() == {"pay", "sql", "x"}
    assert schemas["sql"] == schemas["x"] == {}


@for_each(
    [
        ([], ExpectedCalls(())),
        ([{"name": "pay"}], ExpectedCalls((ToolCall("pay", {}),))),
        (
            {"calls": [{"name": "pay", "arguments": {"amount": 1}}], "ordered": True},
            ExpectedCalls((ToolCall("pay", {"amount": 1}),), ordered=True),
        ),
        (None, None),
        ("pay", None),
        ({}, None),
        ({"total": 3}, None),
        ([1, 2], None),
        ([{"name": "pay", "price": 3}], None),
        ([{"name": "pay", "arguments": "{}"}], None),
    ]
)
def test_expected_answers_that_are_calls_are_told_from_others(row: tuple[Any, Any]) -> None:
    expected, read = row
    assert read_expected_calls(expected) == read


def pay(**arguments: Any) -> ToolCall:
    return ToolCall("pay", arguments)


@for_each(
    [
        ([pay(amount=1, fee=2)], [pay(fee=2, amount=1)], True),
        ([pay(amount=1.0, fee=2)], [pay(amount=1, fee=2)], True),
        ([pay(amount=1, fee=2, note="")], [pay(amount=1, fee=2)], True),
        ([pay(amount=1, fee=2)], [pay(amount=1, fee=2, note="")], True),
        ([pay(to={"name": "x"})], [pay(to={"name": "x", "bank": "house"})], True),
        # A required argument has to be there, whatever its default.
        ([pay(amount=1)], [pay(amount=1, fee=2)], False),
        ([pay(amount=1, fee=2, note="x")], [pay(amount=1, fee=2)], False),
        ([pay(amount="1")], [pay(amount=1)], False),
        ([pay(amount=True)], [pay(amount=1)], False),
        ([ToolCall("pay", None)], [pay()], False),
        ([ToolCall("refund", {})], [pay()], False),
        ([], [], True),
        ([], [pay()], False),
        ([pay()], [], False),
        ([pay(amount=1), pay(amount=2)], [pay(amount=2), pay(amount=1)], True),
        ([pay(amount=1), pay(amount=1)], [pay(amount=1)], False),
        ([pay(amount=[1, 2])], [pay(amount=[2, 1])], False),
    ]
)
def test_calls_are_those_expected(row: tuple[list[ToolCall], list[ToolCall], bool]) -> None:
    made, expected, are_same = row
    assert are_expected(made, ExpectedCalls(tuple(expected)), read_schemas(TOOLS)) is are_same


@pytest.mark.parametrize("ordered", [True, False])
def test_the_order_counts_where_it_is_said_to(*, ordered: bool) -> None:
    calls = (pay(amount=1), pay(amount=2))
    expected = ExpectedCalls(calls[::-1], ordered=ordered)
    assert are_expected(calls, expected, {}) is not ordered


def test_written_calls_are_read_as_they_were() -> None:
    calls = (pay(amount=1.5), ToolCall("sql", {}))
    assert read_tool_calls(write_message(calls)) == calls
