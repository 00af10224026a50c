"""Compares the benchmark's figures with the aims. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.reporting.figures import CONTROLS_AND_FAULTS, Figures
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure and its aim.

    Attributes:
        name: What is measured.
        measured: The figure; None where nothing was run that could show it.
        limit: The aim; None where it is only told.
        at_least: Whether the figure is to reach the limit, or not to exceed it.
        unit: `%` of shares, `s`, or empty for a count.
        is_essential: Whether to miss it is a defect, however few runs there were.
        rate: What `measured` is the share of, where it is one.
        could_miss: What would have made the figure miss its aim.
    """

    name: str
    measured: float | None
    limit: float | None
    at_least: bool = False
    unit: str = ""
    is_essential: bool = False
    rate: Rate | None = None
    could_miss: str = ""

    @property
    def is_refuted(self) -> bool:
        """Whether the figure misses its aim by more than chance: the whole interval is beyond."""
        if self.reached is not False or self.limit is None:
            return False
        if self.rate is None or self.rate.low is None or self.rate.high is None:
            return True
        return self.rate.high < self.limit if self.at_least else self.rate.low > self.limit

    @property
    def reached(self) -> bool | None:
        """Tell whether the aim is reached; None where nothing was measured, or there is none."""
        if self.measured is None or self.limit is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "measured": self.measured,
            "aim": self.limit,
            "unit": self.unit,
            "reached": self.reached,
            "rate": self.rate.as_json() if self.rate else None,
            "could_miss": self.could_miss,
        }


def aim_of_rate(
    name: str,
    rate: Rate | None,
    limit: float | None,
    could_miss: str,
    *,
    at_least: bool = False,
    is_essential: bool = False,
) -> Aim:
    """Put a rate beside its aim."""
    return Aim(
        name,
        rate.share if rate else None,
        limit,
        at_least=at_least,
        unit="%",
        is_essential=is_essential,
        rate=rate,
        could_miss=could_miss,
    )


# By model.
RECOVERED: Final[dict[str, float]] = {SIMULATED: 1.0, LOCAL: 0.9}
RECOVERED_WITHOUT_HISTORY: Final[dict[str, float | None]] = {SIMULATED: 0.9, LOCAL: None}
FALSE_HEALS: Final[dict[str, float]] = {SIMULATED: 0.0, LOCAL: 0.02}
MEDIAN_CALLS: Final[dict[str, float]] = {SIMULATED: 35, LOCAL: 60}
MOST_CALLS: Final[dict[str, float]] = {SIMULATED: 60, LOCAL: 120}
SECONDS: Final[dict[str, float]] = {SIMULATED: 3, LOCAL: 60}


def judge_aims(figures: Figures, model: str) -> list[Aim]:
    """Put every figure beside its aim."""
    with_history = figures.recovery[WITH_HISTORY]
    without = figures.recovery[WITHOUT_HISTORY]
    innocent = figures.innocent[CONTROLS_AND_FAULTS]

    return [
        aim_of_rate(
            "regressions recovered to 90 % of the lost score",
            with_history.recovered,
            RECOVERED[model],
            "a bad prompt that serves on, or a repair that is none",
            at_least=True,
            is_essential=True,
        ),
        aim_of_rate(
            "the same with no good version in history",
            without.recovered,
            RECOVERED_WITHOUT_HISTORY[model],
            "the same",
            at_least=True,
        ),
        aim_of_rate(
            "false heals under a prompt that isn't to blame",
            innocent.false_heals,
            FALSE_HEALS[model],
            f"a promotion in the {innocent.sought_repair.count} runs that looked for a repair",
            is_essential=True,
        ),
        Aim(
            "harmful promotions that outlive the watch",
            figures.outlived.count if figures.outlived.total else None,
            0,
            is_essential=True,
            could_miss=f"one of the {figures.harmful.count} harmful promotions",
        ),
        Aim("model calls per heal, median", figures.calls.median, MEDIAN_CALLS[model]),
        Aim("model calls per heal, at most", figures.most_calls, MOST_CALLS[model]),
        Aim(
            "from the third failure to the healed prompt serving, median",
            figures.seconds.median,
            SECONDS[model],
            unit="s",
        ),
    ]
