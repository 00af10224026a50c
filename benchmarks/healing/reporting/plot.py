"""Draws the benchmark's figures beside the baselines, where matplotlib is installed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.healing.records import REGRESSION, RunRecord
from benchmarks.healing.reporting.figures import CONTROLS_AND_FAULTS, Figures
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.reporting.report import Report
from benchmarks.healing.schedule import MODES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, NAIVE = "the Optimizer", "naive healer"
COLOURS = {OURS: "#2a6f97", NAIVE: "#c1666b"}
BAR_WIDTH = 0.38
LABEL_GAP = 0.02
DPI = 120
# Title, unit, and attribute of a record.
SPREADS = (
    ("Detection delay", "requests", "requests_until_detection"),
    ("Third failure to healed prompt serving", "seconds", "seconds_to_serving"),
    ("Model calls of a heal", "calls", "promoting_calls"),
)


class PlotUnavailableError(Exception):
    """matplotlib isn't installed."""


def draw(report: Report, file: Path) -> None:
    """Draw six panels into a file; its ending decides the format.

    Raises:
        PlotUnavailableError: If matplotlib isn't installed.
        OSError: If the file can't be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional, and a second
    except ImportError as error:
        raise PlotUnavailableError("matplotlib isn't installed: pip install matplotlib") from error
    figures = report.figures
    records = report.records
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    panels = figure.subplots(2, 3).flat
    first = next(panels)
    _draw_recovery(first, figures)
    legend = first.get_legend_handles_labels()
    _draw_false_heals(next(panels), figures)
    _draw_harm(next(panels), figures)
    for title, unit, name in SPREADS:
        _draw_spread(next(panels), title, unit, _modes(records, name))
    figure.legend(*legend, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(
        f"Healing benchmark, {report.model} model: {len(records)} runs, "
        f"{report.origin.started_at:%Y-%m-%d}, {report.origin.machine.cores} cores"
    )
    figure.savefig(file, dpi=DPI)


def _draw_recovery(axes: "Axes", figures: Figures) -> None:
    axes.set_title("Regressions recovered to 90 %")
    _draw_rates(
        axes,
        MODES,
        {
            OURS: [figures.recovery[mode].recovered for mode in MODES],
            NAIVE: [figures.recovery[mode].naive for mode in MODES],
        },
    )


def _draw_false_heals(axes: "Axes", figures: Figures) -> None:
    axes.set_title("False heals")
    groups = ("controls", "faults", CONTROLS_AND_FAULTS)
    _draw_rates(
        axes,
        ("controls", "faults", "both"),
        {
            OURS: [figures.innocent[name].false_heals for name in groups],
            NAIVE: [figures.innocent[name].naive_false_heals for name in groups],
        },
    )


def _draw_harm(axes: "Axes", figures: Figures) -> None:
    axes.set_title("Harmful promotions")
    _draw_rates(axes, ("all runs",), {OURS: [figures.harmful], NAIVE: [figures.naive_harmful]})


def _draw_rates(axes: "Axes", labels: Sequence[str], series: dict[str, list[Rate]]) -> None:
    for number, (name, rates) in enumerate(series.items()):
        places = [place + (number - 0.5) * BAR_WIDTH for place in range(len(rates))]
        shares = [rate.share or 0.0 for rate in rates]
        below = [share - (rate.low or 0.0) for share, rate in zip(shares, rates, strict=True)]
        above = [(rate.high or 0.0) - share for share, rate in zip(shares, rates, strict=True)]
        axes.bar(
            places,
            shares,
            BAR_WIDTH,
            color=COLOURS[name],
            label=name,
            yerr=[[max(0.0, one) for one in below], [max(0.0, one) for one in above]],
            capsize=3,
        )
        for place, rate in zip(places, rates, strict=True):
            axes.text(
                place, (rate.high or 0.0) + LABEL_GAP, f"{rate.count} of {rate.total}",
                ha="center", fontsize="small",
            )  # fmt: skip
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")


def _modes(records: Sequence[RunRecord], name: str) -> dict[str, list[float]]:
    """Collect the values of an attribute by mode, of the regressions that have one."""
    return {
        mode: [
            value
            for one in records
            if (one.group, one.mode) == (REGRESSION, mode)
            and (value := getattr(one, name)) is not None
        ]
        for mode in MODES
    }


def _draw_spread(axes: "Axes", title: str, unit: str, values: dict[str, list[float]]) -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    known = {name: several for name, several in values.items() if several}
    if known:
        axes.boxplot(list(known.values()), widths=0.5, showfliers=True)
        axes.set_xticks(range(1, len(known) + 1), list(known))
    axes.set_ylim(bottom=0)
