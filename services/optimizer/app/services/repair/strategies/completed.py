"""Proposes a repair with the rest of what the task type's rules ask for.

What only takes the harm away, or answers only the rules that failed, leaves a prompt that may say
too little: its answers pass, and could be better.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from services.optimizer.app.services.repair.candidates import Candidate, RepairContext, as_list


async def completed(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the best candidate so far, with those of the task type's sentences that it lacks."""
    best = context.best
    if best is None:
        return
    sentences = [text for text in context.repairs.by_rule.values() if text not in best.content]
    if sentences:
        yield replace(
            best,
            content="\n".join([best.content.rstrip(), "", *as_list(sentences)]),
            strategy="completed",
            rationale=f"{best.strategy}, with the rest of what the rules ask for",
        )
