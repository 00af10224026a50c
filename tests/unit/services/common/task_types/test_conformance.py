"""Checking against a stranger's schema: right where it can be, and never long or far afield."""

import socket
from typing import Any

import pytest

from services.common.task_types.conformance import (
    UncheckableSchemaError,
    find_violation,
    is_quick,
)

DOUBLING = {
    "$ref": "#/$defs/a0",
    "$defs": {
        **{f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)},
        "a40": {"type": "object"},
    },
}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, 1, 1.5),
        ({"type": "string", "pattern": r"^\d{4}-\d{2}$"}, "2024-05", "2024-5"),
        ({"type": "string", "pattern": "^[A-Z]+-[0-9]+$"}, "AB-12", "ab-12"),
        ({"type": "string", "format": "date"}, "2024-02-29", "2023-02-29"),
        ({"type": "array", "uniqueItems": True}, [1, 2], [1, 1]),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}, 1, "1"),
        (
            {"$schema": DRAFT_7, "definitions": {"n": {"minimum": 2}}, "$ref": "#/definitions/n"},
            2,
            1,
        ),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None, 1),
        ({"properties": {"pattern": {"type": "string"}}}, {"pattern": "a"}, {"pattern": 1}),
    ],
)
def test_a_schema_is_checked(schema: dict[str, Any], right: object, wrong: object) -> None:
    assert find_violation(schema, right) is None
    assert find_violation(schema, wrong)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "objekt"}, "no valid schema"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "another document"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "another document"),
        ({"$id": "http://127.0.0.1:9/", "items": {"$ref": "#/nowhere"}}, "isn't there"),
        ({"items": {"$ref": "#"}, "allOf": [{"$ref": "#"}]}, "itself without end"),
        ({"properties": {"a": {"$schema": DRAFT_7}}}, "dialect"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
        (DOUBLING, "too long"),
    ],
)
def test_what_cannot_be_checked_safely_is_refused(
    schema: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(UncheckableSchemaError, match=reason):
        find_violation(schema, [{"a": 1}])


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", r"(.*)\1", "a*a*a*b", "[^a]" * 40 + "(", "a?" * 30 + "a" * 30, "x" * 300],
)
def test_a_pattern_that_may_be_slow_is_not_matched(pattern: str) -> None:
    assert not is_quick(pattern)
    assert find_violation({"pattern": pattern}, "a" * 100 + "!") is None


@pytest.mark.parametrize("pattern", [r"^\d{3}-\d{4}$", "^[A-Z]{2,3}[0-9]+$", r"^\S+@x\.example$"])
def test_a_plain_pattern_is_matched(pattern: str) -> None:
    assert is_quick(pattern)


def test_many_slow_matches_are_cut_short() -> None:
    with pytest.raises(UncheckableSchemaError, match="too long"):
        find_violation({"items": {"pattern": ".*a.*b$"}}, ["a" * 128] * 700)
