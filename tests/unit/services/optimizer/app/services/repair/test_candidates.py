"""Which earlier text is gone back to, and what answers the rules that failed."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types import Repairs
from services.optimizer.app.services.log.log_records import LoggedResult, PastPrompt
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.replay_results import FAILING, ReplayInput, ReplayResult
from services.optimizer.app.services.repair.candidates import (
    RepairContext,
    as_list,
    find_last_good,
    repair_sentences,
)

GOOD = PastPrompt("good", version=1, scored=10, passed=9)
BAD = PastPrompt("bad", version=2, scored=10, passed=2)
HALF = PastPrompt("half", version=3, scored=10, passed=4)
UNTRIED = PastPrompt("untried", version=4, scored=0, passed=0)


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
            [dataclasses.replace(GOOD, content="incumbent"), GOOD],
            "good",
            id="not-the-incumbent's-text",
        ),
        pytest.param([dataclasses.replace(GOOD, content=" \n"), GOOD], "good", id="not-a-blank"),
        pytest.param([HALF], "half", id="clearly-better-than-a-prompt-that-passes-nothing"),
    ],
)
def test_the_last_version_that_served_well(history: list[PastPrompt], content: str | None) -> None:
    found = find_last_good(history, "incumbent", incumbent_pass_rate=0)
    assert (found.content if found else None) == content


@pytest.mark.parametrize(
    ("passed", "incumbent_pass_rate", "is_enough"),
    [
        pytest.param(3, 0.0, True, id="three-tenths-more"),
        pytest.param(2, 0.0, False, id="a-little-more"),
        pytest.param(5, 0.2, True, id="three-tenths-more-than-some"),
        pytest.param(4, 0.2, False, id="a-little-more-than-some"),
        pytest.param(7, 0.6, True, id="at-the-good-pass-rate"),
        pytest.param(6, 0.6, False, id="no-more"),
    ],
)
def test_how_well_is_well_enough(
    *, passed: int, incumbent_pass_rate: float, is_enough: bool
) -> None:
    past = PastPrompt("past", version=1, scored=10, passed=passed)
    found = find_last_good([past], "incumbent", incumbent_pass_rate=incumbent_pass_rate)
    assert (found is past) is is_enough


@given(
    st.lists(
        st.builds(
            PastPrompt,
            st.sampled_from(["incumbent", "a", "b", " "]),
            st.integers(1),
            st.integers(9, 10),
            st.integers(0, 9),
        )
    ),
    st.floats(0, 1),
)
def test_it_is_never_the_same_words_again(history: list[PastPrompt], pass_rate: float) -> None:
    found = find_last_good(history, "incumbent", incumbent_pass_rate=pass_rate)
    assert found is None or found.content in ("a", "b")


def context(
    *failed_rules: tuple[str, ...], results: dict[str, bool] | None = None
) -> RepairContext:
    async def replay(content: str, inputs: object) -> dict[str, ReplayResult]:
        raise AssertionError("nothing is replayed here")

    failures = [LoggedResult("x", "x", 0.3, False, failed_rules=rules) for rules in failed_rules]
    return RepairContext(
        incumbent="incumbent",
        analysis=analyze_failures(failures, threshold=1),
        choosing=[ReplayInput(name, name, name, FAILING) for name in "abc"],
        incumbent_results={
            name: ReplayResult(0.5, passed, "f") for name, passed in (results or {}).items()
        },
        last_good=None,
        repairs=Repairs(role="You write code.", by_rule={"r": "Obey r.", "s": "Obey s."}),
        replay=replay,
    )


def test_rules_are_answered_the_most_frequent_first() -> None:
    assert repair_sentences(context(("s", "r"), ("r",), ("unknown",))) == ["Obey r.", "Obey s."]
    assert repair_sentences(context(())) == []
    assert as_list(["one", "two"]) == ["- one", "- two"]


def test_broken_is_what_fails_again() -> None:
    broken = context(results={"a": False, "b": True, "d": False}).broken
    assert [item.id for item in broken] == ["a"]
