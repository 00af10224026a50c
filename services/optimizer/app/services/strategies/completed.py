"""A repair with the rest of what the task type's rules ask for.

What only takes the harm away, or answers only the rules that failed, leaves a prompt that may say
too little: its answers pass, and could be better.
"""

from collections.abc import AsyncIterator

from services.optimizer.app.services.candidates import Candidate, RepairContext, as_list


async def completed(context: RepairContext) -> AsyncIterator[Candidate]:
    """The best candidate so far, with those of the task type's sentences that it lacks."""
    sentences = [text for text in context.repairs.by_rule.values() if text not in context.best]
    if context.best and sentences:
        yield Candidate(
            "\n".join([context.best.rstrip(), "", *as_list(sentences)]),
            "completed",
            "the best candidate so far, with the rest of what the rules ask for",
        )
