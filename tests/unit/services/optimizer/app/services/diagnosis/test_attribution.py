"""Whose fault failures are: a row a fault, each beside the neighbour that falls another way."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.provider.outcomes import OUTCOMES
from support.provider.wire import Shape
from support.rows import for_each

from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import (
    DRIFT,
    EVALUATOR,
    INPUT,
    PROMPT,
    PROVIDER,
    UNKNOWN,
    Attribution,
    Replays,
    attribute_from_log,
    attribute_from_replays,
)
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    ReplayInput,
    ReplayResult,
)

THRESHOLD = 3


def rows(marks: str, *, fingerprint: str = "f", model: str = "m") -> tuple[LoggedResult, ...]:
    """Answers, the newest first: `+` passed, `-` failed."""
    return tuple(
        LoggedResult(
            "x",
            "x",
            0.9 if mark == "+" else 0.3,
            mark == "+",
            fingerprint=fingerprint,
            model=model,
        )
        for mark in marks
    )


def unscored(*counts: tuple[str, str, int]) -> tuple[UnscoredCount, ...]:
    return tuple(UnscoredCount(*count) for count in counts)


def look_at_log(window: Window, *, degraded: bool = False) -> Attribution | None:
    analysis = analyze_failures(window.results, threshold=THRESHOLD)
    return attribute_from_log(window, analysis, evaluator_degraded=degraded)


def fault_of(attribution: Attribution | None) -> str | None:
    return attribution.fault if attribution else None


# What the log alone tells.


@for_each([shape for shape in OUTCOMES.values() if shape.comes_to.startswith("model_")])
def test_six_answers_that_a_provider_withheld_after_good_ones_are_its_fault(shape: Shape) -> None:
    """They were scored 0 once, so that the model had changed, and a heal spent calls on it."""
    window = Window(rows("+++"), unscored(("worker", shape.comes_to, 6)), earlier=Record(20, 20))
    found = look_at_log(window)

    assert found is not None
    assert (found.fault, found.calls_for_repair) == (PROVIDER, False)
    assert found.because == (f"6 requests got no answer: {shape.comes_to} (6x).",)


@pytest.mark.parametrize(
    ("window", "fault"),
    [
        pytest.param(Window(()), None, id="nothing-logged"),
        pytest.param(Window(rows("-----")), None, id="scored-failures-take-replays"),
        pytest.param(
            Window((), unscored(("worker", "http_429", 3))), PROVIDER, id="too-many-requests"
        ),
        pytest.param(Window((), unscored(("worker", "model_timeout", 3))), PROVIDER, id="timeouts"),
        pytest.param(
            Window((), unscored(("worker", "http_500", 2), ("worker", "timeout", 1))),
            PROVIDER,
            id="codes-add-up",
        ),
        pytest.param(
            Window((), unscored(("worker", "model_timeout", 2))), None, id="two-are-no-pile"
        ),
        pytest.param(
            Window(rows("--"), unscored(("worker", "model_timeout", 3))),
            PROVIDER,
            id="too-few-scored-failures-beside-them",
        ),
        pytest.param(
            Window(rows("---"), unscored(("worker", "model_timeout", 30))),
            None,
            id="scored-failures-are-looked-into-whatever-else-fails",
        ),
        pytest.param(
            Window((), unscored(("evaluator", "judge_failed", 3))), EVALUATOR, id="no-scores"
        ),
        pytest.param(
            Window((), unscored(("evaluator", "unreachable", 2))), None, id="two-without-a-score"
        ),
        pytest.param(
            Window((), unscored(("evaluator", "unreachable", 4), ("worker", "http_500", 3))),
            EVALUATOR,
            id="the-evaluator-more-than-the-worker",
        ),
        pytest.param(
            Window((), unscored(("evaluator", "unreachable", 3), ("worker", "http_500", 3))),
            PROVIDER,
            id="as-often-as-the-worker",
        ),
        pytest.param(
            Window((), unscored(("evaluator", "not_judgeable", 30))),
            None,
            id="what-nobody-could-judge-is-nobody-s-fault",
        ),
        pytest.param(Window((), unscored(("", "", 30))), None, id="nobody-is-named"),
        pytest.param(
            Window((*rows("---", fingerprint="new"), *rows("+++", fingerprint="old"))),
            EVALUATOR,
            id="failing-since-the-evaluator-changed",
        ),
        pytest.param(
            Window((*rows("---", fingerprint="new"), *rows("+--", fingerprint="old"))),
            None,
            id="failing-before-the-evaluator-changed-too",
        ),
        pytest.param(
            Window((*rows("---+++++++", fingerprint="new"), *rows("+++", fingerprint="old"))),
            None,
            id="passing-since-the-evaluator-changed",
        ),
        pytest.param(
            Window((*rows("--", fingerprint="new"), *rows("+++", fingerprint="old"))),
            None,
            id="changed-but-too-few-failures",
        ),
        pytest.param(
            Window(rows("---", fingerprint="new"), earlier_by_others=Record(50, 50)),
            None,
            id="changed-before-the-window-takes-replays",
        ),
    ],
)
def test_what_the_log_alone_tells(window: Window, fault: str | None) -> None:
    assert fault_of(look_at_log(window)) == fault


def test_an_evaluator_that_owns_up_is_believed() -> None:
    assert fault_of(look_at_log(Window(rows("---")), degraded=True)) == EVALUATOR
    assert look_at_log(Window(rows("+++")), degraded=True) is None


def test_errors_are_told_by_code() -> None:
    window = Window((), unscored(("worker", "http_429", 5), ("worker", "model_timeout", 2)))
    found = look_at_log(window)
    assert found is not None
    assert found.because == ("7 requests got no answer: http_429 (5x), model_timeout (2x).",)
    assert found.evidence == {"worker_errors": {"http_429": 5, "model_timeout": 2}}


def test_a_changed_evaluator_is_told_by_what_passed_before_and_since() -> None:
    results = (*rows("----", fingerprint="new"), *rows("++-+", fingerprint="old"))
    found = look_at_log(Window(results, earlier_by_others=Record(6, 6)))
    assert found is not None
    assert found.because == (
        "The evaluator changed while this prompt served.",
        "Before that 9 of 10 answers passed, since then 0 of 4.",
    )
    assert found.evidence == {"passed_before": 9, "passed_since": 0, "fingerprint": "new"}


# What it takes replays for.


def run_again(
    failing: str = "",
    golden: str = "",
    *,
    before: tuple[str, str] | None = None,
    version: int | None = 7,
) -> Replays:
    """Replays of the prompt, and of the last good one: `+` passes, `-` fails, `?` unscored."""

    def score(marks: Sequence[str]) -> dict[str, ReplayResult]:
        names = [f"{FAILING}-{n}" for n in range(len(marks[0]))]
        names += [f"{GOLDEN}-{n}" for n in range(len(marks[1]))]
        return {
            name: ReplayResult(0.9 if mark == "+" else 0.3, mark == "+", "f")
            for name, mark in zip(names, "".join(marks), strict=True)
            if mark != "?"
        }

    inputs = [
        ReplayInput(f"{source}-{n}", f"{source} {n}", f"{source} {n}", source)
        for source, marks in ((FAILING, failing), (GOLDEN, golden))
        for n in range(len(marks))
    ]
    return Replays(
        inputs,
        score([failing, golden]),
        score(before) if before else None,
        version if before else None,
    )


BAD = Window(rows("-----"))
DRIFTED = Window(rows("-----"), earlier=Record(20, 18))


@pytest.mark.parametrize(
    ("window", "replays", "fault"),
    [
        pytest.param(BAD, run_again("-", "---"), PROMPT, id="the-guide-s-demo"),
        pytest.param(BAD, run_again("-", ""), PROMPT, id="without-golden-inputs"),
        pytest.param(BAD, run_again("++", "++"), UNKNOWN, id="nothing-recurs"),
        pytest.param(BAD, run_again("++", ""), UNKNOWN, id="nothing-recurs-without-golden"),
        pytest.param(BAD, run_again("++", "+-"), PROMPT, id="golden-inputs-fail-instead"),
        pytest.param(BAD, run_again("??", "++"), UNKNOWN, id="nothing-could-be-run-again"),
        pytest.param(BAD, run_again("+-", "++"), INPUT, id="one-of-two-recurs"),
        pytest.param(BAD, run_again("--", "++++"), INPUT, id="odd-inputs"),
        pytest.param(BAD, run_again("--", "+++-"), INPUT, id="golden-inputs-mostly-pass"),
        pytest.param(BAD, run_again("--", "++--"), PROMPT, id="golden-inputs-hardly-pass"),
        pytest.param(
            BAD,
            run_again("--", "----", before=("++", "++++")),
            PROMPT,
            id="the-last-good-one-does-better",
        ),
        pytest.param(
            BAD,
            run_again("--", "++++", before=("+-", "++++")),
            PROMPT,
            id="the-last-good-one-does-better-on-the-odd-inputs-too",
        ),
        pytest.param(
            BAD,
            run_again("--", "++++", before=("--", "++++")),
            INPUT,
            id="odd-inputs-that-the-last-good-one-fails-too",
        ),
        pytest.param(
            BAD,
            run_again("--", "+++-", before=("-+", "-+++")),
            PROMPT,
            id="better-on-two-worse-on-one",
        ),
        pytest.param(
            BAD,
            run_again("-+", "++++", before=("+-", "++++")),
            INPUT,
            id="better-on-one-worse-on-one",
        ),
        pytest.param(
            BAD,
            run_again("--", "----", before=("--", "----")),
            DRIFT,
            id="the-last-good-one-fails-too",
        ),
        pytest.param(
            BAD,
            run_again("--", "----", before=("??", "----")),
            DRIFT,
            id="only-what-both-were-scored-on-counts",
        ),
        pytest.param(DRIFTED, run_again("--", "----"), DRIFT, id="it-served-well-before"),
        pytest.param(
            Window(rows("-----"), earlier=Record(20, 10)),
            run_again("--", "----"),
            PROMPT,
            id="it-did-not-serve-well-before",
        ),
        pytest.param(
            Window(rows("-----"), earlier=Record(2, 2)),
            run_again("--", "----"),
            PROMPT,
            id="two-answers-are-no-record",
        ),
        pytest.param(
            Window(rows("-----"), earlier=Record(3, 3)),
            run_again("--", "----"),
            DRIFT,
            id="three-answers-are-a-record",
        ),
        pytest.param(
            BAD,
            run_again("--", "", before=("--", "")),
            DRIFT,
            id="golden-inputs-that-were-not-run-clear-nobody",
        ),
        pytest.param(
            Window(rows("-----++++")),
            run_again("--", "----"),
            DRIFT,
            id="it-served-well-in-the-first-part-of-the-window",
        ),
        pytest.param(
            Window(rows("-----++")),
            run_again("--", "----"),
            PROMPT,
            id="two-passes-in-the-window-are-no-record",
        ),
        pytest.param(
            Window(rows("-----"), earlier_by_others=Record(20, 18)),
            run_again("--", "----"),
            EVALUATOR,
            id="it-served-well-under-another-evaluator",
        ),
        pytest.param(
            Window(rows("-----"), earlier_by_others=Record(20, 10)),
            run_again("--", "----"),
            PROMPT,
            id="it-did-no-better-under-another-evaluator",
        ),
        pytest.param(
            Window(rows("-----"), earlier=Record(20, 18), earlier_by_others=Record(20, 18)),
            run_again("--", "----"),
            DRIFT,
            id="the-evaluator-that-judges-now-saw-it-serve-well",
        ),
        pytest.param(DRIFTED, run_again("--", "++++"), INPUT, id="drift-that-golden-inputs-deny"),
    ],
)
def test_what_the_prompt_does_when_it_is_run_again(
    window: Window, replays: Replays, fault: str
) -> None:
    found = attribute_from_replays(window, replays)
    assert found.fault == fault
    assert found.calls_for_repair == (fault in (PROMPT, DRIFT))


def test_the_evidence_says_what_was_run_and_passed() -> None:
    found = attribute_from_replays(DRIFTED, run_again("-+?", "+--"))
    assert found.evidence == {
        "failing_inputs": {"run_again": 2, "pass_now": 1},
        "golden_inputs": {"run": 3, "pass": 1},
        "earlier": {"scored": 20, "passed": 18},
    }
    assert found.because == (
        "The prompt has not changed, and passed 18 of 20 before.",
        "It fails 1 of 2 failing and 2 of 3 golden inputs again.",
    )


def test_a_swapped_model_is_named() -> None:
    window = Window((*rows("----", model="worse"), *rows("+++++", model="better")))
    found = attribute_from_replays(window, run_again("--", "----"))
    assert found.fault == DRIFT
    models = {"worse": {"answers": 4, "passed": 0}, "better": {"answers": 5, "passed": 5}}
    assert found.evidence["models"] == models
    assert found.because[-1] == (
        "The model changed meanwhile: worse passed 0 of 4, better passed 5 of 5."
    )


@pytest.mark.parametrize(
    ("by_others", "earlier", "told"),
    [
        pytest.param("+++++", Record(), "5 of 5", id="within the window"),
        pytest.param("", Record(20, 19), "19 of 20", id="before it"),
    ],
)
def test_a_prompt_that_served_well_with_another_model_has_drifted(
    by_others: str, earlier: Record, told: str
) -> None:
    window = Window(
        rows("----", model="worse"),
        by_other_models=rows(by_others, model="better"),
        earlier_by_other_models=earlier,
    )
    found = attribute_from_replays(window, run_again("--", "----"))
    assert found.fault == DRIFT
    assert found.because[0] == f"The prompt has not changed, and passed {told} before."


def test_what_another_model_failed_is_no_evidence_against_a_prompt() -> None:
    window = Window(rows("++"), by_other_models=rows("-----", model="other"))
    assert look_at_log(window) is None


def test_one_model_is_no_change() -> None:
    found = attribute_from_replays(DRIFTED, run_again("--", "----"))
    assert "models" not in found.evidence
    assert not any("model" in sentence for sentence in found.because)


@pytest.mark.parametrize(
    ("incumbent", "before", "because"),
    [
        pytest.param(
            ("--", "--"),
            ("++", "+-"),
            [
                (
                    "On the same inputs version 7, which served well, passes 3 of 4 now, "
                    "and this prompt 0 of 4."
                )
            ],
            id="prompt",
        ),
        pytest.param(
            ("--", "++"),
            ("--", "++"),
            [
                "The prompt still passes 2 of 2 golden inputs.",
                (
                    "On what it was asked version 7, which served well, does no better: "
                    "2 of 4 against 2 of 4."
                ),
            ],
            id="input",
        ),
        pytest.param(
            ("--", "--"),
            ("--", "--"),
            ["Even version 7, which served well, passes only 0 of 4 now, and this prompt 0 of 4."],
            id="drift",
        ),
    ],
)
def test_the_last_good_version_is_compared_on_the_same_inputs(
    incumbent: tuple[str, str], before: tuple[str, str], because: list[str]
) -> None:
    found = attribute_from_replays(BAD, run_again(*incumbent, before=before))
    assert list(found.because) == because
    assert found.evidence["last_good"] == {
        "version": 7,
        "passes": "".join(before).count("+"),
        "incumbent_passes": "".join(incumbent).count("+"),
        "inputs": 4,
    }


@pytest.mark.parametrize(
    ("clusters", "incumbent", "fault"),
    [
        pytest.param(2, ("--", "++"), INPUT, id="few-kinds-and-golden-inputs-pass"),
        pytest.param(3, ("--", "++"), PROMPT, id="many-kinds"),
        pytest.param(1, ("--", "--"), PROMPT, id="golden-inputs-fail-as-in-the-guide"),
        pytest.param(1, ("--", "??"), PROMPT, id="golden-inputs-could-not-be-run"),
    ],
)
def test_a_few_odd_inputs_do_not_undo_what_an_operator_deployed(
    clusters: int, incumbent: tuple[str, str], fault: str
) -> None:
    compared = dataclasses.replace(
        run_again(*incumbent, before=("++", "++")), failing_clusters=clusters
    )
    assert attribute_from_replays(BAD, compared).fault == fault


@pytest.mark.parametrize(
    ("window", "replays", "fault"),
    [
        pytest.param(BAD, (("--", "--"), ("++", "++")), PROMPT, id="it-does-better"),
        pytest.param(BAD, (("--", "++"), ("--", "++")), INPUT, id="golden-inputs-pass"),
        pytest.param(BAD, (("--", "--"), ("--", "--")), PROMPT, id="it-fails-too"),
        pytest.param(DRIFTED, (("--", "--"), ("--", "--")), DRIFT, id="the-prompt-served-well"),
    ],
)
def test_a_version_that_was_never_tried_is_no_sign_of_drift(
    window: Window, replays: tuple[tuple[str, str], tuple[str, str]], fault: str
) -> None:
    incumbent, before = replays
    compared = dataclasses.replace(run_again(*incumbent, before=before), last_good_served=False)
    found = attribute_from_replays(window, compared)
    assert found.fault == fault
    assert not any("which served well" in sentence for sentence in found.because)


def test_an_attribution_is_plain_json() -> None:
    found = attribute_from_replays(BAD, run_again("-", "--"))
    assert found.as_json() == {
        "verdict": PROMPT,
        "because": [
            "It fails 1 of 1 failing and 2 of 2 golden inputs again.",
            "No prompt is known to have served better.",
        ],
        "evidence": {
            "failing_inputs": {"run_again": 1, "pass_now": 0},
            "golden_inputs": {"run": 2, "pass": 0},
            "earlier": {"scored": 0, "passed": 0},
        },
    }


MARKS = st.text("+-?", max_size=5)


@st.composite
def windows(draw: Any) -> Window:
    scored, elsewise = draw(st.integers(0, 20)), draw(st.integers(0, 20))
    return Window(
        rows(draw(st.text("+-", max_size=12)), fingerprint=draw(st.sampled_from("fg"))),
        earlier=Record(scored, draw(st.integers(0, scored))),
        earlier_by_others=Record(elsewise, draw(st.integers(0, elsewise))),
    )


@given(windows(), MARKS, MARKS, st.none() | st.text("+-?", min_size=10, max_size=10))
def test_every_case_has_one_verdict_and_a_reason(
    window: Window, failing: str, golden: str, before: str | None
) -> None:
    arm = (before[: len(failing)], before[5 : 5 + len(golden)]) if before is not None else None
    found = attribute_from_replays(window, run_again(failing, golden, before=arm))
    assert found.fault in (PROMPT, EVALUATOR, INPUT, DRIFT, UNKNOWN)
    assert found.because
    assert all(sentence.endswith(".") for sentence in found.because)
