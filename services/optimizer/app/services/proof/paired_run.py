"""Runs two texts on the same inputs, pair by pair, until the evidence is enough or can't be."""

import asyncio
from collections.abc import Sequence

from services.common.errors import UpstreamError
from services.common.proof.betting import SIGNIFICANCE_LEVEL, PairedScore, wins_needed
from services.optimizer.app.services.proof.paired_test import UNDECIDED, Decision, decide
from services.optimizer.app.services.proof.replay import NOT_JUDGEABLE, UnreplayableInputError
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import pair_scores

# Pairs a look once the first ones are there: as many calls as run at a time.
PAIRS_PER_LOOK = 2


async def run_pairs(
    replays: TextReplays,
    order: Sequence[ReplayInput],
    *,
    incumbent: str,
    candidate: str,
    reserved_calls: int = 0,
    alpha: float = SIGNIFICANCE_LEVEL,
) -> tuple[Decision, list[PairedScore]]:
    """Run pairs in their planned order, a few at a time, and stop as soon as it is decided.

    Args:
        order: Inputs in an order that doesn't depend on results.
        incumbent: The text that is taken to be as good until the pairs show otherwise.
        candidate: The text on whose gains is bet.
        reserved_calls: Worker calls that are kept for what comes after.
        alpha: The chance of a false `better` that this test may have, in (0, 1).

    Returns:
        The decision and the pairs that it rests on. It stays undecided where more inputs could
        decide it and the calls don't suffice.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    done = 0
    pairs: list[PairedScore] = []
    decision = decide(pairs, pairs_left=len(order), alpha=alpha)
    while decision.reason == UNDECIDED:
        affordable = max(0, min(len(order) - done, (replays.calls_left - reserved_calls) // 2))
        if decide(pairs, pairs_left=affordable, alpha=alpha).reason != UNDECIDED:
            break
        size = PAIRS_PER_LOOK if done else wins_needed(alpha=alpha)
        look = order[done : done + min(size, affordable)]
        await asyncio.gather(
            run_if_judgeable(replays, incumbent, look), run_if_judgeable(replays, candidate, look)
        )
        done += len(look)
        pairs = pair_scores(replays.known(incumbent), replays.known(candidate), order[:done])
        decision = decide(pairs, pairs_left=len(order) - done, alpha=alpha)
    return decision, pairs


async def run_if_judgeable(
    replays: TextReplays, content: str, inputs: Sequence[ReplayInput]
) -> dict[str, ReplayResult]:
    """Run a text on inputs; where none of its answers can be judged, there are no results.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    try:
        return await replays.run(content, inputs)
    except UnreplayableInputError:
        return {}
    except UpstreamError as error:
        if error.upstream_code != NOT_JUDGEABLE:
            raise
        return {}
