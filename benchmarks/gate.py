"""Measures the gate's bet: how often it promotes under a tie, and under gains of all sizes.

Simulated heals: the incumbent and the candidate pass each input with given chances, passing answers
score around 0.88 and failing ones around 0.39, and the pairs are judged one by one. No model, no
service, no database. For the stake in force it shows what its e-value (the wealth when the betting
stops) comes to in the mean, and the wealth's peak, which is no e-value: under a tie, the mean of an
e-value is at most 1.

examples:
  python -m benchmarks.gate
  python -m benchmarks.gate --heals 20000 --stakes 0.5 0.9 0.95
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median

from rich.console import Console
from rich.table import Table

from services.common.proof.betting import SIGNIFICANCE_LEVEL, STAKE, PairedScore, Wealth, play

PASSING, FAILING, NOISE = 0.88, 0.37, 0.04
DEFAULT_STAKES = (0.5, 0.8, STAKE, 0.95)
SEED = 14


@dataclass(frozen=True, slots=True)
class Scenario:
    """Pass rates of both prompts, and how many pairs there are.

    `shared` is the chance that an input is as hard for one prompt as for the other, in [0, 1].
    """

    title: str
    incumbent: float
    candidate: float
    pairs: int
    shared: float = 0.0


SCENARIOS = (
    Scenario("tie at 0.5, 24 pairs", 0.5, 0.5, 24),
    Scenario("tie at 0.9, 24 pairs, hard alike", 0.9, 0.9, 24, shared=0.8),
    Scenario("tie at 0.1, 24 pairs", 0.1, 0.1, 24),
    Scenario("0 to 1, 8 pairs", 0.0, 1.0, 8),
    Scenario("0 to 0.4, 24 pairs", 0.0, 0.4, 24),
    Scenario("0.05 to 0.4, 40 pairs", 0.05, 0.4, 40),
    Scenario("0.05 to 0.6, 16 pairs", 0.05, 0.6, 16),
    Scenario("0.3 to 0.8, 24 pairs, hard alike", 0.3, 0.8, 24, shared=0.5),
)


def draw_pairs(scenario: Scenario, generator: random.Random) -> list[PairedScore]:
    """Draw the pairs of one heal."""
    pairs = []
    for number in range(scenario.pairs):
        hardness = generator.random()
        same = generator.random() < scenario.shared
        other = hardness if same else generator.random()
        pairs.append(
            PairedScore(
                str(number),
                _score(hardness < scenario.incumbent, generator),
                _score(other < scenario.candidate, generator),
            )
        )
    return pairs


@dataclass(frozen=True, slots=True)
class Skewed:
    """Differences of score whose raw mean is nought: often a small win, seldom a large loss."""

    win: float
    loss: float
    pairs: int = 24

    @property
    def title(self) -> str:
        """Name of the row in the table."""
        return f"raw tie: +{self.win:g} often, -{self.loss:g} seldom"


SKEWED = (Skewed(0.1, 0.5), Skewed(0.2, 0.64), Skewed(0.1, 0.9))


def draw_skewed(scenario: Skewed, generator: random.Random) -> list[PairedScore]:
    """Draw the pairs of one heal whose wins and losses differ in size."""
    chance_of_loss = scenario.win / (scenario.win + scenario.loss)
    return [
        PairedScore(
            str(number),
            scenario.loss,
            0.0 if generator.random() < chance_of_loss else scenario.loss + scenario.win,
        )
        for number in range(scenario.pairs)
    ]


def decided_after(pairs: Sequence[PairedScore], stake: float) -> int | None:
    """Count the pairs that it takes to promote; None where they don't suffice."""
    gains = [pair.gain for pair in pairs]
    if not play(gains, stake=stake).reaches():
        return None
    return next(
        count for count in range(1, len(gains) + 1) if play(gains[:count], stake=stake).reaches()
    )


def stop_betting(pairs: Sequence[PairedScore], stake: float = STAKE) -> Wealth:
    """What the bets came to when the evidence was enough, or when the pairs ran out."""
    return play([pair.gain for pair in pairs[: decided_after(pairs, stake)]], stake=stake)


def _score(passes: bool, generator: random.Random) -> float:
    return (PASSING if passes else FAILING) + NOISE * generator.random()


def main() -> int:
    """Run the simulation from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--heals", type=int, default=5_000, help="simulated heals (%(default)s)")
    parser.add_argument(
        "--stakes", type=float, nargs="+", default=DEFAULT_STAKES, help="stakes to compare"
    )
    options = parser.parse_args()
    table = Table(
        title=f"Share promoted at alpha {SIGNIFICANCE_LEVEL} (median pairs until then), "
        f"{options.heals} heals",
        title_justify="left",
    )
    table.add_column("pass rates")
    for stake in options.stakes:
        table.add_column(f"stake {stake:g}", justify="right")
    table.add_column(f"mean e-value at {STAKE:g}", justify="right")
    table.add_column("mean peak", justify="right")
    drawn = [(row.title, partial(draw_pairs, row)) for row in SCENARIOS]
    drawn += [(row.title, partial(draw_skewed, row)) for row in SKEWED]
    for title, draw in drawn:
        generator = random.Random(SEED)
        heals = [draw(generator) for _ in range(options.heals)]
        cells = []
        for stake in options.stakes:
            counts = [decided_after(pairs, stake) for pairs in heals]
            promoted = [count for count in counts if count is not None]
            middle = f" ({median(promoted):g})" if promoted else ""
            cells.append(f"{len(promoted) / len(heals):.3f}{middle}")
        ends = [stop_betting(pairs) for pairs in heals]
        table.add_row(
            title,
            *cells,
            f"{fmean(end.now for end in ends):.2f}",
            f"{fmean(end.peak for end in ends):.2f}",
        )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
