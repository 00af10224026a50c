import io
import json
from dataclasses import replace

from rich.console import Console
from support.scored_answers import scored

from benchmarks.evaluator.working_tasks.answers import TaskAnswers
from benchmarks.evaluator.working_tasks.report import (
    WITHHELD,
    WorkingReport,
    make_working_report,
    show_working,
    show_working_errors,
)
from benchmarks.evaluator.working_tasks.tasks import WorkingTask

TASK = WorkingTask("a", "d", "function", "t", "Write t.", "t() is 1", (), (), (), "t() == 1")
RESULTS = [
    replace(
        scored(
            score,
            right=right,
            form=form,
            task=task,
            betrayed=score == 0.2,
            contradicts=score == 0.2,
        ),
        evidence=evidence,
    )
    for form, task, score, right, evidence in (
        ("one", "working/a", 0.9, True, "examples"),
        ("one", "b", 0.95, True, "examples"),
        ("one", "working/a", 0.2, False, "examples"),
        ("one", "b", 0.8, False, "static"),
        ("none", "working/a", 0.9, True, "plausible_calls"),
        ("none", "b", 0.4, True, "plausible_calls"),
        ("none", "working/a", 0.9, False, "plausible_calls"),
        ("none", "b", None, False, ""),
    )
]


def report() -> WorkingReport:
    return make_working_report([TaskAnswers(TASK, (), (), ())], RESULTS)


def printed(*, reveal: bool | None = None) -> str:
    text = io.StringIO()
    console = Console(file=text, width=100)
    show_working(report(), console)
    if reveal is not None:
        show_working_errors(report(), console, reveal=reveal)
    return text.getvalue()


def test_figures_are_by_form_and_by_what_verdicts_rest_on() -> None:
    groups = report().groups
    assert set(groups) == {"one", "none"}
    assert (groups["one"]["all"].right, groups["one"]["all"].wrong) == (2, 2)
    assert groups["one"]["examples"].auroc == 1.0
    assert groups["one"]["static"].false_pass == 1.0
    assert groups["one"]["checks"].auroc is None
    assert groups["none"]["plausible_calls"].false_fail == 0.5
    assert groups["none"]["all"].unscored == 1
    assert groups["none"]["all"].ceiling is None


def test_the_table_fits_and_tells_the_aims() -> None:
    text = printed()
    assert max(map(len, text.splitlines())) <= 100
    assert "Aim: false fail at most 0.5 % (one example): 0.0 %, met." in text
    assert "Aim: false fail at most 1.0 % (none): 50.0 %, missed." in text
    assert "Aim: AUROC at least 0.94 (one example): 1.000, met." in text
    assert "25.0 %" in text
    assert "Tasks with fewer than 3 mutants: 1." in text


def test_the_ceiling_is_of_the_tasks_whose_example_can_be_run() -> None:
    assert report().ceiling == 1.0
    unknown = TaskAnswers(replace(TASK, shown=None), (), (), ())
    assert make_working_report([unknown], RESULTS).ceiling is None
    text = " ".join(printed().split())
    assert "0 of 1 wrong answers that contradict it pass" in text
    assert "AUROC of 1.000" in text


def test_errors_are_withheld_unless_they_are_revealed() -> None:
    assert "b/canonical" not in printed()
    withheld = printed(reveal=False)
    assert "aren't listed" in withheld
    assert "b/canonical" not in withheld
    revealed = printed(reveal=True)
    assert "b/canonical (none, canonical) false fail 0.400" in revealed
    assert "b/canonical (none, canonical) unscored: no usable grade" in revealed


def test_the_file_of_figures_withholds_them_too() -> None:
    plain = json.loads(json.dumps(report().as_json(reveal=False)))
    assert plain["errors"] == plain["unscored"] == WITHHELD
    assert plain["groups"]["one"]["examples"]["wrong"] == 1
    revealed = json.loads(json.dumps(report().as_json(reveal=True)))
    assert len(revealed["errors"]) == 3
    assert len(revealed["unscored"]) == 1
