"""The proof in a run's report: what the replays showed, and what live traffic did."""

from collections.abc import Iterator
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
from selfheal.display.verdict_rendering import INDENT
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
    show_line,
)
from services.common.presentation.wordings import CONTROLS

MAX_PAIRS: Final = 6
MAX_INPUT_CHARACTERS: Final = 120


def render_decision(detail: Detail) -> Iterator[RenderableType]:
    """Show what was decided under which error rate, with the pairs behind it."""
    decision = read_part(detail, "verdict")
    if not decision:
        return
    lines = [_outcome(decision), _gains(decision), _guards(read_part(decision, "guards")),
             _control(read_part(decision, "control")), _evaluators(decision)]  # fmt: skip
    yield from section("The verdict, on inputs that had no part in choosing", lines)
    pairs = read_records(decision, "pairs")
    if not pairs:
        return
    used = read_part(read_part(detail, "inputs"), "used")
    table = make_table(("before", "r"), ("after", "r"))
    table.add_column("input", ratio=1, overflow="ellipsis", no_wrap=True)
    for pair in pairs[:MAX_PAIRS]:
        key = str(pair.get("input_id", ""))
        text = read_line(read_part(used, key), "text", most=MAX_INPUT_CHARACTERS)
        table.add_row(
            _score(pair, "incumbent"),
            _score(pair, "candidate"),
            Text(text or show_line(key, most=MAX_INPUT_CHARACTERS)),
        )
    yield Padding(table, INDENT)
    yield from more_line(len(pairs), MAX_PAIRS)


def _outcome(decision: Detail) -> str:
    strategy = show_words(decision.get("strategy") or "")
    reason = show_words(decision.get("reason") or "")
    said = f"{strategy}: {reason}" if strategy and reason else strategy or reason
    return "; ".join(filter(None, [said, _evidence(decision, "worthless candidates gets through")]))


def _evidence(record: Detail, mistake: str, *, of: str = "") -> str:
    """Write a p-value beside what is asked of it and what that keeps from happening."""
    e_value, p_value, alpha = (
        read_number(record, name) for name in (f"{of}e_value", f"{of}p_value", "alpha")
    )
    if not p_value:
        return ""
    said = f"; its bet reached {1 / p_value:.3g}"
    if e_value is not None:
        said += f", and stood at {e_value:.3g} in the end (e-value)"
    if alpha and mistake:
        asked = f", where at most {alpha:g} is asked for: so at most 1 in {1 / alpha:.3g} {mistake}"
        said = asked + said
    return f"p = {p_value:.2g}{said}"


def _gains(decision: Detail) -> str:
    pairs = len(read_records(decision, "pairs"))
    of = pairs if pairs else None
    parts = [
        ("passes", against(decision, "candidate_passed", "incumbent_passed", of=of)),
        ("mean score", against(decision, "candidate_mean", "incumbent_mean", digits=3)),
        ("won/lost", pair_counts(decision)),
    ]
    return "; ".join(f"{name} {value}" for name, value in parts if value)


def _guards(guards: Detail) -> str:
    checked = read_number(guards, "checked")
    if not checked:
        return ""
    failing = [show_line(one, most=60) for one in read_list(guards, "newly_failing")]
    allowed = read_number(guards, "allowed")
    limit = f", {allowed:g} allowed" if allowed is not None else ""
    named = f" ({', '.join(failing[:3])}{and_more(len(failing), 3)})" if failing else ""
    return f"of {checked:g} inputs that passed lately, {len(failing)} newly fail{limit}{named}"


def _control(control: Detail) -> str:
    label, mean = read_line(control, "label"), read_number(control, "mean")
    scored, passed = read_number(control, "scored"), read_number(control, "passed")
    if not label or scored == 0:
        return ""
    inputs = f" on {scored:g} of these inputs" if scored is not None else ""
    figures = [
        f"{passed:g} pass" if passed is not None else "",
        f"mean {mean:.3f}" if mean is not None else "",
    ]
    shown = ", ".join(filter(None, figures))
    found = f": {shown}" if shown else ""
    return f"an empty prompt{inputs}{found}; so this is {CONTROLS.get(label, label)}"


def _evaluators(decision: Detail) -> str:
    names = [show_line(one, most=32) for one in read_list(decision, "evaluator_fingerprints")]
    if not names:
        return ""
    return f"scored by evaluator {', '.join(names[:4])}{and_more(len(names), 4)}"


def render_watch_result(watch: Detail) -> Iterator[RenderableType]:
    """Show what live traffic said of a promotion, where that led to a rollback."""
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
    evidence = _evidence(watch, "promotions that did no worse is undone")
    if evidence:
        lines.append(f"evidence that it is worse: {evidence}")
    replayed, evidence = read_number(watch, "replayed"), _evidence(watch, "", of="replay_")
    if replayed and evidence:
        lines.append(
            f"run again under both texts, {replayed:g} of its live inputs agree: {evidence}"
        )
    yield from section("What live traffic showed", lines)


def _score(pair: Detail, name: str) -> str:
    value = read_number(pair, name)
    return f"{value:.3f}" if value is not None else ""
