"""The parts of a run's report that its `detail` tells: evidence, fault, candidates, cost.

Any part of a detail may be missing, and its texts may be anyone's: what isn't there is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from selfheal.display.report.layout import (
    against,
    and_more,
    make_table,
    more_line,
    pair_counts,
    section,
    show_words,
)
from selfheal.display.verdict_rendering import INDENT, heading
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
    show_line,
)
from services.common.presentation.wordings import FAULTS

MAX_LISTED: Final = 10
STRATEGY_WIDTH: Final = 18

_COSTS: Final = {
    "worker_calls": "Worker calls",
    "judge_calls": "judge calls",
    "analyst_calls": "analyst calls",
    "model_calls": "model calls in all",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "seconds": "s",
}


def render_failures(detail: Detail) -> Iterator[RenderableType]:
    """Show what failed, how often, how surprising that is, and what was left out."""
    failures = read_part(detail, "failures")
    lines = [
        _failure_counts(failures),
        _listed("rules that failed", read_part(failures, "failed_rules")),
        _listed("answers that could not be scored", read_part(failures, "unscored")),
        _surprise(read_part(failures, "surprise")),
        _quarantine(read_records(detail, "quarantined")),
    ]
    yield from section("What failed", lines)


def _failure_counts(failures: Detail) -> str:
    count, scored = read_number(failures, "count"), read_number(failures, "scored")
    if count is None:
        return ""
    of = f" of {scored:g} scored answers" if scored is not None else " answers"
    parts = [f"{count:g}{of} failed"]
    minutes, mean = read_number(failures, "lookback_minutes"), read_number(failures, "mean_score")
    inputs, clusters = read_number(failures, "distinct_inputs"), read_number(failures, "clusters")
    if minutes is not None:
        parts[0] += f" within {minutes:g} minutes"
    if inputs is not None:
        ending = "" if clusters == 1 else "s"
        grouped = f" in {clusters:g} cluster{ending}" if clusters is not None else ""
        parts.append(f"{inputs:g} distinct input{'' if inputs == 1 else 's'}{grouped}")
    if mean is not None:
        parts.append(f"mean score {mean:.3f}")
    return "; ".join(parts)


def _surprise(surprise: Detail) -> str:
    p_value, rate = (read_number(surprise, name) for name in ("p_value", "baseline_failure_rate"))
    if p_value is None:
        return ""
    answers = read_number(surprise, "baseline_answers")
    known = f", known from {answers:g} answers" if answers is not None else ""
    if answers == 0:
        known = " (assumed: nothing is known yet)"
    usual = f"; usually {100 * rate:.3g} % fail{known}" if rate is not None else ""
    return f"so many by chance: p = {p_value:.2g}{usual}"


def _quarantine(rows: Sequence[Detail]) -> str:
    if not rows:
        return ""
    named = [
        f"{read_line(row, 'request_id', most=36)} ({show_words(row.get('reason', ''))})"
        for row in rows[:MAX_LISTED]
    ]
    return (
        f"left out as suspicious, {len(rows)}: {', '.join(named)}{and_more(len(rows), MAX_LISTED)}"
    )


def render_fault(attribution: Detail, otherwise: str) -> Iterator[RenderableType]:
    """Show whose fault it is, and why; `otherwise` stands in where the detail says nothing."""
    verdict = read_line(attribution, "verdict") or otherwise
    because = [f"- {show_line(one)}" for one in read_list(attribution, "because")[:MAX_LISTED]]
    if verdict or because:
        words = FAULTS.get(verdict, verdict)
        yield from section("Whose fault, and why we think so", [words, *because])


def render_candidates(candidates: Sequence[Detail]) -> Iterator[RenderableType]:
    """Show the candidates that were tried, and how they did on the choosing inputs."""
    if not candidates:
        return
    yield heading("What was tried (before -> after, on the inputs for choosing)")
    table = make_table(("strategy", ""), ("passes", "r"), ("mean score", "r"), ("won/lost", "r"))
    # Names of two words and more wrap: figures never do.
    table.columns[0].no_wrap, table.columns[0].max_width = False, STRATEGY_WIDTH
    table.add_column("why, or why it was refused", ratio=1, overflow="fold")
    for one in candidates[:MAX_LISTED]:
        refused = show_words(one.get("refused") or "")
        note = (
            Text(f"refused: {refused}", style="yellow")
            if refused
            else Text(read_line(one, "rationale", most=200))
        )
        table.add_row(
            Text(show_words(one.get("strategy", ""))),
            against(one, "passed", "incumbent_passed", of=read_number(one, "scored")),
            against(one, "mean_score", "incumbent_mean_score", digits=3),
            pair_counts(one),
            note,
        )
    yield Padding(table, INDENT)
    yield from more_line(len(candidates), MAX_LISTED)


def render_cost(cost: Detail) -> Iterator[RenderableType]:
    """Show what the run cost."""
    known = {name: read_number(cost, name) for name in _COSTS}
    if "worker_calls" in cost:
        # The sum tells nothing new beside its parts.
        known["model_calls"] = None
    for name in ("analyst_calls", "judge_calls"):
        known[name] = known[name] or None
    figures = [
        f"{value:,.{1 if name == 'seconds' else 0}f} {_COSTS[name]}"
        for name, value in known.items()
        if value is not None
    ]
    yield from section("What it cost", [", ".join(figures)])


def _listed(title: str, counts: Detail) -> str:
    figures = [(name, read_number(counts, name)) for name in counts]
    known = sorted(((count, name) for name, count in figures if count is not None), reverse=True)
    named = [f"{show_words(name)} {count:g}" for count, name in known[:MAX_LISTED]]
    return f"{title}: {', '.join(named)}{and_more(len(known), MAX_LISTED)}" if named else ""
