"""Looks for the wordings of instructions in a clause."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulated_model.instructions.directives import Directive
from simulated_model.instructions.sentences import Clause

Changes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """Wordings of one instruction in any case, and their changes where asserted and negated.

    Attributes:
        absolute: Whether the wording carries its own negation, so that none is looked for.
        unless: Words of the clause that give the wording another meaning.
    """

    wordings: str
    asserted: Changes
    negated: Changes = field(default_factory=dict)
    absolute: bool = False
    unless: str = ""


def find_wordings(
    clause: Clause, forms: Sequence[Form], *, at_end: bool = False
) -> Iterator[Directive]:
    """Find what a clause asserts or negates; text that one form matched, the next don't see.

    Args:
        at_end: Whether a directive's place is the end of its wording instead of the beginning.
    """
    unread = clause.masked
    for sought in forms:
        if sought.unless and re.search(sought.unless, clause.masked, re.I):
            continue
        for match in re.finditer(sought.wordings, unread, re.I):
            start, end = match.span()
            is_negated = not sought.absolute and clause.is_negated(start, end)
            changes = sought.negated if is_negated else sought.asserted
            if changes:
                yield Directive(clause.position + (end if at_end else start), changes)
            unread = unread[:start] + " " * (end - start) + unread[end:]
