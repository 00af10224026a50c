import io
import json
from dataclasses import replace

from rich.console import Console
from support.scored_answers import scored

from benchmarks.evaluator.report import Report, make_report, show, show_errors

FULL = [
    *(
        scored(mark, right=right, kind=kind, form=form, task=task)
        for form in ("examples", "one", "none")
        for task in ("a", "b")
        for mark, right, kind in (
            (0.9, True, "canonical"),
            (0.2, False, "off by one"),
            (0.95, True, "model output"),
            (0.75, False, "model output"),
        )
    ),
    scored(None, right=True, kind="model output", task="c"),
]
STATIC = [scored(0.6, right=one.case.answer.right, kind=one.case.answer.kind) for one in FULL]


def report() -> Report:
    return make_report(
        half="tuning",
        backend="jail",
        fingerprint="0123456789abcdef",
        full=FULL,
        static=STATIC,
        alone=FULL[:4],
    )


def printed(*, errors: bool) -> str:
    text = io.StringIO()
    console = Console(file=text, width=100)
    show(report(), console)
    if errors:
        show_errors(report(), console)
    return text.getvalue()


def test_mutants_and_outputs_are_reported_apart() -> None:
    groups = report().groups
    assert groups["mutants"]["the Evaluator"]["one"].auroc == 1.0
    assert groups["mutants"]["the Evaluator"]["one"].false_pass == 0.0
    assert groups["outputs"]["the Evaluator"]["one"].false_pass == 1.0
    assert groups["outputs"]["the Evaluator"]["examples"].unscored == 1
    assert groups["mutants"]["rubric without execution"]["examples"].auroc == 0.5
    assert set(report().kinds) == {"off by one"}


def test_tables_say_which_half_they_are_about_and_what_judged() -> None:
    text = printed(errors=False)
    assert text.count("tuning half") == 4
    for part in ("static rules alone", "false fail of canonical solutions", "jail", "01234567"):
        assert part in text
    assert "unscored: c/model output (examples): no usable grade" in text
    assert max(map(len, text.splitlines())) <= 100


def test_answers_are_told_apart_by_what_their_verdicts_rest_on() -> None:
    by_form = {"examples": "examples", "one": "examples", "none": "static"}
    full = [replace(one, evidence=by_form[one.case.form]) for one in FULL]
    made = make_report(
        half="tuning", backend="jail", fingerprint="", full=full, static=STATIC, alone=FULL[:4]
    )
    assert (made.evidence["examples"].wrong, made.evidence["static"].wrong) == (8, 4)
    assert made.evidence["plausible_calls"].auroc is None
    assert made.evidence["static"].false_pass == 0.5


def test_errors_are_listed_with_what_they_have_in_common() -> None:
    text = printed(errors=True)
    assert "false pass: a/model output (none) 0.750" in text
    assert "off by one" not in text.partition("Wrong verdicts")[2]


def test_all_figures_fit_into_json() -> None:
    plain = json.loads(json.dumps(report().as_json()))
    assert plain["half"] == "tuning"
    assert plain["groups"]["outputs"]["the Evaluator"]["none"]["wrong"] == 2
    assert plain["errors"][0] == {
        "answer": "a/model output",
        "form": "examples",
        "kind": "model output",
        "right": False,
        "score": 0.75,
        "cap_reasons": [],
        "contradicts_shown": False,
        "problem": "",
    }
