"""Proposes a prompt that served well, with examples of right answers.

The requests are golden inputs, which are data of the repository, and the answers were made under
that prompt and passed just now; nothing from live traffic gets into a prompt.
"""

from collections.abc import AsyncIterator

from services.optimizer.app.services.proof.replay_results import GOLDEN
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext

EXAMPLES = 2
MAX_ANSWER_CHARACTERS = 1_500


async def few_shot(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the last good text, and two golden inputs with answers that passed under it."""
    past = context.last_good
    golden = [item for item in context.choosing if item.source == GOLDEN]
    if past is None or not golden:
        return
    results = await context.replay(past.content, golden)
    shown = [
        f"Request: {item.text}\nAnswer:\n{results[item.id].output.strip()}"
        for item in golden
        if item.id in results
        and results[item.id].passed
        and len(results[item.id].output) <= MAX_ANSWER_CHARACTERS
    ][:EXAMPLES]
    if shown:
        yield Candidate(
            "\n\n".join([past.content.rstrip(), "Examples of right answers:", *shown]),
            "few_shot",
            f"version {past.version} with {len(shown)} golden inputs and answers that passed",
            quoted=tuple(shown),
        )
