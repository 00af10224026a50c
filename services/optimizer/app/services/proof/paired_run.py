"""Runs two texts on the same inputs, pair by pair, until the evidence is enough or can't be."""

import asyncio
from collections.abc import Mapping, Sequence

from services.common.errors import ServiceError
from services.common.proof.betting import SIGNIFICANCE_LEVEL, PairedScore, wins_needed
from services.optimizer.app.services.proof.paired_test import UNDECIDED, Decision, decide
from services.optimizer.app.services.proof.replay import is_mute
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import pair_scores
from services.optimizer.app.services.proof.wagers import Wager, WagerBook

# Pairs a look once the first ones are there: as many calls as run at a time.
PAIRS_PER_LOOK = 2


async def run_pairs(
    replays: TextReplays,
    order: Sequence[ReplayInput],
    *,
    incumbent: str,
    candidate: str,
    reserved_calls: int = 0,
    wager: Wager | None = None,
    book: WagerBook | None = None,
    alpha: float = SIGNIFICANCE_LEVEL,
) -> tuple[Decision, list[PairedScore]]:
    """Run pairs in their planned order, a few at a time, and stop as soon as it is decided.

    Args:
        order: Inputs in an order that doesn't depend on results.
        incumbent: The text that is taken to be as good until the pairs show otherwise.
        candidate: The text on whose gains is bet.
        reserved_calls: Worker calls that are kept for what comes after.
        wager: What the pairs are bets of, on none of `order` yet; None for a bet on them alone.
        book: Where bets are put on record, look by look: what ends a heal then loses no pair whose
            result is known.
        alpha: The chance of a false `better` that a bet on these pairs alone may have, in (0, 1).

    Returns:
        The decision and the pairs that it rests on. It stays undecided where more inputs could
        decide it and the calls don't suffice.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    done = 0
    pairs: list[PairedScore] = []
    wager = wager or Wager(alpha)
    fingerprints = {item.id: item.fingerprint for item in order}
    decision = decide(pairs, pairs_left=len(order), wager=wager)
    while decision.reason == UNDECIDED:
        affordable = max(0, min(len(order) - done, (replays.calls_left - reserved_calls) // 2))
        if decide(pairs, pairs_left=affordable, wager=wager).reason != UNDECIDED:
            break
        size = PAIRS_PER_LOOK if done else wins_needed(alpha=alpha)
        look = order[done : done + min(size, affordable)]
        await asyncio.gather(
            run_if_judgeable(replays, incumbent, look), run_if_judgeable(replays, candidate, look)
        )
        done += len(look)
        known = replays.known(incumbent), replays.known(candidate)
        pairs += pair_scores(*known, look)
        counts_silence = replays.calls_left > 0
        gains = read_gains(*known, look, counts_silence=counts_silence)
        bets = [(fingerprints[name], gain) for name, gain in gains]
        wager = await book.bet(candidate, bets) if book else wager.bet_on(bets)
        decision = decide(pairs, pairs_left=len(order) - done, wager=wager)
    return decision, pairs


def read_gains(
    incumbent: Mapping[str, ReplayResult],
    candidate: Mapping[str, ReplayResult],
    look: Sequence[ReplayInput],
    *,
    counts_silence: bool = True,
) -> list[tuple[str, float]]:
    """Read what each pair of a look wins or loses, by its input's id, in the look's order.

    Where the candidate alone gives nothing to score, it lost the pair: which of its answers can't
    be scored may depend on how bad they are.

    Args:
        counts_silence: Whether that is so; not where calls or time ended, and it wasn't asked.
    """
    gains = []
    for item in look:
        if pair := pair_scores(incumbent, candidate, [item]):
            gains.append((item.id, pair[0].gain))
        elif counts_silence and item.id in incumbent and item.id not in candidate:
            silent = PairedScore(item.id, incumbent[item.id].score, 0.0)
            gains.append((item.id, silent.gain))
    return gains


async def run_if_judgeable(
    replays: TextReplays, content: str, inputs: Sequence[ReplayInput]
) -> dict[str, ReplayResult]:
    """Run a text on inputs; an answer that isn't whole, or can't be judged, has no result.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    try:
        return await replays.run(content, inputs)
    except ServiceError as error:
        if not is_mute(error):
            raise
    known = replays.known(content)
    return {item.id: known[item.id] for item in inputs if item.id in known}
