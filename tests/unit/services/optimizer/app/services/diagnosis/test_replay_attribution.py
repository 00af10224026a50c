"""Whose fault failures are, once they were run again: what is shown, and what stays open."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logged_results import rows

from services.common.proof.intervals import fisher_tail
from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import (
    DRIFT,
    EVALUATOR,
    INPUT,
    PROMPT,
    UNKNOWN,
    Attribution,
)
from services.optimizer.app.services.diagnosis.replay_attribution import (
    attribute_from_replays,
)
from services.optimizer.app.services.diagnosis.rerun import LEVEL, Replays
from services.optimizer.app.services.log.log_records import PastPrompt, Window
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    ReplayInput,
    ReplayResult,
)


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
        PastPrompt("good", version or 0, 1, 1) if before else None,
        score(before) if before else {},
    )


BAD = Window(rows("-----"))
DRIFTED = Window(rows("-----"), earlier=Record(20, 18))
HALF_LUCK = Window(rows("-----"), earlier=Record(200, 100))
# `unknown`, and what follows: candidates, or a hold that says that it can't be told.
OPEN, HELD = "unknown: the prompt may be at fault", "unknown: held"


def told(found: Attribution) -> str:
    """Tell a verdict, and of an open one what follows."""
    assert found.calls_for_repair == (found.fault in (PROMPT, DRIFT) or found.suspects_prompt)
    if not found.is_open:
        return found.fault
    assert found.fault == UNKNOWN
    return OPEN if found.calls_for_repair else HELD


@pytest.mark.parametrize(
    ("window", "replays", "fault"),
    [
        pytest.param(BAD, run_again("-", "---"), PROMPT, id="the-guide-s-demo"),
        pytest.param(BAD, run_again("--", "--"), PROMPT, id="the-guide-s-demo-at-the-first-look"),
        pytest.param(BAD, run_again("--", ""), PROMPT, id="without-golden-inputs"),
        pytest.param(BAD, run_again("+-", ""), OPEN, id="without-golden-inputs-one-recurs"),
        pytest.param(BAD, run_again("++", "++"), HELD, id="nothing-recurs"),
        pytest.param(BAD, run_again("++", ""), HELD, id="nothing-recurs-without-golden"),
        pytest.param(BAD, run_again("", ""), HELD, id="nothing-was-run-again"),
        pytest.param(BAD, run_again("??", "++"), HELD, id="nothing-could-be-run-again"),
        pytest.param(BAD, run_again("++", "++++"), UNKNOWN, id="six-that-pass-show-it"),
        pytest.param(BAD, run_again("+++-", "+" * 10), UNKNOWN, id="one-in-four-recurs-as-usual"),
        pytest.param(BAD, run_again("++", "+-"), OPEN, id="a-golden-input-fails-instead"),
        pytest.param(BAD, run_again("++", "--"), PROMPT, id="golden-inputs-fail-instead"),
        pytest.param(BAD, run_again("+-", "++"), OPEN, id="two-golden-inputs-clear-nobody"),
        pytest.param(BAD, run_again("--", "+" * 5), OPEN, id="nor-do-five"),
        pytest.param(BAD, run_again("--", "+" * 6), INPUT, id="odd-inputs"),
        pytest.param(BAD, run_again("+---", "+" * 6), INPUT, id="most-of-them-recur"),
        pytest.param(BAD, run_again("-", "+" * 6), HELD, id="one-that-recurs-may-be-chance"),
        pytest.param(BAD, run_again("-", "+" * 7), INPUT, id="one-that-recurs-beside-seven"),
        pytest.param(BAD, run_again("++--", "+" * 6), HELD, id="odd-inputs-or-chance"),
        pytest.param(BAD, run_again("++--", "+" * 7), INPUT, id="odd-inputs-among-others"),
        pytest.param(BAD, run_again("--", "+" * 11 + "-"), INPUT, id="golden-inputs-mostly-pass"),
        pytest.param(BAD, run_again("--", "+" * 9 + "-"), OPEN, id="that-they-do-is-not-shown"),
        pytest.param(BAD, run_again("--", "+++-"), OPEN, id="nor-by-four"),
        pytest.param(BAD, run_again("--", "++--"), OPEN, id="golden-inputs-hardly-pass"),
        pytest.param(BAD, run_again("--", "+---"), PROMPT, id="golden-inputs-rarely-pass"),
        pytest.param(HALF_LUCK, run_again("--", "++--"), OPEN, id="two-of-four-as-is-usual"),
        pytest.param(HALF_LUCK, run_again("--", "-----"), DRIFT, id="none-of-five-is-not"),
        pytest.param(
            HALF_LUCK, run_again("-----", "+" * 7 + "-" * 4), INPUT, id="usual-is-good-enough"
        ),
        pytest.param(
            BAD,
            run_again("--", "----", before=("++", "++++")),
            PROMPT,
            id="the-last-good-one-does-better",
        ),
        pytest.param(
            BAD,
            run_again("---", "++++", before=("+++", "++++")),
            PROMPT,
            id="the-last-good-one-does-better-on-the-odd-inputs-too",
        ),
        pytest.param(
            BAD,
            run_again("--", "+" * 6, before=("++", "+" * 6)),
            OPEN,
            id="better-on-two-may-be-chance",
        ),
        pytest.param(
            BAD,
            run_again("--", "+" * 6, before=("--", "+" * 6)),
            INPUT,
            id="odd-inputs-that-the-last-good-one-fails-too",
        ),
        pytest.param(
            BAD,
            run_again("--", "+++-", before=("-+", "-+++")),
            OPEN,
            id="better-on-two-worse-on-one",
        ),
        pytest.param(
            BAD,
            run_again("---+", "+" * 6, before=("+---", "+" * 6)),
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
            Window(rows("-----"), earlier=Record(20, 6)),
            run_again("--", "----"),
            PROMPT,
            id="it-did-not-serve-well-before",
        ),
        pytest.param(
            Window(rows("-----"), earlier=Record(20, 8)),
            run_again("--", "++---"),
            OPEN,
            id="it-does-as-it-always-did",
        ),
        pytest.param(
            BAD,
            run_again("--", "------", before=("+-", "------")),
            DRIFT,
            id="the-last-good-one-passes-one-by-chance",
        ),
        pytest.param(
            Window(rows("-----"), earlier=Record(19, 10)),
            run_again("--", "------"),
            PROMPT,
            id="nineteen-answers-are-not-what-is-usual",
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
        pytest.param(DRIFTED, run_again("--", "+" * 6), INPUT, id="drift-that-golden-inputs-deny"),
    ],
)
def test_what_the_prompt_does_when_it_is_run_again(
    window: Window, replays: Replays, fault: str
) -> None:
    found = attribute_from_replays(window, replays)
    assert told(found) == fault


def test_the_evidence_says_what_was_run_and_passed() -> None:
    found = attribute_from_replays(DRIFTED, run_again("-+?", "+---"))
    assert found.evidence == {
        "failing_inputs": {"run_again": 2, "pass_now": 1, "at_least": 0.065, "at_most": 0.935},
        "golden_inputs": {"run": 4, "pass": 1, "at_least": 0.033, "at_most": 0.652},
        "earlier": {"scored": 20, "passed": 18},
        "still_serves_from": 0.675,
    }
    assert found.because == (
        "The prompt has not changed, and passed 18 of 20 before.",
        "It fails 1 of 2 failing and 3 of 4 golden inputs again.",
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
            ("--", "++++++"),
            ("--", "++++++"),
            [
                "The prompt still passes 6 of 6 golden inputs.",
                (
                    "On what it was asked version 7, which served well, does no better: "
                    "6 of 8 against 6 of 8."
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
        "inputs": "".join(before).count("+") + "".join(before).count("-"),
        "wins": "".join(before).count("+") - "".join(incumbent).count("+"),
        "losses": 0,
    }


@pytest.mark.parametrize(
    ("clusters", "incumbent", "fault"),
    [
        pytest.param(2, ("---", "+" * 6), INPUT, id="few-kinds-and-golden-inputs-pass"),
        pytest.param(3, ("---", "+" * 6), PROMPT, id="many-kinds"),
        pytest.param(2, ("---", "+" * 5), HELD, id="few-kinds-and-too-few-golden-inputs-to-tell"),
        pytest.param(2, ("---", "++--"), PROMPT, id="few-kinds-and-golden-inputs-hardly-pass"),
        pytest.param(1, ("--", "--"), PROMPT, id="golden-inputs-fail-as-in-the-guide"),
        pytest.param(1, ("---", "??"), PROMPT, id="golden-inputs-could-not-be-run"),
    ],
)
def test_a_few_odd_inputs_do_not_undo_what_an_operator_deployed(
    clusters: int, incumbent: tuple[str, str], fault: str
) -> None:
    compared = dataclasses.replace(
        run_again(*incumbent, before=("+" * len(incumbent[0]), "+" * len(incumbent[1]))),
        failing_clusters=clusters,
    )
    assert told(attribute_from_replays(BAD, compared)) == fault


@pytest.mark.parametrize(
    ("window", "replays", "fault"),
    [
        pytest.param(BAD, (("--", "--"), ("++", "++")), PROMPT, id="it-does-better"),
        pytest.param(BAD, (("--", "++++++"), ("--", "++++++")), INPUT, id="golden-inputs-pass"),
        pytest.param(BAD, (("--", "--"), ("--", "--")), PROMPT, id="it-fails-too"),
        pytest.param(DRIFTED, (("--", "--"), ("--", "--")), DRIFT, id="the-prompt-served-well"),
    ],
)
def test_a_version_that_was_never_tried_is_no_sign_of_drift(
    window: Window, replays: tuple[tuple[str, str], tuple[str, str]], fault: str
) -> None:
    incumbent, before = replays
    untried = PastPrompt("untried", 7, 0, 0)
    compared = dataclasses.replace(run_again(*incumbent, before=before), last_good=untried)
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
            "failing_inputs": {"run_again": 1, "pass_now": 0, "at_least": 0.0, "at_most": 0.875},
            "golden_inputs": {"run": 2, "pass": 0, "at_least": 0.0, "at_most": 0.646},
            "earlier": {"scored": 0, "passed": 0},
            "still_serves_from": 0.7,
        },
    }


MARKS = st.text("+-?", max_size=12)


@st.composite
def windows(draw: Any) -> Window:
    scored, elsewise = draw(st.integers(0, 20)), draw(st.integers(0, 20))
    return Window(
        rows(draw(st.text("+-", max_size=12)), fingerprint=draw(st.sampled_from("fg"))),
        earlier=Record(scored, draw(st.integers(0, scored))),
        earlier_by_others=Record(elsewise, draw(st.integers(0, elsewise))),
    )


@given(windows(), MARKS, MARKS, st.none() | st.text("+-?", min_size=24, max_size=24))
def test_every_case_has_one_verdict_and_a_reason(
    window: Window, failing: str, golden: str, before: str | None
) -> None:
    arm = (before[: len(failing)], before[12 : 12 + len(golden)]) if before is not None else None
    found = attribute_from_replays(window, run_again(failing, golden, before=arm))
    assert found.fault in (PROMPT, EVALUATOR, INPUT, DRIFT, UNKNOWN)
    assert found.because
    assert all(sentence.endswith(".") for sentence in found.because)


def test_what_can_not_be_told_says_so() -> None:
    found = attribute_from_replays(BAD, run_again("+-", "++"))
    told_as = found.as_json()
    assert (told_as["verdict"], told_as["can_tell"]) == (UNKNOWN, False)
    assert found.because == (
        (
            "It can't be told: the prompt passes 2 of 2 golden inputs, and 1 of 2 of those that "
            "failed."
        ),
    )


def test_failing_inputs_that_pass_are_no_golden_inputs_that_clear_a_prompt() -> None:
    """Without golden inputs nothing says that the prompt still serves everybody else."""
    compared = dataclasses.replace(
        run_again("+" * 9 + "-" * 3, "", before=("+" * 12, "")), failing_clusters=1
    )
    assert attribute_from_replays(HALF_LUCK, compared).fault == PROMPT


@given(windows(), st.integers(0, 8), st.integers(0, 8), st.integers(0, 16), st.integers(0, 16))
def test_more_golden_inputs_that_pass_never_make_the_prompt_more_suspect(
    window: Window, failing: int, recurring: int, golden: int, failed: int
) -> None:
    """Where golden inputs clear a prompt, more of them that pass can't turn it into the culprit."""
    window = dataclasses.replace(window, earlier_by_others=Record())
    recurring, failed = min(failing, recurring), min(golden, failed)
    marks = "-" * recurring + "+" * (failing - recurring)

    def suspect(passed: int) -> bool:
        again = run_again(marks, "-" * failed + "+" * passed)
        return attribute_from_replays(window, again).calls_for_repair

    assert suspect(golden - failed) or not suspect(golden - failed + 1) or not golden


@given(windows(), MARKS, MARKS)
def test_an_input_is_blamed_only_where_an_interval_says_so(
    window: Window, failing: str, golden: str
) -> None:
    found = attribute_from_replays(window, run_again(failing, golden))
    bar = found.evidence["still_serves_from"]
    if found.fault == INPUT:
        assert found.evidence["golden_inputs"]["at_least"] >= bar - 0.001
        again, fine = found.evidence["failing_inputs"], found.evidence["golden_inputs"]
        chance = fisher_tail(again["pass_now"], again["run_again"], fine["pass"], fine["run"])
        assert chance <= LEVEL
