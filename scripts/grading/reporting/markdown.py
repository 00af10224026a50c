"""The report as Markdown."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from grading.reporting.texts import Texts, describe_outcome, list_target, make_visible
from grading.result import FULL_MARKS, Cycle, GradedRequest, Report

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~<>])")
EXCERPT_CHARACTERS: Final = 60


def escape_markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, HTML included."""
    return _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;")).replace("\\<", "&lt;")


def render_markdown(report: Report, texts: Texts) -> str:
    """Render the report as Markdown."""
    meaning = texts.label(f"meaning_{report.grade}")
    total = f"{texts.label('total')}: {report.score:g} / {FULL_MARKS}"
    grade = f"{texts.label('grade')}: {report.grade}"
    lines = [
        f"# {texts.label('title')}",
        "",
        f"**{total}. {grade}** ({meaning})",
        "",
        f"{texts.label('graded')}: {report.started_at} – {report.finished_at}",
        "",
        *_render_dimensions(report, texts),
        *_render_deductions(report, texts),
        *_render_list(texts.label("cheating"), [
            texts.cheating(one, escape_markdown) for one in report.cheating
        ]),
        *_render_cycles(report, texts),
        *_render_list(texts.label("insights"), [
            texts.insight(one, escape_markdown) for one in report.insights
        ]),
        *_render_target(report, texts),
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def _render_dimensions(report: Report, texts: Texts) -> Iterator[str]:
    heads = ("dimension", "points", "measured", "full_marks")
    yield "| " + " | ".join(texts.label(head) for head in heads) + " |"
    yield "|---|---:|---|---|"
    for one in report.dimensions:
        title = texts.dimension(one.name, "title")
        measured, full = (texts.dimension(one.name, what) for what in ("measured", "full"))
        yield f"| {title} | {one.points:g} / {one.max_points} | {measured} | {full} |"
    yield ""


def _render_deductions(report: Report, texts: Texts) -> Iterator[str]:
    yield f"## {texts.label('lost')}\n"
    if not any(one.deductions for one in report.dimensions):
        yield texts.label("nothing_lost") + "\n"
    for dimension in report.dimensions:
        if not dimension.deductions:
            continue
        yield f"### {texts.dimension(dimension.name, 'title')}\n"
        for deduction in dimension.deductions:
            sentence = texts.deduction(deduction, escape_markdown)
            yield f"- **-{deduction.points:g}** {sentence}"
            yield f"  - {texts.label('what_to_do')}: {texts.hint(deduction.hint)}"
        yield ""


def _render_list(title: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield f"## {title}\n"
        yield from (f"- {sentence}" for sentence in sentences)
        yield ""


def _render_cycles(report: Report, texts: Texts) -> Iterator[str]:
    yield f"## {texts.label('cycles')}\n"
    yield from _render_requests(texts.label("with_seed"), report.healthy, texts)
    for cycle in report.cycles:
        yield from _render_cycle(cycle, texts)


def _render_cycle(cycle: Cycle, texts: Texts) -> Iterator[str]:
    yield f"### {texts.label('cycle', number=cycle.number)}\n"
    bad = texts.label("bad_prompt", version=cycle.bad_prompt.version)
    yield f"{bad}: {_show(cycle.bad_prompt.content)}\n"
    yield from _render_requests(texts.label("with_bad"), cycle.before, texts)
    run = cycle.optimizer
    outcome = describe_outcome(texts, exit_code=run.exit_code, problem=run.problem)
    yield texts.label("optimizer_run", outcome=outcome, seconds=run.seconds) + "\n"
    if cycle.healed_prompt is None:
        yield texts.label("not_replaced") + "\n"
    else:
        healed = texts.label("healed_prompt", version=cycle.healed_prompt.version)
        yield f"{healed}: {_show(cycle.healed_prompt.content)}\n"
    yield from _render_requests(texts.label("after_heal"), cycle.after, texts)


def _render_requests(title: str, requests: Sequence[GradedRequest], texts: Texts) -> Iterator[str]:
    heads = ("request", "score", "passed", "version", "latency", "answer")
    yield f"**{title}**\n"
    yield "| " + " | ".join(texts.label(head) for head in heads) + " |"
    yield "|---|---:|---|---:|---:|---|"
    for one in requests:
        cells = (
            _show(one.task),
            texts.fact(one.score),
            texts.fact(one.passed),
            texts.fact(one.prompt_version),
            f"{one.latency_ms:.0f} ms",
            _show(one.error or one.excerpt, EXCERPT_CHARACTERS),
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _render_target(report: Report, texts: Texts) -> Iterator[str]:
    yield f"## {texts.label('target')}\n"
    yield from (f"- {name}: {_show(value)}" for name, value in list_target(report, texts))
    if report.backup:
        yield f"\n{escape_markdown(texts.label('backup', path=report.backup))}"


def _show(text: str, most: int = 200) -> str:
    return escape_markdown(make_visible(text, most=most))
