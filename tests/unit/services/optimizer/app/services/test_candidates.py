"""Candidates: what each strategy proposes, and what is never tried."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types import Repairs, load_repairs
from services.optimizer.app.services.candidates import (
    MAX_CANDIDATES,
    Candidate,
    RepairContext,
    analyst_proposal,
    corrected_incumbent,
    find_lint,
    last_good_version,
    propose_candidates,
    rebuilt_from_rules,
)
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.log_records import LoggedResult, PastPrompt

REPAIRS = Repairs(role="You write code.", by_rule={"r": "Obey r.", "s": "Obey s."})
GOOD = PastPrompt("good", version=1, scored=10, passed=9)
BAD = PastPrompt("bad", version=2, scored=10, passed=6)
UNTRIED = PastPrompt("untried", version=3, scored=0, passed=0)


def context(
    *history: PastPrompt,
    incumbent: str = "just say hello world to everything",
    failed_rules: tuple[str, ...] = ("r",),
    proposals: tuple[str, ...] = (),
) -> RepairContext:
    failure = LoggedResult("x", "x", score=0.3, passed=False, failed_rules=failed_rules)
    return RepairContext(
        incumbent=incumbent,
        analysis=analyze_failures([failure] * 3, threshold=3),
        history=history,
        repairs=REPAIRS,
        proposals=[Candidate(text, "analyst_proposal", "since") for text in proposals],
    )


@pytest.mark.parametrize(
    ("history", "content"),
    [
        pytest.param([], None, id="no-history"),
        pytest.param([GOOD], "good", id="one-good"),
        pytest.param([BAD], None, id="one-bad"),
        pytest.param([BAD, GOOD], "good", id="the-good-one-behind-a-bad-one"),
        pytest.param(
            [dataclasses.replace(GOOD, content="later"), GOOD], "later", id="the-latest-good-one"
        ),
        pytest.param([UNTRIED, GOOD], "good", id="proven-before-untried"),
        pytest.param([BAD, UNTRIED], "untried", id="untried-before-bad"),
        pytest.param(
            [PastPrompt("at", version=1, scored=10, passed=7)], "at", id="at-the-pass-rate"
        ),
        pytest.param(
            [dataclasses.replace(GOOD, content="hello"), GOOD],
            "good",
            id="not-the-incumbent's-text",
        ),
    ],
)
def test_the_last_version_that_served_well(history: list[PastPrompt], content: str | None) -> None:
    candidates = list(last_good_version(context(*history, incumbent="hello")))
    assert [candidate.content for candidate in candidates] == ([content] if content else [])


def test_the_rationale_names_the_version_and_its_record() -> None:
    [candidate] = last_good_version(context(GOOD))
    assert candidate.rationale == "version 1 served before: 9 of 10 passed"


def test_the_analyst_s_proposals_are_taken_as_they_are() -> None:
    proposals = list(analyst_proposal(context(proposals=("one", "two"))))
    assert [proposal.content for proposal in proposals] == ["one", "two"]
    assert list(analyst_proposal(context())) == []


def test_the_incumbent_is_corrected_by_a_sentence_for_each_rule_that_failed() -> None:
    [candidate] = corrected_incumbent(context(incumbent="Be brief.\n", failed_rules=("s", "r")))
    assert candidate.content == "Be brief.\n\nAbove all:\n- Obey s.\n- Obey r."


@pytest.mark.parametrize("failed_rules", [(), ("unknown",)], ids=["none", "without-a-sentence"])
def test_without_a_sentence_nothing_is_corrected(failed_rules: tuple[str, ...]) -> None:
    assert list(corrected_incumbent(context(failed_rules=failed_rules))) == []


def test_a_prompt_is_rebuilt_from_the_role_and_all_sentences() -> None:
    [candidate] = rebuilt_from_rules(context(incumbent="Be brief."))
    assert candidate.content == "You write code.\n- Obey r.\n- Obey s."


def test_candidates_come_in_the_order_of_trust() -> None:
    candidates = propose_candidates(context(GOOD, proposals=("proposed",)))
    assert [candidate.strategy for candidate in candidates] == [
        "last_good_version",
        "analyst_proposal",
        "corrected_incumbent",
        "rebuilt_from_rules",
    ]


def test_no_more_candidates_than_the_limit() -> None:
    candidates = propose_candidates(context(GOOD, proposals=tuple("abcdefgh")))
    assert len(candidates) == MAX_CANDIDATES
    assert candidates[0].strategy == "last_good_version"


def test_the_same_text_is_tried_once() -> None:
    candidates = propose_candidates(context(GOOD, proposals=("good", "good")))
    assert [candidate.content for candidate in candidates].count("good") == 1
    assert candidates[0].strategy == "last_good_version"


def test_what_the_lint_finds_is_not_tried() -> None:
    candidates = propose_candidates(context(proposals=("", '{"a": 1}', "zero\u200bwidth", "fine")))
    proposed = [one.content for one in candidates if one.strategy == "analyst_proposal"]
    assert proposed == ["fine"]


def test_a_text_that_has_served_may_serve_again_whatever_the_lint_says() -> None:
    old = dataclasses.replace(GOOD, content='{"role": "coder"}')
    assert propose_candidates(context(old))[0].content == old.content


TEXT = st.text(max_size=40)


@given(
    TEXT,
    st.lists(st.builds(PastPrompt, TEXT, st.integers(1), st.integers(0, 9), st.integers(0, 9))),
    st.lists(TEXT, max_size=6).map(tuple),
)
def test_candidates_are_few_distinct_and_never_the_incumbent(
    incumbent: str, history: list[PastPrompt], proposals: tuple[str, ...]
) -> None:
    candidates = propose_candidates(context(*history, incumbent=incumbent, proposals=proposals))
    texts = [candidate.content for candidate in candidates]
    assert incumbent not in texts
    assert len(texts) == len(set(texts)) <= MAX_CANDIDATES
    served = {past.content for past in history}
    assert all(text in served or not find_lint(text, longest_served_bytes=40) for text in texts)


@pytest.mark.parametrize(
    ("content", "longest_served_bytes", "problem"),
    [
        pytest.param("You write code.\n\t- Well.", 100, "", id="plain"),
        pytest.param("당신은 파이썬 코드 생성기입니다. 😀", 100, "", id="korean-and-emoji"),
        pytest.param("Use {braces} and %s and ${x}.", 100, "", id="template-syntax"),
        pytest.param("", 100, "it is blank", id="empty"),
        pytest.param(" \n", 100, "it is blank", id="blank"),
        pytest.param("x" * 4_096, 100, "", id="usual-size"),
        pytest.param("x" * 4_097, 100, "it is over 4096 bytes", id="over-the-usual-size"),
        pytest.param("가" * 1_366, 100, "it is over 4096 bytes", id="over-the-usual-size-in-bytes"),
        pytest.param("x" * 6_000, 3_000, "", id="twice-what-served"),
        pytest.param("x" * 6_001, 3_000, "it is over 6000 bytes", id="over-twice-what-served"),
        pytest.param("x" * 16_384, 90_000, "", id="the-most-of-all"),
        pytest.param("x" * 16_385, 90_000, "it is over 16384 bytes", id="over-the-most-of-all"),
        pytest.param("a\x00b", 100, "it has the character U+0000", id="nul"),
        pytest.param("a\x1bb", 100, "it has the character U+001B", id="escape"),
        pytest.param("a\u200bb", 100, "it has the character U+200B", id="zero-width-space"),
        pytest.param("a\u202eb", 100, "it has the character U+202E", id="right-to-left-override"),
        pytest.param("a\ue000b", 100, "it has the character U+E000", id="private-use"),
        pytest.param("a\ud800b", 100, "it has the character U+D800", id="lone-surrogate"),
        pytest.param("a\U000e0041b", 100, "it has the character U+E0041", id="tag-character"),
        pytest.param(' {"prompt": "x"}', 100, "it is wrapped in JSON", id="json-object"),
        pytest.param('["x"]', 100, "it is wrapped in JSON", id="json-list"),
        pytest.param("[Role] You write Python.", 100, "", id="a-bracket-is-no-json"),
    ],
)
def test_the_lint(content: str, longest_served_bytes: int, problem: str) -> None:
    assert find_lint(content, longest_served_bytes=longest_served_bytes) == problem


@pytest.mark.parametrize("task_type", ["code_generation", "letters"])
def test_what_the_repairs_of_a_task_type_say_passes_the_lint(task_type: str) -> None:
    repairs = load_repairs(task_type)
    [candidate] = rebuilt_from_rules(dataclasses.replace(context(), repairs=repairs))
    assert find_lint(candidate.content, longest_served_bytes=0) == ""
