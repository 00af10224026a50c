"""Proposes what the configured model writes once it has read what fails."""

from collections.abc import AsyncIterator
from dataclasses import replace

from services.optimizer.app.services.repair.candidates import Candidate, RepairContext


async def reflection(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the model's rewrites: it analyses first, and must keep what works."""
    if context.reflect is None:
        return
    for candidate in await context.reflect(context.incumbent, context.analysis):
        yield replace(candidate, informed_by_users=context.evidence_from_users)
