"""Shows what the plays with the noisy model say, a table a question."""

from collections.abc import Mapping
from typing import Final

from rich.table import Table

from benchmarks.healing.noisy.figures import MOST_ANSWERS_IN_HARM, NO_VERDICT, NoisyFigures
from benchmarks.healing.noisy.plays import EVALUATOR, INPUT, MODEL, NOBODY, PROMPT, PROVIDER
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.reporting.tables import show_rate, show_spread

VERDICTS: Final = (PROMPT, MODEL, INPUT, EVALUATOR, PROVIDER, NOBODY, NO_VERDICT)


def table_of_model(shares: Mapping[str, Mapping[str, float]]) -> Table:
    """Show what good prompts earn, and how much the model doesn't know."""
    table = _table(
        "The noisy model: true shares under a good prompt", "", *next(iter(shares.values()))
    )
    for name, row in shares.items():
        table.add_row(name, *(f"{value:.0%}" for value in row.values()))
    return table


def table_of_ties(figures: NoisyFigures) -> Table:
    """Show what the gate does where no candidate is better."""
    table = _table("Under a tie: is anything promoted that is no better?", "", "measured")
    table.add_row("decisions of the gate that promoted", show_rate(figures.ties))
    table.add_row("incidents in which one did", show_rate(figures.tie_incidents))
    table.add_row("a greater mean on 20 inputs would have", show_rate(figures.ties_by_fixed_gate))
    table.add_row("the naive healer would have", "always", end_section=True)
    table.add_row("of all that passed the gate, no better in truth", show_rate(figures.no_better))
    table.add_row("  of these, better in the Evaluator's eyes", show_rate(figures.only_seen))
    table.caption = (
        "A tie: as many right answers as the incumbent and the same mean score, by the model's "
        "construction. Each decision could have been a promotion."
    )
    return table


def table_of_harm(figures: NoisyFigures) -> Table:
    """Show what stopped candidates that do harm, and when."""
    table = _table("Harmful candidates: over a tenth of the right answers lost", "", *figures.harm)
    columns = figures.harm.values()
    table.add_row("came before the gate", *(str(one.judged) for one in columns))
    table.add_row("stopped by the gate", *(str(one.by_gate) for one in columns))
    table.add_row("by the canary", *(str(one.by_canary) for one in columns))
    table.add_row("by the watch, or the next heal", *(str(one.by_watch) for one in columns))
    table.add_row("in their canary in the end", *(str(one.undecided) for one in columns))
    table.add_row("served everybody in the end", *(str(one.unstopped) for one in columns))
    table.add_row(
        f"served over 10 % for over {MOST_ANSWERS_IN_HARM} answers",
        *(show_rate(one.served_long) for one in columns),
    )
    table.add_row("answers while over 10 %", *(show_spread(one.answers) for one in columns))
    table.add_row("wrong ones at any share", *(show_spread(one.wrong) for one in columns))
    table.add_row("a greater mean on 20 lets pass", *(show_rate(one.fixed_gate) for one in columns))
    table.add_row("the naive healer lets pass", *(show_rate(one.naive) for one in columns))
    return table


def table_of_recovery(figures: NoisyFigures) -> Table:
    """Show whether regressions are won back, in truth."""
    table = _table("Regressions: are they won back, in truth?", "", *figures.recovery)
    columns = figures.recovery.values()
    table.add_row("recovered within the incident", *(show_rate(one.recovered) for one in columns))
    table.add_row("  by the first run", *(show_rate(one.at_first) for one in columns))
    table.add_row("  as the Evaluator sees it", *(show_rate(one.seen) for one in columns))
    table.add_row("  by the naive healer", *(show_rate(one.naive) for one in columns))
    table.add_row("earns more than no prompt", *(show_rate(one.beats_empty) for one in columns))
    table.add_row(
        "earns more than the last text", *(show_rate(one.beats_last_good) for one in columns)
    )
    table.add_row(
        "right answers beyond no prompt", *(show_spread(one.over_empty, "%") for one in columns)
    )
    table.add_row(
        "right answers beyond the last text",
        *(show_spread(one.over_last_good, "%") for one in columns),
    )
    table.caption = (
        "Recovered: 90 % of what the last text before the bad one earns, or without history the "
        "best known prompt."
    )
    return table


def table_of_innocent(figures: NoisyFigures) -> Table:
    """Show whether prompts are left alone that aren't to blame."""
    table = _table("Prompts that aren't to blame", "", "changed for one that is no better")
    for name, rate in figures.changed.items():
        table.add_row(name, show_rate(rate))
    return table


def table_of_blame(figures: NoisyFigures) -> Table:
    """Show what the first run of an incident blamed, by what is to blame."""
    table = _table("Whose fault it is (rows), and what was said first", "", *VERDICTS, "recall")
    for fault, counts in figures.blamed.items():
        counted = (str(counts[verdict]) for verdict in VERDICTS)
        table.add_row(fault, *counted, _show_share(figures.recall[fault]))
    precisions = (_show_share(figures.precision.get(verdict)) for verdict in VERDICTS[:-1])
    table.add_row("precision", *precisions)
    table.caption = (
        "Of incidents that were looked into, by their first run. Recall: of those of a row, that "
        "it was said. Precision: of those in which it was said, that it is so; it hangs on how "
        "many incidents of each kind are played."
    )
    return table


def _show_share(rate: Rate | None) -> str:
    return "" if rate is None or rate.share is None else f"{rate.share:.2f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
