"""Whose fault failures are: a row a fault, each beside the neighbour that falls another way."""

import pytest
from support.logged_results import rows
from support.provider.outcomes import OUTCOMES
from support.provider.wire import Shape
from support.rows import for_each

from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import (
    EVALUATOR,
    PROVIDER,
    Attribution,
    attribute_from_log,
)
from services.optimizer.app.services.log.log_records import (
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import analyze_failures

THRESHOLD = 3


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


def test_what_another_model_failed_is_no_evidence_against_a_prompt() -> None:
    window = Window(rows("++"), by_other_models=rows("-----", model="other"))
    assert look_at_log(window) is None
