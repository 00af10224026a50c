"""A judge's reply: what is taken for a grade, and all that isn't."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.judging.judge import Judgement
from services.evaluator.app.services.judging.reply import parse_judgement

GRADE = '{"score": 0.8, "reason": "fine", "confidence": 0.9}'


@pytest.mark.parametrize(
    ("reply", "judgement"),
    [
        pytest.param(GRADE, Judgement(0.8, "fine", 0.9), id="plain"),
        pytest.param(f"\n {GRADE}\n", Judgement(0.8, "fine", 0.9), id="space-around"),
        pytest.param(f"```json\n{GRADE}\n```", Judgement(0.8, "fine", 0.9), id="fenced-json"),
        pytest.param(f"```\n{GRADE}\n```", Judgement(0.8, "fine", 0.9), id="fenced"),
        pytest.param('{"score": 0}', Judgement(0, "", 1), id="zero-and-no-more"),
        pytest.param('{"score": 1}', Judgement(1, "", 1), id="one"),
        pytest.param('{"score": 1e-3}', Judgement(0.001, "", 1), id="exponent"),
        pytest.param('{"score": 0.5, "x": [1]}', Judgement(0.5, "", 1), id="fields-unknown-to-us"),
        pytest.param('{"score": 0.5, "reason": "좋다"}', Judgement(0.5, "좋다", 1), id="korean"),
    ],
)
def test_a_grade_is_read(reply: str, judgement: Judgement) -> None:
    assert parse_judgement(reply) == judgement


BAD_REPLIES = [
    pytest.param("", id="empty"),
    pytest.param("I would give it 0.8.", id="prose"),
    pytest.param(f"Here you are: {GRADE}", id="prose-before"),
    pytest.param(f"{GRADE} Hope that helps!", id="prose-after"),
    pytest.param(f"{GRADE}{GRADE}", id="two-objects"),
    pytest.param("0.8", id="a-number"),
    pytest.param("[0.8]", id="a-list"),
    pytest.param(f"[{GRADE}]", id="a-list-of-one"),
    pytest.param("null", id="null"),
    pytest.param("{}", id="no-score"),
    pytest.param('{"score": NaN}', id="nan"),
    pytest.param('{"score": 0.9, "x": NaN}', id="nan-beside-the-score"),
    pytest.param('{"score": Infinity}', id="infinity"),
    pytest.param('{"score": 1e999}', id="overflow"),
    pytest.param('{"score": "0.7"}', id="a-string"),
    pytest.param('{"score": "7"}', id="a-string-out-of-range"),
    pytest.param('{"score": true}', id="true"),
    pytest.param('{"score": null}', id="null-score"),
    pytest.param('{"score": [0.7]}', id="list-score"),
    pytest.param('{"score": 7}', id="seven-of-ten"),
    pytest.param('{"score": 1.0001}', id="just-above-one"),
    pytest.param('{"score": -0.1}', id="negative"),
    pytest.param('{"score": ' + "9" * 5_000 + "}", id="a-huge-number"),
    pytest.param('{"score": 0.1, "score": 0.9}', id="score-twice"),
    pytest.param('{"score": 0.9, "x": {"a": 1, "a": 2}}', id="nested-field-twice"),
    pytest.param('{"score": 0.9, "reason": 5}', id="reason-a-number"),
    pytest.param('{"score": 0.9, "confidence": "high"}', id="confidence-a-word"),
    pytest.param('{"score": 0.9, "confidence": 1.5}', id="confidence-out-of-range"),
    pytest.param('{"score": 0.9, "confidence": NaN}', id="confidence-nan"),
    pytest.param('{"result": {"score": 0.9}}', id="nested"),
    pytest.param('{"Score": 0.9}', id="another-name"),
    pytest.param('{"score": 0.9', id="cut-off"),
    pytest.param("x" * (2 << 20), id="two-megabytes-of-prose"),
    pytest.param(" " * (2 << 20) + GRADE, id="two-megabytes-of-space"),
    pytest.param("```", id="a-fence-alone"),
    pytest.param("[" * 7_000, id="nested-deeply"),
    pytest.param('{"score": 0.9, "reason": "' + "x" * (2 << 20) + '"}', id="two-megabytes"),
]


@pytest.mark.parametrize("reply", BAD_REPLIES)
def test_anything_else_is_no_grade(reply: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_judgement(reply)


@given(st.text())
def test_any_reply_is_a_grade_in_the_unit_range_or_a_value_error(reply: str) -> None:
    try:
        judgement = parse_judgement(reply)
    except ValueError:
        return
    assert 0 <= judgement.score <= 1


SPELLABLE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=50)


@given(st.floats(0, 1), st.floats(0, 1), SPELLABLE)
def test_what_the_prompt_asks_for_is_read_as_it_was_said(
    score: float, confidence: float, reason: str
) -> None:
    reply = json.dumps({"score": score, "reason": reason, "confidence": confidence})
    assert parse_judgement(reply) == Judgement(score, reason, confidence)


def test_a_long_reason_is_cut() -> None:
    judgement = parse_judgement(json.dumps({"score": 0.5, "reason": "x" * 5_000}))
    assert len(judgement.reason) == 1_000


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        pytest.param('"a\\u0000b"', "a\N{REPLACEMENT CHARACTER}b", id="nul"),
        pytest.param('"a\\ud800b"', "a\N{REPLACEMENT CHARACTER}b", id="lone-surrogate"),
        pytest.param('"\\ud83d\\ude00"', "\N{GRINNING FACE}", id="pair"),
    ],
)
def test_a_reason_can_be_kept_in_the_database(reason: str, read: str) -> None:
    assert parse_judgement(f'{{"score": 0.5, "reason": {reason}}}').reason == read


@pytest.mark.parametrize("reply", ["secret", '{"score": 0.9, "secret": NaN}', '{"secret": 1}'])
def test_the_problem_repeats_nothing_of_the_reply(reply: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_judgement(reply)
    assert "secret" not in str(caught.value)
