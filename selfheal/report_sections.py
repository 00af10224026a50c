"""The parts of a run's report that its `detail` tells: evidence, candidates, verdict, cost.

Any part of a detail may be missing, and its texts may be anyone's: what isn't there is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfheal.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
    show_line,
)
from selfheal.verdict_rendering import INDENT, heading

MAX_PAIRS: Final = 12
MAX_LISTED: Final = 10
MAX_INPUT_CHARACTERS: Final = 120

_FAULTS: Final = {
    "prompt": "The prompt is at fault.",
    "provider": "The model's provider is at fault, not the prompt.",
    "evaluator": "The Evaluator is at fault, not the prompt.",
    "input": "A few odd inputs are at fault, not the prompt.",
    "drift": "The model has changed: a prompt that once served well fails now.",
    "unknown": "Nobody knows whose fault it is.",
}
_CONTROLS: Final = {
    "reset": "a reset: it is not shown to do better than no prompt at all",
    "learned": "learned: it does better than no prompt at all",
    "unlabelled": "neither clearly a reset nor clearly learned",
}


def render_failures(detail: Detail) -> Iterator[RenderableType]:
    """What failed, how often, how surprising that is, and what was left out."""
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
    usual = f"; usually {rate:.1%} fail" if rate is not None else ""
    known = f", known from {answers:g} answers" if usual and answers is not None else ""
    return f"so many by chance: p = {p_value:.2g}{usual}{known}"


def _quarantine(rows: Sequence[Detail]) -> str:
    if not rows:
        return ""
    named = [
        f"{read_line(row, 'request_id', most=36)} ({show_words(row.get('reason', ''))})"
        for row in rows[:MAX_LISTED]
    ]
    return f"left out as suspicious, {len(rows)}: {', '.join(named)}{_rest(len(rows), MAX_LISTED)}"


def render_fault(attribution: Detail, otherwise: str) -> Iterator[RenderableType]:
    """Whose fault it is, and why; `otherwise` is the verdict where the detail has none."""
    verdict = read_line(attribution, "verdict") or otherwise
    because = [f"- {show_line(one)}" for one in read_list(attribution, "because")[:MAX_LISTED]]
    if verdict or because:
        words = _FAULTS.get(verdict, verdict)
        yield from section("Whose fault, and why we think so", [words, *because])


def render_candidates(candidates: Sequence[Detail]) -> Iterator[RenderableType]:
    """What was tried, and how it did on the choosing inputs."""
    if not candidates:
        return
    yield heading("What was tried (the candidate's against the incumbent's, on the same inputs)")
    table = _table(("strategy", ""), ("passes", "r"), ("mean score", "r"), ("won/lost", "r"))
    table.add_column("why, or why it was refused", overflow="fold")
    for one in candidates[:MAX_LISTED]:
        refused = show_words(one.get("refused") or "")
        note = (
            Text(f"refused: {refused}", style="yellow")
            if refused
            else Text(read_line(one, "rationale", most=200))
        )
        table.add_row(
            Text(show_words(one.get("strategy", ""))),
            _against(one, "passed", "incumbent_passed", of=read_number(one, "scored")),
            _against(one, "mean_score", "incumbent_mean_score", digits=3),
            _pair_counts(one),
            note,
        )
    yield Padding(table, INDENT)
    if len(candidates) > MAX_LISTED:
        yield Padding(Text(_rest(len(candidates), MAX_LISTED).strip(" ,")), INDENT)


def render_verdict(detail: Detail) -> Iterator[RenderableType]:
    """What was decided under which error rate, with the pairs behind it."""
    verdict = read_part(detail, "verdict")
    if not verdict:
        return
    lines = [_decision(verdict), _gains(verdict), _guards(read_part(verdict, "guards")),
             _control(read_part(verdict, "control")), _evaluators(verdict)]  # fmt: skip
    yield from section("The verdict, on inputs that had no part in choosing", lines)
    pairs = read_records(verdict, "pairs")
    if not pairs:
        return
    used = read_part(read_part(detail, "inputs"), "used")
    table = _table(("before", "r"), ("after", "r"))
    table.add_column("input", overflow="ellipsis", no_wrap=True)
    for pair in pairs[:MAX_PAIRS]:
        key = str(pair.get("input_id", ""))
        text = read_line(read_part(used, key), "text", most=MAX_INPUT_CHARACTERS)
        table.add_row(
            _score(pair, "incumbent"),
            _score(pair, "candidate"),
            Text(text or show_line(key, most=MAX_INPUT_CHARACTERS)),
        )
    yield Padding(table, INDENT)
    if len(pairs) > MAX_PAIRS:
        yield Padding(Text(_rest(len(pairs), MAX_PAIRS).strip(" ,")), INDENT)


def _decision(verdict: Detail) -> str:
    strategy = show_words(verdict.get("strategy") or "")
    reason = show_words(verdict.get("reason") or "")
    said = f"{strategy}: {reason}" if strategy and reason else strategy or reason
    e_value, alpha = read_number(verdict, "e_value"), read_number(verdict, "alpha")
    p_value = read_number(verdict, "p_value")
    if e_value is not None:
        needed = f", {1 / alpha:.3g} is needed (alpha {alpha:g})" if alpha else ""
        return f"{said}; evidence {e_value:.3g}{needed}"
    return f"{said}; p = {p_value:.2g}" if p_value is not None else said


def _gains(verdict: Detail) -> str:
    pairs = len(read_records(verdict, "pairs"))
    of = pairs if pairs else None
    parts = [
        ("passes", _against(verdict, "candidate_passed", "incumbent_passed", of=of)),
        ("mean score", _against(verdict, "candidate_mean", "incumbent_mean", digits=3)),
        ("won/lost", _pair_counts(verdict)),
    ]
    return "; ".join(f"{name} {value}" for name, value in parts if value)


def _guards(guards: Detail) -> str:
    checked = read_number(guards, "checked")
    if checked is None:
        return ""
    failing = [show_line(one, most=60) for one in read_list(guards, "newly_failing")]
    allowed = read_number(guards, "allowed")
    limit = f", {allowed:g} allowed" if allowed is not None else ""
    named = f" ({', '.join(failing[:3])}{_rest(len(failing), 3)})" if failing else ""
    return f"of {checked:g} inputs that passed lately, {len(failing)} newly fail{limit}{named}"


def _control(control: Detail) -> str:
    label, mean = read_line(control, "label"), read_number(control, "mean")
    if not label:
        return ""
    scored, passed = read_number(control, "scored"), read_number(control, "passed")
    of = f"{passed:g} of {scored:g} pass" if None not in (scored, passed) else ""
    figures = [of, f"mean {mean:.3f}" if mean is not None else ""]
    shown = ", ".join(filter(None, figures))
    return (
        f"the empty prompt: {shown + '; ' if shown else ''}so this is {_CONTROLS.get(label, label)}"
    )


def _evaluators(verdict: Detail) -> str:
    names = [show_line(one, most=32) for one in read_list(verdict, "evaluator_fingerprints")]
    if not names:
        return ""
    return f"scored by evaluator {', '.join(names[:4])}{_rest(len(names), 4)}"


def render_watch_result(watch: Detail) -> Iterator[RenderableType]:
    """What live traffic said of a promotion, where that led to a rollback."""
    lines = []
    for name, whose in (("", "the watched version"), ("before_", "the version before it")):
        version, answers = (
            read_number(watch, f"{name}version"),
            read_number(watch, f"{name}answers"),
        )
        mean = read_number(watch, f"{name}mean")
        if mean is not None:
            over = f" over {answers:g} answers" if answers is not None else ""
            called = f" ({version:g})" if version is not None else ""
            lines.append(f"{whose}{called}: mean score {mean:.3f}{over}")
    e_value, alpha = read_number(watch, "e_value"), read_number(watch, "alpha")
    if e_value is not None:
        needed = f", {1 / alpha:.3g} is needed (alpha {alpha:g})" if alpha else ""
        lines.append(f"evidence that it is worse: {e_value:.3g}{needed}")
    yield from section("What live traffic showed", lines)


def render_cost(cost: Detail) -> Iterator[RenderableType]:
    """What the run cost."""
    names = (
        ("worker_calls", "Worker calls"),
        ("analyst_calls", "analyst calls"),
        ("model_calls", "model calls in all"),
        ("input_tokens", "tokens in"),
        ("output_tokens", "tokens out"),
        ("seconds", "s"),
    )
    figures = [
        f"{value:,.1f} {words}" if name == "seconds" else f"{value:,.0f} {words}"
        for name, words in names
        if (value := read_number(cost, name)) is not None
    ]
    yield from section("What it cost", [", ".join(figures)])


def section(title: str, lines: Sequence[str]) -> Iterator[RenderableType]:
    """A heading and its lines, if there are any."""
    shown = [line for line in lines if line]
    if shown:
        yield heading(title)
        for line in shown:
            yield Padding(Text(line), INDENT)


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title, side in columns:
        table.add_column(title, justify="right" if side == "r" else "left", no_wrap=True)
    return table


def _listed(title: str, counts: Detail) -> str:
    figures = [(name, read_number(counts, name)) for name in counts]
    known = sorted(((count, name) for name, count in figures if count is not None), reverse=True)
    named = [f"{show_words(name)} {count:g}" for count, name in known[:MAX_LISTED]]
    return f"{title}: {', '.join(named)}{_rest(len(known), MAX_LISTED)}" if named else ""


def _against(
    record: Detail, ours: str, theirs: str, *, digits: int = 0, of: float | None = None
) -> str:
    after, before = read_number(record, ours), read_number(record, theirs)
    if after is None and before is None:
        return ""
    shown = (f"{one:.{digits}f}" if one is not None else "?" for one in (before, after))
    return " -> ".join(shown) + (f" of {of:g}" if of is not None else "")


def _pair_counts(record: Detail) -> str:
    wins, losses = read_number(record, "wins"), read_number(record, "losses")
    return f"{wins:g}/{losses:g}" if wins is not None and losses is not None else ""


def _score(pair: Detail, name: str) -> str:
    value = read_number(pair, name)
    return f"{value:.3f}" if value is not None else ""


def _rest(count: int, shown: int) -> str:
    return f", and {count - shown} more" if count > shown else ""


def show_words(code: object) -> str:
    """A code as words."""
    return show_line(code).replace("_", " ")
