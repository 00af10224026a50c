"""A verdict for a person: what was run, what came back, and why it scored as it did.

It is made from the `detail` of an evaluation. Its texts repeat what hostile answers named and
printed, and an older row's may lack any part: whatever isn't there is left out, and whatever is
there is shown as plain text.
"""

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfheal.display.visible_text import make_visible, make_visible_line
from services.evaluator.app.services.scorer import JUDGE_WEIGHT, PASS_THRESHOLD, RULE_WEIGHT

MAX_BLOCK_CHARACTERS: Final = 4_000
INDENT: Final = (0, 0, 0, 2)

# Outcomes of rules, verdicts of observations, and states of runs, by how they read.
_STYLES: Final = {
    **dict.fromkeys(("passed", "kept", "returned", "finished"), "green"),
    **dict.fromkeys(
        ("failed", "contradicted", "raised", "gave_none", "load_failed", "stopped"), "red"
    ),
    **dict.fromkeys(("inconclusive", "not_reached", "unavailable"), "yellow"),
}
_STATUS_WORDS: Final = {
    "finished": "its code was loaded and run",
    "load_failed": "its code doesn't load",
    "inconclusive": "its code needs what the sandbox doesn't have",
    "stopped": "its code was stopped",
    "unavailable": "nothing was run: this machine has no safe sandbox",
    "not_run": "nothing was run",
}

Detail = dict[str, Any]


def print_verdict(console: Console, *, score: float, passed: bool, detail: Detail) -> None:
    """Print a verdict and what it rests on."""
    for part in render_verdict(score=score, passed=passed, detail=detail):
        console.print(part, soft_wrap=False)


def render_verdict(*, score: float, passed: bool, detail: Detail) -> Iterator[RenderableType]:
    """Lay out a verdict, from the score to its reasons."""
    yield _headline(score, passed, detail)
    yield from _caps(detail)
    yield from _execution(_part(detail, "execution"))
    yield from _rules(detail)
    yield from _judge(_part(detail, "judge"))
    yield from _origin(detail)


def heading(text: str) -> Text:
    """Make the heading of a part."""
    return Text(f"\n{text}", style="bold")


def block(text: str) -> RenderableType:
    """Lay out a text of several lines, cut where it is very long."""
    shown = make_visible(text[:MAX_BLOCK_CHARACTERS])
    if len(text) > MAX_BLOCK_CHARACTERS:
        shown += f"\n(cut: {len(text):,} characters in all)"
    return Padding(Text(shown), INDENT)


def _headline(score: float, passed: bool, detail: Detail) -> Text:
    verdict = Text("passed" if passed else "failed", style="bold green" if passed else "bold red")
    rule, judge = _number(detail, "rule_score"), _number(detail, "judge_score")
    parts = ""
    if rule is not None and judge is not None:
        parts = f" = {RULE_WEIGHT:g} x {rule:.3f} (rules) + {JUDGE_WEIGHT:g} x {judge:.3f} (judge)"
    return Text.assemble(verdict, f" with {score:.3f}{parts}; {PASS_THRESHOLD:g} passes")


def _caps(detail: Detail) -> Iterator[RenderableType]:
    reasons = [_line(reason) for reason in _list(detail, "cap_reasons")]
    if not detail.get("capped") and not reasons:
        return
    yield heading("It can't pass, whatever else is right: both parts are capped at 0.4, since")
    for reason in reasons:
        yield Padding(Text(f"- {reason}"), INDENT)


def _execution(execution: Detail) -> Iterator[RenderableType]:
    if not execution:
        return
    status = str(execution.get("status", ""))
    words = _STATUS_WORDS.get(status, _line(status))
    reason = _line(execution.get("reason", ""))
    yield heading("What was run")
    line = Text(words, style=_STYLES.get(status, ""))
    line.append(f" ({reason})" if reason else "", style="default")
    yield Padding(line, INDENT)
    observations = [one for one in _list(execution, "observations") if isinstance(one, dict)]
    if observations:
        yield Padding(_observations(observations), INDENT)
    printed = execution.get("output")
    if isinstance(printed, str) and printed:
        cut = " (cut)" if execution.get("output_cut") else ""
        yield heading(f"What it printed{cut}")
        yield block(printed)
    if execution.get("layers"):
        yield Padding(Text(_held_in(execution), style="dim"), INDENT)


