from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.evaluation_detail import EvaluationDetail, read_detail
from services.common.personal.blanking import FIGURES, blank_execution, keep_figures

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("a person's words"),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key not in FIGURES), inner)
    ),
)


@given(JSON)
def test_no_text_is_kept_but_names_of_ours(value: Any) -> None:
    assert "a person's words" not in str(keep_figures(value))


def test_what_is_kept_can_be_read_as_before() -> None:
    detail = EvaluationDetail.model_validate({
        "rule_score": 0.5, "capped": True, "cap_reasons": ["theirs"], "evidence": "examples",
        "rules": [{"name": "parses", "weight": 0.5, "outcome": "failed", "reason": "theirs"}],
        "judge": {"name": "m", "judgements": [0.5], "criteria": [{"name": "c", "grade": 0.5}]},
        "execution": {"status": "ran", "layers": ["seccomp"], "output": "theirs"},
        "error": {"service": "worker", "code": "away"}, "reasoning": "theirs",
    })  # fmt: skip
    kept = read_detail(keep_figures(detail.as_json()))
    assert "theirs" not in str(kept)
    assert kept.failed_rules == ("parses",)
    assert (kept.rule_score, kept.capped, kept.evidence) == (0.5, True, "examples")
    assert kept.judge.judgements == [0.5]
    assert kept.execution.layers == ["seccomp"]
    assert kept.error == detail.error


@for_each(
    [
        (None, None),
        ("worker_failed: it said: no", "worker_failed"),
        ("The conversation can't be read.", "erased"),
        ("Ann: hello", "erased"),
        ("", ""),
    ]
)
def test_of_an_error_its_code_is_kept(told: tuple[str | None, str | None]) -> None:
    message, kept = told
    row = {"error_message": message, "evaluation_detail": None}
    assert blank_execution(row)["error_message"] == kept
