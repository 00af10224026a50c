"""Reads tool calls out of an assistant's message, and compares them with those expected. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.common.answers.strict_json import parse_strictly
from services.common.task_types.conformance import require_bounds

MAX_ARGUMENT_VALUES = 10_000

Tool = Mapping[str, Any]
Schemas = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool.

    Attributes:
        name: The tool's name; empty where the call has none.
        arguments: The arguments; None where they aren't valid JSON, or no object.
    """

    name: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ExpectedCalls:
    """The calls that a right answer makes, which may be none.

    Attributes:
        ordered: Whether their order counts.
    """

    calls: tuple[ToolCall, ...]
    ordered: bool = False


def read_tool_calls(answer: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Read the tool calls of an assistant's message, in their order."""
    entries = answer.get("tool_calls")
    return tuple(map(_read_call, entries)) if isinstance(entries, list) else ()


def _read_call(entry: object) -> ToolCall:
    fields = entry if isinstance(entry, dict) else {}
    function, custom = fields.get("function"), fields.get("custom")
    if isinstance(custom, dict):
        return ToolCall(_as_name(custom.get("name")), {"input": custom.get("input")})
    if not isinstance(function, dict):
        return ToolCall("", None)
    return ToolCall(_as_name(function.get("name")), _read_arguments(function.get("arguments")))


def _as_name(name: object) -> str:
    return name if isinstance(name, str) else ""


def _read_arguments(given: object) -> dict[str, Any] | None:
    """Read arguments; nothing at all is how some models call a tool that takes none."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return {}
    try:
        value = parse_strictly(given, called="the arguments") if isinstance(given, str) else given
        require_bounds(value, MAX_ARGUMENT_VALUES)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def read_schemas(tools: Iterable[Tool]) -> dict[str, Mapping[str, Any]]:
    """Return the schema of each tool's arguments, by the tool's name; empty where it has none."""
    schemas: dict[str, Mapping[str, Any]] = {}
    for tool in tools:
        described = tool.get("function", tool.get("custom"))
        if isinstance(described, dict):
            schema = described.get("parameters")
            name = _as_name(described.get("name"))
            schemas[name] = schema if isinstance(schema, dict) else {}
    return schemas


def read_expected_calls(expected: object) -> ExpectedCalls | None:
    """Read a golden input's `expected` as calls; None where it is something else.

    It is a list of `{"name": ..., "arguments": {...}}`, or `{"calls": [...], "ordered": true}`
    where their order counts.
    """
    ordered = False
    if isinstance(expected, dict) and expected.keys() <= {"calls", "ordered"}:
        ordered, expected = expected.get("ordered") is True, expected.get("calls")
    if not isinstance(expected, list):
        return None
    calls = []
    for entry in expected:
        match entry:
            case {"name": str(name), **rest} if rest.keys() <= {"arguments"}:
                arguments = rest.get("arguments", {})
            case _:
                return None
        if not isinstance(arguments, dict):
            return None
        calls.append(ToolCall(name, arguments))
    return ExpectedCalls(tuple(calls), ordered)


def write_message(calls: Sequence[ToolCall]) -> dict[str, Any]:
    """Write the assistant's message that makes some calls."""
    entries = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for number, call in enumerate(calls, 1)
    ]
    return {"role": "assistant", "content": None, "tool_calls": entries}


def are_expected(calls: Sequence[ToolCall], expected: ExpectedCalls, schemas: Schemas) -> bool:
    """Tell whether calls are those expected.

    The order of arguments doesn't count, numbers count by their value, and an optional argument
    that has its schema's default may as well be left out. The order of calls counts where it is
    said to.
    """
    made = [_write_plainly(call, schemas) for call in calls]
    wanted = [_write_plainly(call, schemas) for call in expected.calls]
    return made == wanted if expected.ordered else sorted(made) == sorted(wanted)


def _write_plainly(call: ToolCall, schemas: Schemas) -> str:
    """Write a call so that two ways to make it read the same."""
    arguments = _plain(call.arguments, schemas.get(call.name, {}))
    return f"{call.name}({json.dumps(arguments, sort_keys=True, ensure_ascii=False)})"


def _plain(value: Any, schema: object) -> Any:
    """Fill in defaults, and write whole numbers as such."""
    known = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, dict):
        properties = known.get("properties")
        parts = properties if isinstance(properties, dict) else {}
        required = known.get("required")
        defaults = {
            name: part["default"]
            for name, part in parts.items()
            if isinstance(part, dict)
            and "default" in part
            and not (isinstance(required, list) and name in required)
        }
        filled = defaults | value
        return {name: _plain(part, parts.get(name)) for name, part in filled.items()}
    if isinstance(value, list):
        return [_plain(item, known.get("items")) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
