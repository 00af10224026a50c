"""Compares the benchmark's figures with the aims. Pure."""

from dataclasses import dataclass
from typing import Final

from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.reporting.figures import CONTROLS_AND_FAULTS, Figures
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure and its aim.

    Attributes:
        name: What is measured.
        measured: The figure; None where nothing was run that could show it.
        limit: The aim.
        at_least: Whether the figure is to reach the limit, or not to exceed it.
        unit: `%` of shares, `s`, or empty for a count.
        is_essential: Whether to miss it is a defect, however few runs there were.
    """

    name: str
    measured: float | None
    limit: float
    at_least: bool = False
    unit: str = ""
    is_essential: bool = False

    @property
    def reached(self) -> bool | None:
        """Tell whether the aim is reached; None where nothing was measured."""
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def as_json(self) -> dict[str, float | str | bool | None]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "measured": self.measured,
            "aim": self.limit,
            "unit": self.unit,
            "reached": self.reached,
        }


# By model.
RECOVERED: Final[dict[str, float]] = {SIMULATED: 1.0, LOCAL: 0.9}
RECOVERED_WITHOUT_HISTORY: Final[dict[str, float]] = {SIMULATED: 0.9, LOCAL: 0.7}
FALSE_HEALS: Final[dict[str, float]] = {SIMULATED: 0.0, LOCAL: 0.02}
MEDIAN_CALLS: Final[dict[str, float]] = {SIMULATED: 30, LOCAL: 60}
MOST_CALLS: Final[dict[str, float]] = {SIMULATED: 60, LOCAL: 120}
SECONDS: Final[dict[str, float]] = {SIMULATED: 3, LOCAL: 60}


def judge_aims(figures: Figures, model: str) -> list[Aim]:
    """Put every figure beside its aim."""
    with_history = figures.recovery[WITH_HISTORY]
    without = figures.recovery[WITHOUT_HISTORY]
    innocent = figures.innocent[CONTROLS_AND_FAULTS]

    return [
        Aim(
            "regressions recovered to 90 % of the lost score",
            with_history.recovered.share,
            RECOVERED[model],
            at_least=True,
            unit="%",
            is_essential=True,
        ),
        Aim(
            "the same with no good version in history",
            without.recovered.share,
            RECOVERED_WITHOUT_HISTORY[model],
            at_least=True,
            unit="%",
        ),
        Aim(
            f"false heals in {innocent.false_heals.total} runs under a prompt that isn't to blame "
            f"(a repair was looked for in {innocent.sought_repair.count})",
            innocent.false_heals.share,
            FALSE_HEALS[model],
            unit="%",
            is_essential=True,
        ),
        Aim(
            f"harmful promotions that outlive the watch, of {figures.harmful.count}",
            figures.outlived.count if figures.outlived.total else None,
            0,
            is_essential=True,
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
