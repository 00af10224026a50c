"""Writes the benchmark's report, as tables and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from benchmarks.healing.inputs import SIMULATED
from benchmarks.healing.peers.comparison import Comparison
from benchmarks.healing.program import Selection
from benchmarks.healing.records import RunRecord
from benchmarks.healing.reporting.aims import Aim, judge_aims
from benchmarks.healing.reporting.figures import Figures, summarise
from benchmarks.healing.reporting.origin import Origin
from benchmarks.healing.reporting.tables import (
    table_of_aims,
    table_of_costs,
    table_of_innocent,
    table_of_kinds,
    table_of_known,
    table_of_peers,
    table_of_recovery,
    table_of_selection,
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a benchmark found out.

    Attributes:
        model: The model at hand.
        origin: What was run, where and when.
        selection: What counts on the model.
        records: Every run.
        comparison: Others on one repair; None where they weren't asked for.
    """

    model: str
    origin: Origin
    selection: Selection
    records: Sequence[RunRecord]
    comparison: Comparison | None = None

    @property
    def figures(self) -> Figures:
        """Figures that are computed from the records."""
        return summarise(self.records)

    @property
    def aims(self) -> list[Aim]:
        """Every figure beside its aim."""
        return judge_aims(self.figures, self.model)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        chosen = (*self.selection.regressions, *self.selection.controls)
        return {
            "model": self.model,
            **self.origin.as_json(),
            "seed_prompt_score": self.selection.good.mean,
            "measured": [
                {
                    "name": one.scenario.name,
                    "kind": one.scenario.kind,
                    "score": one.measurement.mean,
                    "passed": one.measurement.passed,
                    "scored": one.measurement.scored,
                    "left_out": one.left_out,
                }
                for one in chosen
            ],
            "aims": [aim.as_json() for aim in self.aims],
            "figures": self.figures.as_json(),
            "peers": self.comparison.as_json() if self.comparison else None,
            "runs": [record.as_json() for record in self.records],
        }


def show(report: Report, output: Console) -> None:
    """Print a table for every question."""
    output.print(table_of_selection(report.selection))
    if report.comparison is not None:
        output.print(table_of_peers(report.comparison))
    show_runs(report.records, report.model, output)
    output.print(
        f"{len(report.records)} runs {report.origin.describe()}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def show_runs(records: Sequence[RunRecord], model: str, output: Console) -> None:
    """Print what the runs say, and how new to the simulated model is what it was asked in them."""
    figures = summarise(records)
    output.print(table_of_recovery(figures))
    output.print(table_of_kinds(figures))
    output.print(table_of_innocent(figures))
    output.print(table_of_costs(figures))
    if model == SIMULATED:
        output.print(table_of_known())
    output.print(table_of_aims(judge_aims(figures, model)))


def show_unusual(records: Sequence[RunRecord], output: Console) -> None:
    """List the runs that a developer wants to see: what wasn't recovered, false heals, harm."""
    for one in records:
        if remark := one.remark:
            output.print(f"{one.title}: {remark}", highlight=False, markup=False, soft_wrap=True)
