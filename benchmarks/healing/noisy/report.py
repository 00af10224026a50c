"""Writes the report of plays with the noisy model, as tables and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from benchmarks.healing.inputs import NOISY
from benchmarks.healing.noisy.figures import NoisyFigures, judge_aims, summarise
from benchmarks.healing.noisy.records import PlayRecord, read_play
from benchmarks.healing.noisy.tables import (
    table_of_blame,
    table_of_harm,
    table_of_innocent,
    table_of_model,
    table_of_recovery,
    table_of_ties,
)
from benchmarks.healing.reporting.aims import Aim
from benchmarks.healing.reporting.figures import as_plain
from benchmarks.healing.reporting.origin import Origin, read_origin
from benchmarks.healing.reporting.tables import table_of_aims


@dataclass(frozen=True, slots=True)
class NoisyReport:
    """All that the plays showed.

    Attributes:
        shares: By mixture: what a good prompt earns and what isn't known, by kind of input.
    """

    origin: Origin
    shares: Mapping[str, Mapping[str, float]]
    plays: Sequence[PlayRecord]
    model: str = NOISY

    @property
    def figures(self) -> NoisyFigures:
        """Figures that are computed from the plays."""
        return summarise(self.plays)

    @property
    def aims(self) -> list[Aim]:
        """Every figure beside its aim."""
        return judge_aims(self.figures)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {
            "model": self.model,
            **self.origin.as_json(),
            "shares": self.shares,
            "aims": [aim.as_json() for aim in self.aims],
            "figures": as_plain(self.figures),
            "plays": [play.as_json() for play in self.plays],
        }

    def show(self, output: Console) -> None:
        """Print a table for every question."""
        figures = self.figures
        for table in (
            table_of_model(self.shares),
            table_of_ties(figures),
            table_of_harm(figures),
            table_of_recovery(figures),
            table_of_innocent(figures),
            table_of_blame(figures),
            table_of_aims(self.aims),
        ):
            output.print(table)
        output.print(
            f"{len(self.plays)} plays {self.origin.describe()}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def read_report(plain: Mapping[str, Any]) -> NoisyReport:
    """Read a report from plain values.

    Raises:
        KeyError: If it is of another form.
    """
    plays = tuple(map(read_play, plain["plays"]))
    return NoisyReport(read_origin(plain), plain["shares"], plays)
