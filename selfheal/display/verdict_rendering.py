"""A verdict for a person: what was run, what came back, and why it scored as it did.

It is made from the `detail` of an evaluation. Its texts repeat what hostile answers named and
printed, and an older row's may lack any part: what isn't there is left out, and what is there is
shown as plain text.
"""

from collections.abc import Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.common.evaluation_detail import (
    CriterionDetail,
    EvaluationDetail,
    ExecutionDetail,
    JudgeDetail,
    ObservationDetail,
    RuleDetail,
)
from services.common.presentation.visible_text import make_visible, make_visible_line
from services.common.presentation.wordings import EXECUTION_STATUSES
from services.evaluator.app.services.scorer import JUDGE_WEIGHT, PASS_THRESHOLD, RULE_WEIGHT

MAX_BLOCK_CHARACTERS: Final = 4_000
REASONING_SHOWN: Final = 120
INDENT: Final = (0, 0, 0, 2)

# Outcomes of rules, verdicts of observations, and states of runs, by how they read.
_STYLES: Final = {
    **dict.fromkeys(("passed", "kept", "returned", "finished"), "green"),
    **dict.fromkeys(
        ("failed", "contradicted", "raised", "gave_none", "load_failed", "stopped"), "red"
    ),
    **dict.fromkeys(("inconclusive", "not_reached", "unavailable"), "yellow"),
}


def print_verdict(
    console: Console, *, score: float, passed: bool, detail: EvaluationDetail
) -> None:
    """Print a verdict and what it rests on."""
    for part in render_verdict(score=score, passed=passed, detail=detail):
        console.print(part, soft_wrap=False)


def render_verdict(
    *, score: float, passed: bool, detail: EvaluationDetail
) -> Iterator[RenderableType]:
    """Lay out a verdict, from the score to its reasons."""
    yield _headline(score, passed, detail)
    if detail.caveat:
        yield Text(make_visible_line(detail.caveat), style="yellow")
    yield from _reasoning(detail.reasoning)
    yield from _caps(detail)
    yield from _execution(detail.execution)
    yield from _rules(detail.rules)
    yield from _judge(detail.judge)
    if detail.evaluator.fingerprint:
        yield Text(f"\nEvaluator {make_visible_line(detail.evaluator.fingerprint)}", style="dim")


def heading(text: str) -> Text:
    """Make the heading of a part."""
    return Text(f"\n{text}", style="bold")


def block(text: str) -> RenderableType:
    """Lay out a text of several lines, cut where it is very long."""
    shown = make_visible(text[:MAX_BLOCK_CHARACTERS])
    if len(text) > MAX_BLOCK_CHARACTERS:
        shown += f"\n(cut: {len(text):,} characters in all)"
    return Padding(Text(shown), INDENT)


def _reasoning(text: str) -> Iterator[RenderableType]:
    """Show how reasoning began that was no part of the answer, on two lines at most."""
    if line := make_visible_line(text):
        shown = line[:REASONING_SHOWN] + ("…" if len(line) > REASONING_SHOWN else "")
        yield Text(f"reasoning, left out of the answer: {shown}", style="dim")


def _headline(score: float, passed: bool, detail: EvaluationDetail) -> Text:
    verdict = Text("passed" if passed else "failed", style="bold green" if passed else "bold red")
    rule, judge = detail.rule_score, detail.judge_score
    parts = ""
    if rule is not None and judge is not None:
        parts = f" = {RULE_WEIGHT:g} x {rule:.3f} (rules) + {JUDGE_WEIGHT:g} x {judge:.3f} (judge)"
    return Text.assemble(verdict, f" with {score:.3f}{parts}; {PASS_THRESHOLD:g} passes")


def _caps(detail: EvaluationDetail) -> Iterator[RenderableType]:
    if not detail.capped and not detail.cap_reasons:
        return
    yield heading("It can't pass, whatever else is right: both parts are capped at 0.4, since")
    for reason in detail.cap_reasons:
        yield Padding(Text(f"- {make_visible_line(reason)}"), INDENT)


