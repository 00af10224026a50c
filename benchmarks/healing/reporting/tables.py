"""The benchmark's tables, one for each question."""

from collections.abc import Sequence
from typing import Final

from rich.table import Table

from benchmarks.healing.peers.comparison import Comparison
from benchmarks.healing.program import Selection
from benchmarks.healing.reporting.aims import Aim
from benchmarks.healing.reporting.figures import CONTROLS_AND_FAULTS, Figures, Spread
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.reporting.known_requests import count_known
from benchmarks.healing.schedule import MODES
from benchmarks.healing.selection import (
    LEAST_BROKEN_SHARE,
    LEAST_LOSS,
    MOST_BROKEN_SHARE,
    MOST_LOSS,
)

UNKNOWN: Final = "-"
_SUMS: Final = (CONTROLS_AND_FAULTS, "controls", "faults")


def table_of_selection(selection: Selection) -> Table:
    """Make the table of scenarios that count on the model at hand."""
    table = _table(
        "What counts on this model (held-out inputs)", "", "kind", "score", "passed", "counts"
    )
    table.caption = (
        f"A regression counts from {LEAST_LOSS:g} of lost score and {LEAST_BROKEN_SHARE:.0%} of "
        f"the passing inputs broken; a control up to {MOST_LOSS:g} and {MOST_BROKEN_SHARE:.0%}."
    )
    good = selection.good
    table.add_row(
        "seed prompt", "", f"{good.mean:.3f}", f"{good.passed} of {good.scored}", "",
        end_section=True,
    )  # fmt: skip
    for choices in (selection.regressions, selection.controls):
        for one in choices:
            table.add_row(
                one.scenario.name,
                one.scenario.kind,
                f"{one.measurement.mean:.3f}",
                f"{one.measurement.passed} of {one.measurement.scored}",
                f"[yellow]no: {one.left_out}[/]" if one.left_out else "yes",
                end_section=one is choices[-1],
            )
    return table


def table_of_recovery(figures: Figures) -> Table:
    """Make the table of bad prompts that were found and repaired."""
    table = _table("Regressions: are they found and repaired?", "", *MODES)
    columns = [figures.recovery[mode] for mode in MODES]
    table.add_row("detected", *(show_rate(one.detected) for one in columns))
    table.add_row("attributed to the prompt", *(show_rate(one.attributed) for one in columns))
    table.add_row(
        "requests until detection", *(show_spread(one.requests) for one in columns),
        end_section=True,
    )  # fmt: skip
    table.add_row("recovered to 90 %", *(show_rate(one.recovered) for one in columns))
    table.add_row("by the first heal", *(show_rate(one.by_first_heal) for one in columns))
    for strategy in dict.fromkeys(name for one in columns for name in one.strategies):
        table.add_row(
            f"  by {strategy}", *(str(one.strategies.get(strategy, 0)) for one in columns)
        )
    table.add_row("  naive healer", *(show_rate(one.naive) for one in columns))
    table.add_row(
        "promotions that earn more than no prompt", *(show_rate(one.beats_empty) for one in columns)
    )
    table.add_row(
        "share of the lost score won back", *(show_spread(one.share, "%") for one in columns)
    )
    table.add_row(
        "  naive healer", *(show_spread(one.naive_share, "%") for one in columns), end_section=True
    )
    table.add_row(
        "third failure to healed prompt serving",
        *(show_spread(one.seconds, "s") for one in columns),
    )
    table.caption = "Rates with 95 % intervals (Wilson); medians with the least and the most."
    return table


def table_of_kinds(figures: Figures) -> Table:
    """Make the table of recoveries by kind of regression."""
    table = _table("Regressions recovered to 90 %, by kind", "", *MODES)
    for kind, by_mode in figures.kinds.items():
        table.add_row(kind, *(f"{one.count} of {one.total}" for one in by_mode.values()))
    return table


