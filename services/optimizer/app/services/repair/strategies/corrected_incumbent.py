"""Proposes the incumbent with an answer to every rule that failed."""

from collections.abc import AsyncIterator

from services.optimizer.app.services.repair.candidates import (
    Candidate,
    RepairContext,
    as_list,
    repair_sentences,
)


async def corrected_incumbent(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the incumbent, followed by a sentence for every rule that failed."""
    sentences = repair_sentences(context)
    if sentences:
        yield Candidate(
            "\n".join([context.incumbent.rstrip(), "", "Above all:", *as_list(sentences)]),
            "corrected_incumbent",
            f"adds what answers {', '.join(context.analysis.rule_counts)}",
        )