def _execution(execution: ExecutionDetail) -> Iterator[RenderableType]:
    if not execution.model_fields_set:
        return
    status = execution.status
    words = EXECUTION_STATUSES.get(status, make_visible_line(status))
    reason = make_visible_line(execution.reason)
    yield heading("What was run")
    line = Text(words, style=_STYLES.get(status, ""))
    line.append(f" ({reason})" if reason else "", style="default")
    yield Padding(line, INDENT)
    if execution.observations:
        yield Padding(_observations(execution.observations), INDENT)
    if execution.output:
        cut = " (cut)" if execution.output_cut else ""
        yield heading(f"What it printed{cut}")
        yield block(execution.output)
    if execution.layers:
        yield Padding(Text(_held_in(execution), style="dim"), INDENT)


def _observations(observations: list[ObservationDetail]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("kind", "ran", "came back", "expected", "result"):
        table.add_column(title, overflow="fold")
    for one in observations:
        cells = [one.kind, one.ran, one.came_back, one.expected, one.verdict.replace("_", " ")]
        *known, result = [Text(make_visible_line(cell)) for cell in cells]
        result.style = _STYLES.get(one.verdict, "")
        table.add_row(*known, result)
    return table


def _held_in(execution: ExecutionDetail) -> str:
    layers = ", ".join(map(make_visible_line, execution.layers))
    time = f"; it took {execution.wall_ms:g} ms" if execution.wall_ms is not None else ""
    return f"held in by {make_visible_line(execution.backend or 'a sandbox')}: {layers}{time}"


def _rules(rules: list[RuleDetail]) -> Iterator[RenderableType]:
    if not rules:
        return
    yield heading(f"Rules ({RULE_WEIGHT:.0%} of the score)")
    table = _reasons_table("outcome")
    for rule in rules:
        style = _STYLES.get(rule.outcome, "dim")
        result = Text(make_visible_line(rule.outcome).replace("_", " "), style=style)
        table.add_row(*_named_weight(rule), result, Text(make_visible_line(rule.reason)))
    yield Padding(table, INDENT)


def _judge(judge: JudgeDetail) -> Iterator[RenderableType]:
    if not judge.model_fields_set:
        return
    given = f" gave {judge.score:.3f}" if judge.score is not None else ""
    yield heading(
        f"Judge ({JUDGE_WEIGHT:.0%} of the score): {make_visible_line(judge.name)}{given}"
    )
    if len(judge.judgements) > 1:
        each = " and ".join(f"{one:.3f}" for one in judge.judgements)
        apart = f"({judge.spread or 0:.3f} apart)"
        yield Padding(Text(f"so near to the line it was asked again: {each} {apart}"), INDENT)
    if judge.second_look:
        why = make_visible_line(judge.second_look)
        yield Padding(Text(f"a second look was due, and gave no grade: {why}"), INDENT)
    reason = make_visible_line(judge.reason)
    if judge.confidence is not None and judge.confidence < 1:
        reason += f" (its own confidence: {judge.confidence:.2f})"
    if reason:
        yield Padding(Text(reason), INDENT)
    if judge.criteria:
        table = _reasons_table("grade")
        for one in judge.criteria:
            shown = Text(f"{one.grade:.2f}" if one.grade is not None else "")
            table.add_row(*_named_weight(one), shown, Text(make_visible_line(one.reason)))
        yield Padding(table, INDENT)


def _reasons_table(result: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column(result, no_wrap=True)
    table.add_column("reason", overflow="fold")
    return table


def _named_weight(part: RuleDetail | CriterionDetail) -> tuple[Text, Text]:
    shown = f"{part.weight:.3f}".rstrip("0").rstrip(".") if part.weight is not None else ""
    return Text(shown), Text(make_visible_line(part.name).replace("_", " "))
