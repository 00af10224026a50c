"""The report as one HTML file: no scripts, nothing from outside."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from grading.reporting.plots import plot_dimensions, plot_latency, plot_scores
from grading.reporting.texts import Texts, describe_outcome, list_target, make_visible
from grading.result import FULL_MARKS, Cycle, GradedRequest, Report

STYLE: Final = Path(__file__).parent / "style.css"
EXCERPT_CHARACTERS: Final = 120
TAIL_LINES: Final = 12
_CODE: Final = re.compile(r"`([^`]+)`")


def render_html(report: Report, texts: Texts) -> str:
    """Render the report as one HTML page."""
    title = escape(texts.label("title"))
    body = "\n".join(
        [
            _render_head(report, texts, title),
            plot_dimensions(report, texts),
            *_render_deductions(report, texts),
            *_render_cheating(report, texts),
            f"<h2>{escape(texts.label('cycles'))}</h2>",
            plot_scores(report, texts),
            plot_latency(report, texts),
            *_render_cycles(report, texts),
            *_render_insights(report, texts),
            *_render_criteria(report, texts),
            *_render_target(report, texts),
        ]
    )
    return (
        f'<!doctype html>\n<html lang="{texts.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}: {report.score:g} ({report.grade})</title>\n"
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _render_head(report: Report, texts: Texts, title: str) -> str:
    meaning = escape(texts.label(f"meaning_{report.grade}"))
    when = f"{escape(texts.label('graded'))}: {escape(report.finished_at)}"
    return (
        f'<header><h1>{title}</h1><div class="grade {report.grade.lower()}">{report.grade}</div>'
        f'<div><div class="total">{report.score:g} / {FULL_MARKS}</div>'
        f'<p class="meaning">{meaning}</p><p class="when">{when}</p></div></header>'
    )


def _render_deductions(report: Report, texts: Texts) -> Iterator[str]:
    yield f"<h2>{escape(texts.label('lost'))}</h2>"
    if not any(dimension.deductions for dimension in report.dimensions):
        yield f'<p class="good">{escape(texts.label("nothing_lost"))}</p>'
    for dimension in report.dimensions:
        if not dimension.deductions:
            continue
        title = escape(texts.dimension(dimension.name, "title"))
        full = escape(texts.dimension(dimension.name, "full"))
        yield f"<h3>{title} ({dimension.points:g} / {dimension.max_points})</h3>"
        yield f'<p class="soft">{escape(texts.label("full_marks"))}: {full}</p>'
        for deduction in dimension.deductions:
            yield (
                f'<div class="deduction"><p><b>-{deduction.points:g}</b>'
                f"{texts.deduction(deduction, escape)}</p>"
                f'<p class="soft">{escape(texts.label("what_to_do"))}: '
                f"{_with_code(texts.hint(deduction.hint))}</p></div>"
            )


def _render_cheating(report: Report, texts: Texts) -> Iterator[str]:
    if report.cheating:
        yield f"<h2>{escape(texts.label('cheating'))}</h2>"
    for cheating in report.cheating:
        yield f'<div class="deduction proven"><p>{texts.cheating(cheating, escape)}</p></div>'


def _render_cycles(report: Report, texts: Texts) -> Iterator[str]:
    yield from _render_requests(texts.label("with_seed"), report.healthy, texts)
    for cycle in report.cycles:
        yield from _render_cycle(cycle, texts)


def _render_cycle(cycle: Cycle, texts: Texts) -> Iterator[str]:
    yield f"<h3>{escape(texts.label('cycle', number=cycle.number))}</h3>"
    bad = texts.label("bad_prompt", version=cycle.bad_prompt.version)
    yield f"<p>{escape(bad)}: <code>{_show(cycle.bad_prompt.content, 400)}</code></p>"
    yield from _render_requests(texts.label("with_bad"), cycle.before, texts)
    run = cycle.optimizer
    outcome = describe_outcome(texts, exit_code=run.exit_code, problem=run.problem)
    yield f"<p>{escape(texts.label('optimizer_run', outcome=outcome, seconds=run.seconds))}</p>"
    if run.tail.strip():
        lines = run.tail.strip().splitlines()[-TAIL_LINES:]
        shown = "\n".join(_show(line, 400) for line in lines)
        label = escape(texts.label("optimizer_output"))
        yield f"<details><summary>{label}</summary><pre>{shown}</pre></details>"
    if cycle.healed_prompt is None:
        yield f'<p class="none">{escape(texts.label("not_replaced"))}</p>'
    else:
        healed = texts.label("healed_prompt", version=cycle.healed_prompt.version)
        shown = _show(cycle.healed_prompt.content, 2000)
        yield f"<details><summary>{escape(healed)}</summary><pre>{shown}</pre></details>"
    yield from _render_requests(texts.label("after_heal"), cycle.after, texts)


def _render_requests(title: str, requests: Sequence[GradedRequest], texts: Texts) -> Iterator[str]:
    heads = ("request", "score", "passed", "version", "latency", "answer")
    yield f'<details><summary>{escape(title)}</summary><div class="scroll"><table><tr>'
    yield "".join(f"<th>{escape(texts.label(head))}</th>" for head in heads) + "</tr>"
    for one in requests:
        kind = "good" if one.passed else "none"
        yield (
            f"<tr><td>{_show(one.task, 80)}</td>"
            f'<td class="number {kind}">{escape(texts.fact(one.score))}</td>'
            f"<td>{escape(texts.fact(one.passed))}</td>"
            f'<td class="number">{escape(texts.fact(one.prompt_version))}</td>'
            f'<td class="number">{one.latency_ms:.0f} ms</td>'
            f"<td><code>{_show(one.error or one.excerpt, EXCERPT_CHARACTERS)}</code></td></tr>"
        )
    yield "</table></div></details>"


def _render_insights(report: Report, texts: Texts) -> Iterator[str]:
    if report.insights:
        items = "".join(f"<li>{texts.insight(one, escape)}</li>" for one in report.insights)
        yield f"<h2>{escape(texts.label('insights'))}</h2><ul>{items}</ul>"


def _render_criteria(report: Report, texts: Texts) -> Iterator[str]:
    heads = ("dimension", "points", "measured", "full_marks")
    cells = "".join(f"<th>{escape(texts.label(head))}</th>" for head in heads)
    yield f'<h2>{escape(texts.label("dimension"))}</h2><div class="scroll"><table><tr>{cells}</tr>'
    for one in report.dimensions:
        title, measured, full = (
            escape(texts.dimension(one.name, what)) for what in ("title", "measured", "full")
        )
        yield (
            f'<tr><td>{title}</td><td class="number">{one.max_points}</td><td>{measured}</td>'
            f"<td>{full}</td></tr>"
        )
    yield "</table></div>"


def _render_target(report: Report, texts: Texts) -> Iterator[str]:
    yield f"<h2>{escape(texts.label('target'))}</h2>"
    yield '<div class="scroll"><table>'
    for name, value in list_target(report, texts):
        yield f"<tr><th>{escape(name)}</th><td>{_show(value, 400)}</td></tr>"
    yield "</table></div>"
    if report.backup:
        yield f'<p class="soft">{escape(texts.label("backup", path=report.backup))}</p>'


def _show(text: str, most: int) -> str:
    return escape(make_visible(text, most=most))


def _with_code(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))
