"""Which role a provider's claim gives."""

from typing import Any

import pytest
from support.rows import for_each

from services.manager.app.access.oidc.roles import choose_role, read_claim, read_role_rules

RULES = read_role_rules(
    "sre=approver, helpdesk=operator:code_generation+support,poets=operator:poetry,"
    "all=viewer,CN=root;DC=example=admin"
)


@for_each([
    (["sre"], ("approver", None)),
    (["all", "sre"], ("approver", None)),
    (["helpdesk"], ("operator", ["code_generation", "support"])),
    (["poets", "helpdesk", "all"], ("operator", ["code_generation", "poetry", "support"])),
    (["all"], ("viewer", None)),
    (["CN=root;DC=example"], ("admin", None)),
    (["SRE"], None), (["s"], None), ([], None), (["sre "], None),
])  # fmt: skip
def test_the_highest_of_those_that_match_counts(row: tuple[list[str], Any]) -> None:
    values, expected = row
    assert choose_role(RULES, values) == expected


def test_a_rule_for_all_task_types_outdoes_one_for_some() -> None:
    rules = read_role_rules("a=viewer:poetry,b=viewer")
    assert choose_role(rules, ["a"]) == ("viewer", ["poetry"])
    assert choose_role(rules, ["a", "b"]) == ("viewer", None)


@for_each(["", " , ", "sre", "=admin", "sre=", "sre=root", "sre=Admin", "sre=operator:",
           "sre=operator:a+", "sre=operator:+"])  # fmt: skip
def test_rules_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_role_rules(text)


@for_each([
    ({"groups": ["a", 1, None, "b"]}, "groups", ["a", "b"]),
    ({"groups": "a"}, "groups", ["a"]),
    ({"groups": {"a": 1}}, "groups", []),
    ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ["a"]),
    ({"https://x.example/roles": ["a"]}, "https://x.example/roles", ["a"]),
    ({"realm_access": ["a"]}, "realm_access.roles", []),
    ({}, "groups", []),
])  # fmt: skip
def test_a_claim_is_read(row: tuple[dict[str, Any], str, list[str]]) -> None:
    claims, name, expected = row
    assert read_claim(claims, name) == expected
