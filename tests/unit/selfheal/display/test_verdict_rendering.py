"""A verdict as a person reads it, from whole details, damaged ones and hostile ones."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from selfheal.display.verdict_rendering import print_verdict
from services.common.evaluation_detail import read_detail

DETAIL: dict[str, Any] = {
    "rule_score": 0.4,
    "judge_score": 0.4,
    "capped": True,
    "cap_reasons": ["factorial(5) gave 24, and the request says 120"],
    "execution": {
        "status": "finished",
        "reason": "",
        "backend": "jail",
        "layers": ["uid", "landlock7"],
        "cpu_ms": 3,
        "wall_ms": 12,
        "output": "hello\n",
        "output_cut": True,
        "observations": [
            {
                "kind": "example",
                "ran": "factorial(5)",
                "came_back": "24",
                "expected": "120",
                "verdict": "contradicted",
                "reason": "factorial(5) gave 24, and the request says 120",
            }
        ],
    },
    "rules": [
        {"name": "keeps_the_examples", "weight": 0.25, "outcome": "failed", "reason": "it gave 24"},
        {"name": "has_docstring", "weight": 0.015, "outcome": "not_applicable", "reason": "none"},
    ],
    "judge": {
        "name": "openai:some",
        "score": 0.62,
        "reason": "It leaves the last factor out.",
        "confidence": 0.8,
        "criteria": [{"name": "responds", "weight": 0.2, "grade": 1.0, "reason": "it replies"}],
        "judgements": [0.6, 0.64],
        "spread": 0.04,
    },
    "evaluator": {"fingerprint": "0123456789abcdef"},
}


def test_a_doubt_is_told_in_one_line_below_the_score() -> None:
    doubted = show(DETAIL | {"caveat": "nothing here shows\nwhether it is right"})
    assert "nothing here shows" in doubted.splitlines()[1]
    assert "whether it is right" in doubted.splitlines()[1]
    assert show(DETAIL | {"caveat": ""}) == show(DETAIL)


def test_a_second_look_that_gave_no_grade_is_told() -> None:
    judge = {"judge": DETAIL["judge"] | {"second_look": "skipped: no time"}}
    assert "a second look was due, and gave no grade: skipped: no time" in show(DETAIL | judge)
    assert "second look" not in show(DETAIL)


def show(detail: dict[str, Any], *, score: float = 0.4, passed: bool = False) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    print_verdict(console, score=score, passed=passed, detail=read_detail(detail))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "part",
    [
        "failed with 0.400 = 0.4 x 0.400 (rules) + 0.6 x 0.400 (judge); 0.7 passes",
        "capped at 0.4, since",
        "- factorial(5) gave 24, and the request says 120",
        "its code was loaded and run",
        "What it printed (cut)",
        "  hello",
        "held in by jail: uid, landlock7; it took 12 ms",
        "keeps the examples",
        "not applicable",
        "0.015",
        "Judge (60% of the score): openai:some gave 0.620",
        "asked again: 0.600 and 0.640 (0.040 apart)",
        "It leaves the last factor out. (its own confidence: 0.80)",
        "responds",
        "Evaluator 0123456789abcdef",
    ],
)
def test_every_part_is_told(part: str) -> None:
    assert part in show(DETAIL)


def test_what_ran_stands_beside_what_came_back_and_what_was_expected() -> None:
    [row] = [line for line in show(DETAIL).splitlines() if line.strip().startswith("example")]
    assert row.split() == ["example", "factorial(5)", "24", "120", "contradicted"]


def test_a_pass_without_caps_says_nothing_of_them() -> None:
    shown = show({**DETAIL, "capped": False, "cap_reasons": []}, score=0.9, passed=True)
    assert shown.startswith("passed with 0.900")
    assert "capped" not in shown


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("load_failed", "its code doesn't load (NameError: x)"),
        ("unavailable", "nothing was run: this machine has no safe sandbox (NameError: x)"),
        ("not_run", "nothing was run (NameError: x)"),
        ("of tomorrow", "of tomorrow (NameError: x)"),
    ],
)
def test_why_nothing_was_seen(status: str, words: str) -> None:
    execution = {"status": status, "reason": "NameError: x"}
    assert words in show({**DETAIL, "execution": execution})


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    evil = "[bold red]x[/] [link=http://x]y[/link] \x1b[2J\x1b]0;t\x07\u202e\rz"
    observation = dict.fromkeys(("kind", "ran", "came_back", "expected", "verdict"), evil)
    detail = {
        **DETAIL,
        "cap_reasons": [evil],
        "execution": {
            "status": evil,
            "reason": evil,
            "backend": evil,
            "layers": [evil],
            "output": evil,
            "observations": [observation],
        },
        "rules": [{"name": evil, "weight": 0.1, "outcome": evil, "reason": evil}],
        "judge": {
            "name": evil,
            "score": 0.5,
            "reason": evil,
            "criteria": [{"name": evil, "grade": 0.5, "reason": evil}],
        },
        "evaluator": {"fingerprint": evil},
    }
    shown = show(detail)
    assert not set("\x1b\x07\u202e\r") & set(shown)
    assert shown.count("[bold red]x[/]") >= 10


@pytest.mark.parametrize("name", list(DETAIL))
def test_a_row_that_lacks_a_part_is_told_without_it(name: str) -> None:
    shown = show({key: value for key, value in DETAIL.items() if key != name})
    assert shown.startswith("failed with 0.400")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(DETAIL, JSON)))
def test_any_json_can_be_told(detail: dict[str, Any]) -> None:
    assert show(detail).startswith("failed with 0.400")


@pytest.mark.parametrize("part", ["execution", "judge", "evaluator"])
@given(value=JSON, data=st.data())
def test_any_json_in_a_known_place_can_be_told(part: str, value: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(DETAIL[part])))
    assert show({**DETAIL, part: {**DETAIL[part], key: value}})


def test_a_long_print_is_cut_and_says_so() -> None:
    shown = show({**DETAIL, "execution": {"status": "finished", "output": "x" * 10_000}})
    assert "(cut: 10,000 characters in all)" in shown
    assert shown.count("x") < 5_000


def test_reasoning_takes_two_lines_at_most() -> None:
    assert "reasoning" not in show(DETAIL)
    shown = show(DETAIL | {"reasoning": "First, " + "I think. " * 500})
    [line] = [line for line in shown.splitlines() if "First, I think." in line]
    assert "left out of the answer" in line
    assert shown.count("I think.") < 20
