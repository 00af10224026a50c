"""Proposes a prompt made of the task type's own rules, without the incumbent's text."""

from collections.abc import AsyncIterator

from services.optimizer.app.services.repair.candidates import Candidate, RepairContext, as_list


async def rebuilt_from_rules(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the task type's role and all its repair sentences."""
    yield Candidate(
        "\n".join([context.repairs.role, *as_list(list(context.repairs.by_rule.values()))]),
        "rebuilt_from_rules",
        "starts anew from what the rules ask for",
    )
