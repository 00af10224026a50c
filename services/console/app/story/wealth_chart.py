"""Lays a proof out as a picture: the wealth after each pair, on a logarithmic axis."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.common.presentation.detail_reading import Detail, read_number, read_records
from services.common.proof.betting import SIGNIFICANCE_LEVEL, PairedScore, follow_wealth

# What proofs staked on every pair before they went on over an incident.
EARLIER_STAKE: Final = 0.9
MAX_PAIRS: Final = 500
LEAST_ALPHA: Final = 1e-9
# Wealth under this is drawn at the foot.
LEAST_EXPONENT: Final = -4
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 22, 42
MAX_X_TICKS: Final = 12
KINDS: Final[dict[int, Literal["win", "loss", "tie"]]] = {1: "win", -1: "loss", 0: "tie"}


@dataclass(frozen=True, slots=True)
class Step:
    """A pair, and the wealth after it."""

    number: int
    pair: PairedScore
    wealth: float

    @property
    def kind(self) -> Literal["win", "loss", "tie"]:
        """Which text did better on this input."""
        return KINDS[self.pair.sign]


@dataclass(frozen=True, slots=True)
class Proof:
    """The bets behind a decision; `goal` is the wealth that was enough.

    Attributes:
        begin: The wealth that earlier heals of the incident left.
    """

    steps: tuple[Step, ...]
    goal: float
    begin: float = 1.0

    @property
    def decided_at(self) -> int | None:
        """Number of the pair after which the wealth was enough; None where it never was."""
        return next((step.number for step in self.steps if step.wealth >= self.goal), None)


@dataclass(frozen=True, slots=True)
class WealthChart:
    """Where everything stands in a drawing of this size, in its own units.

    Attributes:
        line: The points of the wealth's line; `area` is what lies between it and the foot.
    """

    width: int
    height: int
    marks: tuple[tuple[float, float, Step], ...]
    start: tuple[float, float]
    goal_y: float
    ticks_y: tuple[tuple[float, str], ...]
    ticks_x: tuple[tuple[float, int], ...]
    line: str
    area: str


def read_proof(verdict: Detail) -> Proof | None:
    """Follow the bets of a stored decision; None where it has no pair that can be read."""
    pairs = [pair for one in read_records(verdict, "pairs")[:MAX_PAIRS] if (pair := _read(one))]
    if not pairs:
        return None
    alpha = read_number(verdict, "alpha") or SIGNIFICANCE_LEVEL
    earlier = _read_earlier_gains(verdict)
    stake = None if "wager" in verdict else EARLIER_STAKE
    wealths = list(follow_wealth([*earlier, *(pair.gain for pair in pairs)], stake=stake))
    here = zip(pairs, wealths[len(earlier) :], strict=True)
    return Proof(
        tuple(Step(at, *both) for at, both in enumerate(here, 1)),
        1 / alpha if LEAST_ALPHA < alpha < 1 else 1 / SIGNIFICANCE_LEVEL,
        wealths[len(earlier) - 1] if earlier else 1.0,
    )


def lay_out(proof: Proof, width: int, height: int) -> WealthChart:
    """Lay a proof out in a drawing of this size."""
    begin, *exponents = (
        math.log10(max(wealth, 10.0**LEAST_EXPONENT))
        for wealth in (proof.begin, *(step.wealth for step in proof.steps))
    )
    low = min(-1, math.floor(min(begin, *exponents)))
    high = max(math.log10(proof.goal), begin, *exponents) + 0.25
    across = (width - LEFT - RIGHT) / len(proof.steps)
    scale = (height - TOP - BOTTOM) / (high - low)

    def y(exponent: float) -> float:
        return round(height - BOTTOM - (exponent - low) * scale, 1)

    def x(number: int) -> float:
        return round(LEFT + number * across, 1)

    marks = [(x(step.number), y(at), step) for step, at in zip(proof.steps, exponents, strict=True)]
    start, foot = (x(0), y(begin)), height - BOTTOM
    every = math.ceil(len(proof.steps) / MAX_X_TICKS)
    line = " ".join(f"{x:g},{y:g}" for x, y in [start, *((x, y) for x, y, _ in marks)])
    tens = range(low, math.floor(high) + 1)
    return WealthChart(
        width,
        height,
        tuple(marks),
        start,
        y(math.log10(proof.goal)),
        tuple((y(at), f"{'≤ ' * (at == LEAST_EXPONENT)}{10.0**at:g}") for at in tens),
        tuple((x(number), number) for number in range(0, len(proof.steps) + 1, every)),
        line,
        f"{start[0]:g},{foot} {line} {marks[-1][0]:g},{foot}",
    )


def _read_earlier_gains(verdict: Detail) -> list[float]:
    wager = verdict.get("wager")
    gains = wager.get("earlier_gains") if isinstance(wager, dict) else None
    if not isinstance(gains, list):
        return []
    return [gain for gain in gains if isinstance(gain, int | float) and -1 <= gain <= 1]


def _read(record: dict[str, Any]) -> PairedScore | None:
    scores = [read_number(record, whose) for whose in ("incumbent", "candidate")]
    known = [score for score in scores if score is not None and 0 <= score <= 1]
    return (
        PairedScore(str(record.get("input_id", "")), *known) if len(known) == len(scores) else None
    )