def table_of_innocent(figures: Figures) -> Table:
    """Make the table of runs whose prompt isn't to blame, and what was changed."""
    table = _table(
        "Controls and faults: is a prompt left alone that isn't to blame?",
        "", "looked into", "blamed right", "repair sought", "changed", "false heals",
        "naive healer",
    )  # fmt: skip
    for name, one in figures.innocent.items():
        table.add_row(
            name,
            f"{one.looked_into.count} of {one.looked_into.total}",
            f"{one.attributed.count} of {one.attributed.total}" if one.attributed.total else "",
            str(one.sought_repair.count),
            str(one.changed.count),
            show_interval(one.false_heals) if name in _SUMS else str(one.false_heals.count),
            str(one.naive_false_heals.count),
            end_section=name == _SUMS[-1],
        )
    table.caption = (
        "False heals: prompts changed, and under a fault not for the better. They can come only "
        "of runs in which a repair was looked for. A database restart begins with a bad prompt, "
        "which is to be changed: it is in no sum."
    )
    return table


def table_of_known() -> Table:
    """How new is what the simulated model is asked?"""
    table = _table("Requests that the simulated model has an answer for", "", "known")
    for name, rate in count_known().items():
        table.add_row(name, f"{rate.count} of {rate.total}")
    return table


def table_of_costs(figures: Figures) -> Table:
    """Make the table of what heals cost and of the harm they do."""
    table = _table("Harm and cost", "", "measured", "naive healer")
    table.add_row(
        "promotions that do harm", show_rate(figures.harmful), show_rate(figures.naive_harmful)
    )
    table.add_row("  of them outlived the watch", show_rate(figures.outlived), UNKNOWN)
    table.add_row("model calls of a heal", show_spread(figures.calls), "0")
    table.add_row("most model calls of any run", str(figures.most_calls), "0")
    table.add_row("seconds of a heal", show_spread(figures.heal_seconds, "s"), "0.0 s")
    table.add_row("runs that ended in an error", show_rate(figures.errors), UNKNOWN)
    table.caption = "The naive healer: three failures, one rewrite by rules, activated unproven."
    return table


def table_of_peers(comparison: Comparison) -> Table:
    """Make the table of how the peers do on the same repair."""
    table = _table(
        f"One repair ({comparison.scenario}), {comparison.max_calls} model calls at most",
        "", "score", "recovered", "calls", "time", "",
    )  # fmt: skip
    table.caption = "GEPA and COPRO join where they are installed (requirements/peers.in)."
    for one in comparison.rows:
        table.add_row(
            one.name,
            UNKNOWN if one.score is None else f"{one.score:.3f}",
            UNKNOWN if one.recovered_share is None else f"{one.recovered_share:.0%}",
            str(one.calls),
            f"{one.seconds:.0f} s",
            one.note,
        )
    return table


def table_of_aims(aims: Sequence[Aim]) -> Table:
    """Make the table of the aims, with what was measured, and what could have missed them."""
    table = _table("Figures to reach", "", "measured", "aim", "reached", "would be missed by")
    words = {True: "[green]yes[/]", False: "[red]no[/]", None: UNKNOWN}
    for aim in aims:
        sign = "at least" if aim.at_least else "at most"
        measured = _show_number(aim.measured, aim.unit)
        table.add_row(
            aim.name,
            show_rate(aim.rate) if aim.rate else measured,
            f"{sign} {_show_number(aim.limit, aim.unit)}",
            words[aim.reached],
            aim.could_miss,
        )
    return table


def show_rate(rate: Rate) -> str:
    """Show a rate with its interval."""
    if rate.share is None or rate.low is None or rate.high is None:
        return UNKNOWN
    return (
        f"{rate.count} of {rate.total}, {100 * rate.share:.1f} % "
        f"({100 * rate.low:.1f} to {100 * rate.high:.1f})"
    )


def show_interval(rate: Rate) -> str:
    """Show a count with the interval of its rate."""
    if rate.low is None or rate.high is None:
        return UNKNOWN
    return f"{rate.count} of {rate.total} ({100 * rate.low:.1f} to {100 * rate.high:.1f} %)"


def show_spread(spread: Spread, unit: str = "") -> str:
    """Show a median with the least and the most."""
    if spread.median is None:
        return UNKNOWN
    shown = [_show_number(value, unit) for value in (spread.median, spread.least, spread.most)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def _show_number(value: float | None, unit: str) -> str:
    if value is None:
        return UNKNOWN
    if unit == "%":
        return f"{100 * value:.0f} %" if value in (0, 1) else f"{100 * value:.1f} %"
    if unit == "s":
        return f"{value:.1f} s"
    return f"{value:g}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number and column != "kind" else "left")
    return table
