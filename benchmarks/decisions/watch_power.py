"""The watch over a promotion: how often it raises an alarm, keeps, or goes on, and after how many.

Simulated watches: the promoted version and the one that it is compared with pass each request with
given chances, passing answers score around 0.88 and failing ones around 0.37, and the pairs are
judged by the watch's own code. What becomes of an alarm is in `watch_rollbacks`. No model, no
service, no database.

examples:
  python -m benchmarks.decisions.watch_power
  python -m benchmarks.decisions.watch_power --watches 5000 --pairs 600
"""

import argparse
import random
from bisect import bisect_left
from collections.abc import Sequence
from statistics import median

from services.optimizer.app.services.aftercare.pairing import LivePair
from services.optimizer.app.services.aftercare.watch import (
    KEPT,
    MARGIN,
    WATCHING,
    WORSE,
    judge_pairs,
)

PASSING, FAILING, NOISE = 0.88, 0.37, 0.04
SEED = 41
# What the promoted version passes, what the other does, and the chance that a request is as hard
# for one as for the other.
SCENARIOS = (
    ("as good, 1.0", 1.0, 1.0, 0.0),
    ("as good, 0.95", 0.95, 0.95, 0.0),
    ("as good, 0.95, hard alike", 0.95, 0.95, 0.8),
    ("as good, 0.8", 0.8, 0.8, 0.0),
    ("as good, 0.8, hard alike", 0.8, 0.8, 0.8),
    ("better, 0.9 for 0.7", 0.9, 0.7, 0.0),
    ("repaired, 0.9 for 0.1", 0.9, 0.1, 0.0),
    ("worse by the margin, 0.9", 0.9 - MARGIN / (PASSING - FAILING), 0.9, 0.0),
    ("worse, 0.7 for 0.9", 0.7, 0.9, 0.0),
    ("worse, 0.5 for 0.9", 0.5, 0.9, 0.0),
    ("broken, 0.1 for 0.9", 0.1, 0.9, 0.0),
)


def draw_score(chance: random.Random, rate: float, luck: float) -> float:
    """Draw an answer's score; it passes where `luck`, in [0, 1), is below its rate."""
    mean = PASSING if luck < rate else FAILING
    return min(1.0, max(0.0, chance.gauss(mean, NOISE)))


def draw_pairs(
    chance: random.Random, promoted: float, other: float, alike: float, count: int
) -> list[LivePair]:
    """Draw a watch's pairs."""
    pairs = []
    for number in range(1, count + 1):
        luck = chance.random()
        others = luck if chance.random() < alike else chance.random()
        score, partner = draw_score(chance, promoted, luck), draw_score(chance, other, others)
        pairs.append(LivePair(number, -number, score, partner))
    return pairs


def find_end(pairs: Sequence[LivePair]) -> tuple[str, int]:
    """Find how a watch ends, and after how many pairs: what is decided stays so."""
    sizes = range(1, len(pairs) + 1)
    at = bisect_left(sizes, True, key=lambda size: judge_pairs(pairs[:size]).outcome != WATCHING)
    size = min(at + 1, len(pairs))
    return judge_pairs(pairs[:size]).outcome, size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--watches", type=int, default=1_000, help="simulated watches a row")
    parser.add_argument("--pairs", type=int, default=300, help="pairs at most")
    options = parser.parse_args()
    chance = random.Random(SEED)
    print(f"{options.watches:,} watches of at most {options.pairs} pairs; seed {SEED}")
    print(f"{'passes':<28} {'alarm':>7} {'(after)':>8} {'kept':>7} {'(after)':>8} {'goes on':>8}")
    for title, promoted, other, alike in SCENARIOS:
        ends: dict[str, list[int]] = {WORSE: [], KEPT: [], WATCHING: []}
        for _ in range(options.watches):
            outcome, size = find_end(draw_pairs(chance, promoted, other, alike, options.pairs))
            ends[outcome].append(size)
        shares = {name: len(sizes) / options.watches for name, sizes in ends.items()}
        after = {name: f"({median(sizes):g})" if sizes else "" for name, sizes in ends.items()}
        print(
            f"{title:<28} {shares[WORSE]:>7.3f} {after[WORSE]:>8} {shares[KEPT]:>7.3f} "
            f"{after[KEPT]:>8} {shares[WATCHING]:>8.3f}"
        )


if __name__ == "__main__":
    main()
