"""Rules about how a conversation's answer ended and which tools it calls; none runs anything."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from services.common.task_types.conformance import (
    MAX_SCHEMA_VALUES,
    UncheckableSchemaError,
    find_violation,
    require_bounds,
)
from services.common.task_types.rules import Finding, failed, not_applicable, passed
from services.common.task_types.tool_calls import (
    are_expected,
    read_expected_calls,
    read_schemas,
)
from services.evaluator.app.services.evidence import Evidence

MAX_SCHEMA_CHARACTERS = 100_000
# Why a provider withholds an answer that its model began.
WITHHELD = "content_filter"


def is_not_empty(evidence: Evidence) -> Finding:
    """Check that the answer says something, or calls a tool."""
    if evidence.tool_calls or evidence.answer.strip():
        return passed("there is an answer")
    return failed("it is all reasoning" if evidence.reasoning else "the answer is empty")


def is_no_refusal(evidence: Evidence) -> Finding:
    """Check that the model didn't refuse, and that its provider withheld nothing."""
    if evidence.refusal:
        return failed("the model refused")
    if evidence.finish_reason == WITHHELD:
        return failed("the provider withheld the answer")
    if not evidence.finish_reason:
        return not_applicable("how the answer ended isn't known")
    return passed("the model didn't refuse")


def is_not_cut(evidence: Evidence) -> Finding:
    """Check that the answer didn't end because it had reached the most tokens."""
    if not evidence.finish_reason:
        return not_applicable("how the answer ended isn't known")
    if evidence.finish_reason == "length":
        return failed("the answer was cut off: it reached the most tokens that it may have")
    return passed("the answer was written to its end")


def calls_known_tools(evidence: Evidence) -> Finding:
    """Check that every tool that is called was offered."""
    if not evidence.tool_calls:
        return not_applicable("no tool is called")
    offered = read_schemas(evidence.tools)
    unknown = next((one.name for one in evidence.tool_calls if one.name not in offered), None)
    if unknown is not None:
        return failed(f"it calls {unknown[:80]!r}, which is no tool that it was offered")
    return passed("it calls tools that it was offered")


def arguments_fit_the_schema(evidence: Evidence) -> Finding:
    """Check that the arguments of every call are JSON, and follow their tool's schema."""
    if not evidence.tool_calls:
        return not_applicable("no tool is called")
    schemas, unchecked = read_schemas(evidence.tools), ""
    for call in evidence.tool_calls:
        if call.arguments is None:
            return failed(f"the arguments of {call.name[:80]!r} are no valid JSON object")
        if call.name not in schemas:
            unchecked = f"{call.name[:80]!r} was not offered"
            continue
        try:
            violation = _find_violation(schemas[call.name], call.arguments)
        except ValueError as error:
            unchecked = f"the schema of {call.name[:80]!r} can't be checked: {error}"
            continue
        if violation:
            return failed(f"{call.name[:80]}: {violation}")
    return not_applicable(unchecked) if unchecked else passed("all arguments follow their schemas")


def _find_violation(schema: Mapping[str, Any], arguments: dict[str, Any]) -> str | None:
    """Find what is wrong with arguments, in bounded time.

    Raises:
        ValueError: If the schema can't be checked against.
    """
    require_bounds(schema, MAX_SCHEMA_VALUES)
    if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
        raise UncheckableSchemaError("it is too long")
    return find_violation(dict(schema), arguments)


def makes_the_expected_calls(evidence: Evidence) -> Finding:
    """Check that the calls are those that the golden input expects; there it may expect none."""
    expected = read_expected_calls(evidence.expected)
    if expected is None:
        return not_applicable("no calls are known to be right for this request")
    if are_expected(evidence.tool_calls, expected, read_schemas(evidence.tools)):
        return passed("the calls are the right ones")
    return failed("the calls aren't the right ones")


CONVERSATION_CHECKS: dict[str, Callable[[Evidence], Finding]] = {
    check.__name__: check
    for check in (
        is_not_empty,
        is_no_refusal,
        is_not_cut,
        calls_known_tools,
        arguments_fit_the_schema,
        makes_the_expected_calls,
    )
}
# A task type that weighs one of these judges the calls themselves.
CALL_CHECKS = frozenset(
    check.__name__
    for check in (calls_known_tools, arguments_fit_the_schema, makes_the_expected_calls)
)