def _observations(observations: list[Detail]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("kind", "ran", "came back", "expected", "result"):
        table.add_column(title, overflow="fold")
    for one in observations:
        verdict = str(one.get("verdict", ""))
        table.add_row(
            *(Text(_line(one.get(key, ""))) for key in ("kind", "ran", "came_back", "expected")),
            Text(_line(verdict).replace("_", " "), style=_STYLES.get(verdict, "")),
        )
    return table


def _held_in(execution: Detail) -> str:
    layers = ", ".join(_line(layer) for layer in _list(execution, "layers"))
    wall_ms = _number(execution, "wall_ms")
    time = f"; it took {wall_ms:g} ms" if wall_ms is not None else ""
    return f"held in by {_line(execution.get('backend', 'a sandbox'))}: {layers}{time}"


def _rules(detail: Detail) -> Iterator[RenderableType]:
    rules = [one for one in _list(detail, "rules") if isinstance(one, dict)]
    if not rules:
        return
    yield heading(f"Rules ({RULE_WEIGHT:.0%} of the score)")
    table = _reasons_table("outcome")
    for rule in rules:
        outcome = str(rule.get("outcome", ""))
        result = Text(_line(outcome).replace("_", " "), style=_STYLES.get(outcome, "dim"))
        table.add_row(*_named_weight(rule), result, Text(_line(rule.get("reason", ""))))
    yield Padding(table, INDENT)


def _judge(judge: Detail) -> Iterator[RenderableType]:
    if not judge:
        return
    grade = _number(judge, "score")
    given = f" gave {grade:.3f}" if grade is not None else ""
    name = _line(judge.get("name", "unknown"))
    yield heading(f"Judge ({JUDGE_WEIGHT:.0%} of the score): {name}{given}")
    grades = [one for one in _list(judge, "judgements") if isinstance(one, int | float)]
    if len(grades) > 1:
        each = " and ".join(f"{one:.3f}" for one in grades)
        spread = _number(judge, "spread") or 0.0
        yield Padding(Text(f"so near to the line it was asked again: {each} ({spread:.3f} apart)"),
                      INDENT)  # fmt: skip
    reason = _line(judge.get("reason", ""))
    confidence = _number(judge, "confidence")
    if confidence is not None and confidence < 1:
        reason += f" (its own confidence: {confidence:.2f})"
    if reason:
        yield Padding(Text(reason), INDENT)
    criteria = [one for one in _list(judge, "criteria") if isinstance(one, dict)]
    if criteria:
        table = _reasons_table("grade")
        for one in criteria:
            value = _number(one, "grade")
            shown = Text(f"{value:.2f}" if value is not None else "")
            table.add_row(*_named_weight(one), shown, Text(_line(one.get("reason", ""))))
        yield Padding(table, INDENT)


def _origin(detail: Detail) -> Iterator[RenderableType]:
    fingerprint = _line(_part(detail, "evaluator").get("fingerprint", ""))
    if fingerprint:
        yield Text(f"\nEvaluator {fingerprint}", style="dim")


def _reasons_table(result: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column(result, no_wrap=True)
    table.add_column("reason", overflow="fold")
    return table


def _named_weight(record: Detail) -> tuple[Text, Text]:
    weight = _number(record, "weight")
    shown = f"{weight:.3f}".rstrip("0").rstrip(".") if weight is not None else ""
    return Text(shown), Text(_line(record.get("name", "")).replace("_", " "))


def _line(value: object) -> str:
    return make_visible_line(str(value))


def _part(detail: Detail, name: str) -> Detail:
    part = detail.get(name)
    return part if isinstance(part, dict) else {}


def _list(detail: Detail, name: str) -> list[Any]:
    part = detail.get(name)
    return part if isinstance(part, list) else []


def _number(detail: Detail, name: str) -> float | None:
    value = detail.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
