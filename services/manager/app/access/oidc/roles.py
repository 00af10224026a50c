"""Which values of a provider's claim are which role here: OIDC_ROLES."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.common.access.accounts import ROLE_SCOPES

ROLES = list(ROLE_SCOPES)


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A value of the claim, and what who has it may do.

    Attributes:
        task_types: Those that it is bound to; None for all.
    """

    value: str
    role: str
    task_types: frozenset[str] | None


def read_role_rules(text: str) -> list[RoleRule]:
    """Read rules such as `sre=approver,helpdesk=operator:code_generation+support`.

    Raises:
        ValueError: If they make no sense, or there is none.
    """
    rules = [_read_rule(part.strip()) for part in text.split(",") if part.strip()]
    if not rules:
        raise ValueError("it names no role, so that nobody could sign in")
    return rules


def _read_rule(text: str) -> RoleRule:
    # Values may hold an equals sign, as distinguished names do.
    value, equals, given = text.rpartition("=")
    role, colon, names = given.strip().partition(":")
    task_types = [name.strip() for name in names.split("+")] if colon else None
    if not equals or not value.strip() or (task_types is not None and not all(task_types)):
        raise ValueError(f"{text!r} isn't VALUE=ROLE or VALUE=ROLE:TASK_TYPE+TASK_TYPE")
    if role not in ROLES:
        raise ValueError(f"{text!r} has the role {role!r}, and there are: {', '.join(ROLES)}")
    return RoleRule(value.strip(), role, frozenset(task_types) if task_types else None)


def choose_role(
    rules: Sequence[RoleRule], values: Sequence[str]
) -> tuple[str, list[str] | None] | None:
    """Return the highest role of those that match, and the task types of its rules together.

    None where no rule matches; task types of None are all.
    """
    matching = [rule for rule in rules if rule.value in values]
    if not matching:
        return None
    highest = max((rule.role for rule in matching), key=ROLES.index)
    bounds = [rule.task_types for rule in matching if rule.role == highest]
    names = [name for bound in bounds for name in bound or ()]
    return highest, None if None in bounds else sorted(set(names))


def read_claim(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a claim, which may lie within others: `realm_access.roles`."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]
