"""A run's report as a person reads it, from whole details, damaged ones and hostile ones."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from selfheal.display.report.rendering import make_list, print_report
from services.common.record.stored_runs import StoredRun

WHEN = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
DETAIL: dict[str, Any] = {
    "summary": "Five of seven answers failed since version 99 began to serve.",
    "failures": {
        "count": 5,
        "scored": 7,
        "distinct_inputs": 2,
        "clusters": 1,
        "mean_score": 0.36,
        "failed_rules": {"has_code": 5, "returns": 3},
        "lookback_minutes": 30,
        "unscored": {"judge_unavailable": 2},
        "surprise": {"p_value": 0.0003, "baseline_failure_rate": 0.05, "baseline_answers": 120},
    },
    "attribution": {
        "verdict": "prompt",
        "because": ["golden inputs fail too", "the version before passes them"],
        "evidence": {"golden": [0.3]},
    },
    "quarantined": [{"request_id": "0f0f", "reason": "asks_for_a_prompt_change"}],
    "inputs": {
        "choosing": 6,
        "verdict": 6,
        "guard": 10,
        "used": {"a1": {"source": "failing", "half": "verdict", "text": "Write a binary search"}},
    },
    "candidates": [
        {
            "strategy": "last_good_version",
            "rationale": "version 1 passed 40 of 40",
            "scored": 6,
            "passed": 6,
            "incumbent_passed": 0,
            "mean_score": 0.874,
            "incumbent_mean_score": 0.36,
            "wins": 6,
            "losses": 0,
        },
        {"strategy": "reflection", "refused": "names_a_url"},
    ],
    "verdict": {
        "promote": True,
        "reason": "better",
        "strategy": "last_good_version",
        "e_value": 47.05,
        "p_value": 0.021,
        "alpha": 0.05,
        "wins": 6,
        "losses": 0,
        "incumbent_mean": 0.36,
        "candidate_mean": 0.874,
        "incumbent_passed": 0,
        "candidate_passed": 6,
        "pairs": [
            {"input_id": "a1", "incumbent": 0.36, "candidate": 0.874},
            {"input_id": "golden-3", "incumbent": 0.35, "candidate": 0.9},
        ],
        "guards": {"checked": 10, "newly_failing": ["g7"], "allowed": 1},
        "control": {"scored": 4, "mean": 0.41, "passed": 1, "label": "learned"},
        "evaluator_fingerprints": ["0123456789abcdef"],
    },
    "cost": {
        "worker_calls": 42,
        "analyst_calls": 0,
        "model_calls": 42,
        "input_tokens": 12_345,
        "output_tokens": 6_789,
        "seconds": 2.34,
    },
    "watching": {"version": 100, "against_version": 99},
}
REPORT = StoredRun(
    id=UUID("3f2c9a71-0000-4000-8000-000000000000"),
    task_type="code_generation",
    decision="promoted",
    reason="better",
    verdict="prompt",
    triggered_by="autopilot",
    resolution=None,
    resolved_at=None,
    created_at=WHEN,
    report_id=7,
    candidate_id=UUID(int=1),
    incumbent_prompt_id=2,
    version=99,
    after_version=100,
    watched_since=WHEN,
    watched_until=None,
    watch_outcome=None,
    detail=DETAIL,
    before_content="just say hello world to everything\nBe brief.",
    after_content="You write Python.\nBe brief.",
)
HELD = replace(
    REPORT,
    decision="held",
    reason="too_few_inputs",
    after_version=None,
    watched_since=None,
    report_id=None,
    detail={},
)


def show(report: StoredRun, *, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_report(console, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def list_all(*reports: StoredRun, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(make_list(reports, width=width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "part",
    [
        "code_generation healed: version 100 replaced 99\n",
        "run 3f2c9a71-0000-4000-8000-000000000000, report 7",
        "started by autopilot",
        "5 of 7 scored answers failed within 30 minutes; 2 distinct inputs in 1 cluster; mean",
        "rules that failed: has code 5, returns 3",
        "could not be scored: judge unavailable 2",
        "p = 0.0003; usually 5 % fail, known from 120 answers",
        "left out as suspicious, 1: 0f0f (asks for a prompt change)",
        "The prompt is at fault.",
        "- golden inputs fail too",
        "0 -> 6 of 6",
        "0.360 -> 0.874",
        "6/0",
        "version 1 passed 40 of 40",
        "refused: names a url",
        "last good version: better; p = 0.021, where at most 0.05 is asked for: so at most 1 in 20",
        "worthless candidates gets through; its bet reached 47.6",
        "of 10 inputs that passed lately, 1 newly fail, 1 allowed (g7)",
        "an empty prompt on 4 of these inputs: 1 pass, mean 0.410; so this is learned: the new",
        "scored by evaluator 0123456789abcdef",
        "Write a binary search",
        "golden-3",
        "42 Worker calls, 12,345 tokens in, 6,789 tokens",
        "2.3 s",
        "version 100 since ",
        "selfheal prompts activate 99",
        "serves version 99's text again: 'just say hello world to everything Be brief.'",
        "-just say hello world",
        "+You write Python.",
    ],
)
def test_a_whole_report_says_everything(part: str) -> None:
    assert part in show(REPORT)


def test_what_is_not_known_is_not_said() -> None:
    shown = show(HELD)
    assert "held: version 99 stays (too few inputs)" in shown
    assert "The prompt is at fault." in shown  # the row's own verdict
    for title in (
        "What failed",
        "What was tried",
        "The verdict",
        "What it cost",
        "undo",
        "watched",
    ):
        assert title not in shown


def test_a_proposal_says_how_to_answer_until_it_is_answered() -> None:
    proposed = replace(REPORT, decision="proposed", after_version=None, watched_since=None)
    shown = show(proposed)
    assert "selfheal prompts approve 3f2c9a71" in shown
    assert "selfheal prompts reject 3f2c9a71" in shown
    assert "prompts approve" not in show(replace(proposed, resolution="rejected"))


@pytest.mark.parametrize(
    ("resolution", "words"),
    [
        ("approved", "code_generation approved: version 100 replaced 99"),
        ("rejected", "code_generation rejected: a repair of version 99 is proven, and was turned"),
        ("superseded", "code_generation superseded: a repair of version 99 is proven, but"),
    ],
)
def test_a_proposal_that_was_answered_is_shown_as_that(resolution: str, words: str) -> None:
    answered = replace(REPORT, decision="proposed", resolution=resolution)
    assert words in show(answered)
    listed = list_all(answered)
    assert resolution in listed
    assert "proposed" not in listed


def test_each_fact_is_said_once() -> None:
    summary = DETAIL["summary"]
    assert summary not in show(REPORT)
    assert summary in show(replace(REPORT, detail={"summary": summary}))
    assert "started by hand" in show(replace(REPORT, triggered_by="manual"))
    assert "Be brief" not in show(replace(REPORT, before_content=None))
    unguarded = {**DETAIL["verdict"], "guards": {"checked": 0, "newly_failing": [], "allowed": 1}}
    assert "newly fail" not in show(replace(REPORT, detail={"verdict": unguarded}))


def test_what_is_only_assumed_is_said_so() -> None:
    surprise = {"p_value": 0.0003, "baseline_failure_rate": 0.05, "baseline_answers": 0}
    shown = show(replace(REPORT, detail={"failures": {"surprise": surprise}}))
    assert "usually 5 % fail (assumed: nothing is known yet)" in shown


def test_of_many_changed_lines_the_first_are_shown_and_where_the_others_are() -> None:
    long = replace(REPORT, after_content="\n".join(f"line {n}" for n in range(50)))
    shown = show(long)
    assert "+line 9" in shown
    assert "+line 10" not in shown
    assert "and 40 more changed lines: selfheal prompts diff 99 100" in shown
    assert "+line" not in show(replace(long, decision="held"))


def test_a_text_that_comes_back_moves_no_cursor() -> None:
    evil = "\x1b[2J[bold]x[/]\u202e\r\nsecond"
    shown = show(replace(REPORT, before_content=evil, after_content=f"{evil}\nthird"), width=400)
    assert "[bold]x[/]" in shown
    assert {"\x1b", "\u202e", "\r"}.isdisjoint(shown)


def test_a_rollback_says_what_live_traffic_showed() -> None:
    watch = {
        "version": 100,
        "before_version": 99,
        "answers": 12,
        "before_answers": 40,
        "mean": 0.4,
        "before_mean": 0.8,
        "e_value": 22.5,
        "p_value": 0.04,
        "alpha": 0.05,
        "replayed": 5,
        "replay_e_value": 24.76,
        "replay_p_value": 0.0404,
    }
    rolled_back = replace(
        HELD, decision="rolled_back", version=100, after_version=101, detail={"watch": watch}
    )
    shown = show(rolled_back)
    assert "the watched version (100): mean score 0.400 over 12 answers" in shown
    assert "the version before it (99): mean score 0.800 over 40 answers" in shown
    assert "evidence that it is worse: p = 0.04, where at most 0.05 is asked for" in shown
    assert "is undone; its bet reached 25" in shown
    assert "5 of its live inputs agree: p = 0.04; its bet reached 2" in shown
    assert "selfheal prompts activate 100" in shown


def test_undoing_names_the_task_type_where_it_is_not_the_default() -> None:
    assert "selfheal prompts activate 99 -t 'my letters'" in show(
        replace(REPORT, task_type="my letters")
    )


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("kept", "kept after the watch"), ("rolled_back", "rolled back later")],
)
def test_what_became_of_it_is_told(outcome: str, words: str) -> None:
    ended = replace(REPORT, watched_until=WHEN, watch_outcome=outcome)
    assert f"nothing any more: {words}" in show(ended)
    assert words in list_all(ended)
    assert "is being watched" in list_all(REPORT)


def test_a_list_keeps_what_decides_at_80_columns() -> None:
    shown = list_all(REPORT, HELD, replace(REPORT, decision="rolled_back"), width=80)
    for words in ("3f2c9a71", "healed", "held", "rolled back", "99 -> 100", "too few inputs"):
        assert words in shown
    assert "code_generation" in shown
    assert "is being" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_figures_are_never_cut_at_80_columns() -> None:
    version = 2**31 - 2
    highest = replace(REPORT, version=version, after_version=version + 1)
    assert f"{version} -> {version + 1}" in list_all(highest, width=80)
    shown = show(
        replace(highest, detail={**DETAIL, "inputs": {"used": {"a1": {"text": "x" * 200}}}}),
        width=80,
    )
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:2] == ["0.360", "0.874"] for line in lines)
    assert any(
        "0 -> 6 of 6" in line and "0.360 -> 0.874" in line and "6/0" in line for line in lines
    )


def test_many_pairs_and_long_inputs_are_cut() -> None:
    pairs = [{"input_id": f"i{n}", "incumbent": 0.1, "candidate": 0.9} for n in range(500)]
    used = {f"i{n}": {"text": "word " * 100_000} for n in range(500)}
    detail = {"verdict": {"pairs": pairs}, "inputs": {"used": used}, "quarantined": [{}] * 900}
    shown = show(replace(REPORT, detail=detail))
    assert "and 494 more" in shown
    assert "and 890 more" in shown
    assert len(shown) < 10_000


def test_what_users_wrote_moves_no_cursor_and_is_no_markup() -> None:
    evil = "\x1b[2J[bold red]x[/]\u202e\r\nsecond\x00"
    detail = {
        "summary": evil,
        "failures": {"count": 1, "failed_rules": {evil: 3}},
        "attribution": {"verdict": evil, "because": [evil]},
        "quarantined": [{"request_id": evil, "reason": evil}],
        "inputs": {"used": {"a": {"text": evil}}},
        "candidates": [{"strategy": evil, "rationale": evil}, {"refused": evil}],
        "verdict": {
            "reason": evil,
            "pairs": [{"input_id": "a"}, {"input_id": evil}],
            "guards": {"checked": 1, "newly_failing": [evil]},
            "control": {"label": evil},
            "evaluator_fingerprints": [evil],
        },
    }
    report = replace(
        REPORT, task_type=evil, reason=evil, verdict=evil, triggered_by=evil, detail=detail
    )
    shown = show(report, width=400) + list_all(report, width=400)
    assert "[bold red]x[/]" in shown
    assert {"\x1b", "\u202e", "\x00", "\r"}.isdisjoint(shown)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*DETAIL, *DETAIL["verdict"], "used"]), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(list(DETAIL)), JSON))
def test_a_damaged_detail_is_shown_as_far_as_it_goes(detail: dict[str, Any]) -> None:
    assert "healed: version 100" in show(replace(REPORT, detail=detail))


@given(st.sampled_from(list(DETAIL)), st.data())
def test_any_part_may_be_damaged_inside(name: str, data: st.DataObject) -> None:
    part = DETAIL[name]
    if isinstance(part, dict):
        key = data.draw(st.sampled_from(sorted(part)))
        part = {**part, key: data.draw(JSON)}
    assert "healed: version 100" in show(replace(REPORT, detail={**DETAIL, name: part}))


def test_the_evidence_is_told_with_what_it_takes() -> None:
    surprise = {"p_value": 0.0003, "e_value": 216.4, "clock": "activation", "alarm_at": 20}
    shown = show(replace(REPORT, detail={"failures": {"surprise": surprise}}))
    assert "evidence since its activation: 216, alarm at 20" in " ".join(shown.split())


def test_where_no_repair_was_found_it_says_what_came_near_and_what_to_do() -> None:
    no_repair = {
        "heals": 12,
        "rules": {"has_code": 5},
        "inputs": ["Write a binary search"],
        "nearest": [
            {"strategy": "few_shot", "pairs": 9, "wins": 6, "losses": 3, "e_value": 1.5,
             "needed": 24.69, "mends": ["Sort a list"], "breaks": ["Say hello"]},
        ],
        "next_step": "write_for_both",
    }  # fmt: skip
    held = replace(
        REPORT, decision="held", reason="no_repair_found", after_version=None,
        detail=DETAIL | {"no_repair": no_repair},
    )  # fmt: skip
    shown = " ".join(show(held).split())
    for part in ("No repair found in 12 heals", "has code 5", "'Write a binary search'",
                 "near: few shot (wins 6, losses 3, pairs 9, e value 1.5, needed 24.69)",
                 "breaks 'Say hello'", "two task types", "What you can do"):  # fmt: skip
        assert part in shown
