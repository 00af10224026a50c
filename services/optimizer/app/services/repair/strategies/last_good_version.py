"""Proposes to go back to the last text that served well."""

from collections.abc import AsyncIterator

from services.optimizer.app.services.repair.candidates import Candidate, RepairContext


async def last_good_version(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the latest earlier text that served well, else the latest that never failed."""
    past = context.last_good
    if past is None:
        return
    record = f"{past.passed} of {past.scored} passed" if past.scored else "never scored"
    yield Candidate(
        past.content, "last_good_version", f"version {past.version} served before: {record}"
    )
