"""Proposes the incumbent without the lines that do the harm, found by leaving lines out.

Leave out half of the lines and run two failing inputs again: where they pass now, the harm was in
that half. Halving what is suspected finds one offending line of eight in three steps (the idea of
Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28, 2002).
"""

import re
from collections.abc import AsyncIterator, Sequence

from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext

PROBES = 2
MAX_TRIALS = 10
# A line or a sentence, with the white space around it; a code fence has no ends inside.
_PIECE = re.compile(
    r"\s*(?:```.*?```|[^\n])+?"
    r"(?:(?<=[.!?])[^\S\n]+(?=\S)|(?:[^\S\n]*\n)+(?:\s*\Z)?|\s*\Z)|\s+\Z",
    re.DOTALL,
)


async def without_offending_lines(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose what is left of the incumbent without the smallest part that does the harm."""
    pieces = split_prompt(context.incumbent)
    probes = context.broken[:PROBES]
    if len(pieces) < 2 or not probes:  # noqa: PLR2004 - of one piece nothing would be left
        return
    offending = await _find_offending(context, pieces, probes)
    if offending:
        kept = [piece for at, piece in enumerate(pieces) if at not in offending]
        yield Candidate(
            join_pieces(kept),
            "without_offending_lines",
            f"leaves out {len(offending)} of {len(pieces)} parts, without which "
            f"{len(probes)} failing inputs pass",
        )


async def _find_offending(
    context: RepairContext, pieces: Sequence[str], probes: Sequence[ReplayInput]
) -> set[int]:
    """Find the smallest part whose absence makes the probes pass, by positions; may be empty."""
    suspected = list(range(len(pieces)))
    found: set[int] = set()
    trials = 0
    while len(suspected) > 1:
        middle = len(suspected) // 2
        # What was added last is looked at first: deploys append more often than they prepend.
        for half in (suspected[middle:], suspected[:middle]):
            trials += 1
            if trials > MAX_TRIALS or context.calls_for_search < trials * len(probes):
                return found
            if await _passes_without(context, pieces, set(half), probes):
                found, suspected = set(half), half
                break
        else:
            return found
    return found


async def _passes_without(
    context: RepairContext,
    pieces: Sequence[str],
    left_out: set[int],
    probes: Sequence[ReplayInput],
) -> bool:
    kept = join_pieces([piece for at, piece in enumerate(pieces) if at not in left_out])
    if not kept.strip():
        return False
    results = await context.replay(kept, probes)
    return all(item.id in results and results[item.id].passed for item in probes)


def split_prompt(text: str) -> list[str]:
    """Cut a prompt into lines and sentences, a fenced block being one piece.

    Joining the pieces gives the text again.
    """
    return _PIECE.findall(text)


def join_pieces(pieces: Sequence[str]) -> str:
    """Join pieces to a text."""
    return "".join(pieces).strip()
