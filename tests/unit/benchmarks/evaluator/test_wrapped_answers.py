import io
import json
from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console
from support.scored_answers import scored

from benchmarks.evaluator.scoring import Scored
from benchmarks.evaluator.wrapped_answers import (
    ALL_FORMS,
    BARE,
    TASKS,
    make_wrapped_cases,
    make_wrapped_report,
    show_wrapped,
    show_wrapped_errors,
)

CASES = make_wrapped_cases()


def results(
    *, right: bool, bare: float | None, task: str, others: dict[str, float | None]
) -> Iterable[Scored]:
    """Score one answer in all forms: as when bare, except for these."""
    for wrapping in ALL_FORMS:
        one = scored(others.get(wrapping, bare), right=right, kind=wrapping, task=task, form="one")
        answer = replace(one.case.answer, id=task)
        yield replace(one, case=replace(one.case, answer=answer))


REPORT = make_wrapped_report(
    [
        *results(right=True, bare=0.9, task="a", others={"BOM": 0.2, "CRLF": None}),
        *results(right=True, bare=0.3, task="b", others={}),
        *results(right=False, bare=0.3, task="c", others={"BOM": 0.9, "CRLF": 0.5}),
        *results(right=False, bare=0.8, task="d", others={}),
        *results(right=False, bare=None, task="e", others={"CRLF": 0.8}),
    ]
)


def printed() -> str:
    text = io.StringIO()
    console = Console(file=text, width=100)
    show_wrapped(REPORT, console)
    show_wrapped_errors(REPORT, console)
    return text.getvalue()


def test_every_task_is_answered_right_and_wrong_in_every_form() -> None:
    right = [one for one in CASES if one.answer.right]
    wrong = [one for one in CASES if not one.answer.right]
    assert len(right) == TASKS * len(ALL_FORMS) * 2
    assert len(wrong) == TASKS * len(ALL_FORMS)
    assert {one.answer.kind for one in CASES} == set(ALL_FORMS)


def test_wrong_code_contradicts_what_its_request_shows() -> None:
    assert all(one.contradicts_shown for one in CASES if not one.answer.right)
    assert not any(one.contradicts_shown for one in CASES if one.answer.right)


def test_the_sample_is_fixed() -> None:
    assert make_wrapped_cases() == CASES


def test_what_fails_or_passes_for_its_wrapping_is_counted() -> None:
    bom = REPORT.wrappings["BOM"]
    assert (bom.right, bom.failed, bom.right_unscored) == (1, 1, 0)
    assert (bom.wrong, bom.passed, bom.wrong_unscored) == (2, 1, 0)
    crlf = REPORT.wrappings["CRLF"]
    assert (crlf.right, crlf.failed, crlf.right_unscored) == (1, 0, 1)
    assert (crlf.wrong, crlf.passed, crlf.wrong_unscored) == (2, 1, 0)
    assert BARE not in REPORT.wrappings


def test_what_is_judged_wrongly_when_bare_counts_for_no_wrapping() -> None:
    quote = REPORT.wrappings["in a quote"]
    assert (quote.right, quote.failed, quote.wrong, quote.passed) == (1, 0, 2, 0)
    assert (REPORT.bare_right, REPORT.bare_right_passed) == (2, 1)
    assert (REPORT.bare_wrong, REPORT.bare_wrong_failed) == (3, 1)


def test_errors_name_wrapping_and_answer() -> None:
    text = printed()
    assert "false fail: BOM: a (one)" in text
    assert "false pass: BOM: c (one)" in text
    assert "false pass: CRLF: e (one)" in text
    assert text.count("false ") == 3
    assert "1 of 2 right answers pass and 1 of 3 wrong ones fail" in text


def test_all_figures_fit_into_json() -> None:
    plain = json.loads(json.dumps(REPORT.as_json()))
    assert plain["wrappings"]["BOM"]["failed"] == 1
    assert plain["errors"][0]["wrapping"] == "BOM"
