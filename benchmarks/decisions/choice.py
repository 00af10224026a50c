"""What a contest chooses, under noise, where a version that served well is among the candidates.

Models answer by luck: each text passes at its own rate, known here and to nothing else. The
Optimizer's own contest looks at the last good version, and then at repairs of the bad text, on
eight inputs. A choice is good where its rate is nine tenths of the last good one's at least. The
same is drawn with the last good version taken for a repair like any other.

examples:
  python -m benchmarks.decisions.choice
  python -m benchmarks.decisions.choice --contests 200
"""

import argparse
import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from statistics import fmean
from typing import cast
from uuid import UUID, uuid4

from rich.console import Console
from rich.table import Table

from benchmarks.decisions.attribution_noise import LuckyReplays
from services.common.logging import configure_logging
from services.common.task_types import Repairs
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.replay_results import FAILING, GOLDEN, ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import MAX_CHOOSING
from services.optimizer.app.services.repair.candidate_lint import LintContext
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.contest import Contest

SEED = 29
# Of the last good version's rate.
GOOD = 0.9
LAST_GOOD, BAD = "last good", "bad"
INPUTS = tuple(
    ReplayInput(f"{source}-{number}", "ask", "ask", source)
    for number in range(MAX_CHOOSING // 2)
    for source in (FAILING, GOLDEN)
)
# What the bad text, the last good one and repairs of the bad one pass.
WORLDS = (
    (0.05, 0.9, (0.6, 0.6, 0.6, 0.9)),
    (0.05, 0.65, (0.5, 0.5, 0.5, 0.65)),
    (0.05, 0.4, (0.3, 0.3, 0.3, 0.4)),
    (0.3, 0.65, (0.5, 0.5, 0.5, 0.65)),
    (0.3, 0.5, (0.9, 0.9, 0.9, 0.9)),
    (0.3, 0.3, (0.7, 0.7, 0.7, 0.7)),
)


@dataclass(slots=True)
class Replays(LuckyReplays):
    """Registers candidates, too, with whoever asks."""

    async def register(self, *_: str) -> UUID:
        """Give a candidate an id; it's kept nowhere."""
        return uuid4()


def choose(
    rates: dict[str, float], luck: random.Random, *, served_well: bool
) -> tuple[str | None, int]:
    """Play one contest; tell the text that was chosen, and the calls that it took."""
    replays = Replays(lambda text, _: rates[text], luck)
    context = RepairContext(
        incumbent=BAD,
        analysis=analyze_failures([], threshold=3),
        choosing=INPUTS,
        incumbent_results={},
        last_good=None,
        repairs=Repairs(role="", by_rule={}),
        replay=replays.run,
        lint=LintContext(BAD, longest_served_bytes=100),
    )

    async def propose(_: RepairContext) -> AsyncIterator[Candidate]:
        for text in rates:
            yield Candidate(text, "drawn", "by its rate")

    contest = Contest(
        cast(TextReplays, replays),
        context,
        lambda: replays.calls_left,
        trusted=LAST_GOOD if served_well else "",
    )
    best = asyncio.run(contest.choose({"drawn": propose})).best
    return best.candidate.content if best else None, replays.calls


def main() -> None:
    """Draw contests of every world, and print what was chosen."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.choice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    configure_logging("choice", "ERROR")
    parser.add_argument("--contests", type=int, default=2_000, help="of each row, by each rule")
    options = parser.parse_args()
    table = Table(title=f"Choices that are good, and their mean rate, of {options.contests:,}")
    for column in ("bad", "last good", "repairs", "served well", "like any other", "calls"):
        table.add_column(column, no_wrap=True)
    for bad, good, repairs in WORLDS:
        rates = {LAST_GOOD: good} | {f"repair {at}": rate for at, rate in enumerate(repairs)}
        shares, calls = [], []
        for served_well in (True, False):
            luck = random.Random(SEED)
            drawn = [
                choose(rates | {BAD: bad}, luck, served_well=served_well)
                for _ in range(options.contests)
            ]
            chosen = [rates[text] if text else bad for text, _ in drawn]
            right = sum(rate >= GOOD * good for rate in chosen) / len(chosen)
            shares.append(f"{right:.3f} ({fmean(chosen):.2f})")
            calls.append(f"{fmean(one for _, one in drawn):.0f}")
        told = ", ".join(map(str, repairs))
        table.add_row(str(bad), str(good), told, *shares, " / ".join(calls))
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
