"""Which inputs choose a candidate, which prove it, and how scores are paired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.chat.messages import ChatInput
from services.common.proof.betting import MAX_PROVING, PairedScore
from services.common.task_types import GoldenInputs, open_task_types
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.damage import MOST_TIMES
from services.optimizer.app.services.proof.paired_test import can_decide
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    GUARD,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.proof.trial import (
    MAX_CHOOSING,
    MAX_CHOOSING_FAILING,
    MAX_PER_CLUSTER,
    MAX_PROVING_FAILING,
    TrialInputs,
    golden_failures,
    pair_scores,
    plan_trial,
    repairs_all,
)
from services.optimizer.app.services.proof.wagers import Wager

# Each word is an input that is like no other.
WORDS = """amber birch cedar delta ember fjord grove heron islet jetty knoll larch maple nacre
otter pearl quill ridge shoal thorn umber viper wharf xenon yucca zebra acorn basil clove daisy
elder fern gorse hazel iris jade kelp lilac moss nettle olive poppy""".split()
GOLDEN_INPUTS = GoldenInputs(
    choosing=tuple(f"choose{word}" for word in WORDS[:24]),
    verdict=tuple(f"judge{word}" for word in WORDS[:24]),
)
NO_GOLDEN = GoldenInputs()


def failure(text: str) -> LoggedResult:
    return LoggedResult(user_input=text, refined_input=f"{text}.", score=0.3, passed=False)


def passing(text: str) -> LoggedResult:
    return LoggedResult(user_input=text, refined_input=f"{text}.", score=0.9, passed=True)


def failures(count: int) -> list[LoggedResult]:
    return [failure(word) for word in WORDS[:count]]


def texts(inputs: tuple[ReplayInput, ...], source: str | None = None) -> list[str]:
    return [item.user_input for item in inputs if source in (None, item.source)]


def item(name: str, source: str = FAILING) -> ReplayInput:
    return ReplayInput(name, name, name, source)


def replayed(score: float, *, passed: bool | None = None, fingerprint: str = "f") -> ReplayResult:
    return ReplayResult(score, score >= 0.7 if passed is None else passed, fingerprint)


def test_failing_inputs_are_dealt_out_in_turn_and_golden_ones_stand_between_them() -> None:
    trial = plan_trial(failures(3), GOLDEN_INPUTS)
    assert texts(trial.choosing, FAILING) == ["amber", "cedar"]
    assert texts(trial.proving, FAILING) == ["birch"]
    assert texts(trial.choosing)[:4] == ["amber", "chooseamber", "cedar", "choosebirch"]
    assert texts(trial.proving)[:3] == ["birch", "judgeamber", "judgebirch"]
    assert trial.clusters == 3


def test_a_golden_conversation_is_replayed_whole() -> None:
    asked = ChatInput([{"role": "user", "content": "hat"}], [{"type": "function"}])
    golden = GoldenInputs(choosing=("hat",), ids={"hat": "g-1"}, conversations={"hat": asked})
    [item] = plan_trial([], golden).choosing
    assert (item.conversation, item.golden_id, item.user_input) == (asked, "g-1", "hat")


def test_an_input_is_replayed_as_it_was_refined() -> None:
    first, golden, *_ = plan_trial(failures(1), GOLDEN_INPUTS).choosing
    assert (first.user_input, first.refined_input, first.source) == ("amber", "amber.", FAILING)
    assert golden.user_input == golden.refined_input
    assert golden.source == GOLDEN


def test_of_many_failing_inputs_only_some_are_run() -> None:
    trial = plan_trial(failures(40), GOLDEN_INPUTS, [])
    assert len(texts(trial.choosing, FAILING)) == MAX_CHOOSING_FAILING
    assert len(texts(trial.proving, FAILING)) == MAX_PROVING_FAILING
    assert (len(trial.choosing), len(trial.proving)) == (MAX_CHOOSING, MAX_PROVING)


def test_what_the_authors_see_is_what_is_among_the_choosing_inputs() -> None:
    trial = plan_trial(failures(40), GOLDEN_INPUTS)
    assert [row.user_input for row in trial.evidence] == texts(trial.choosing, FAILING)


def test_one_caller_s_flood_is_two_inputs_on_one_side() -> None:
    flood = [failure(f"order number {number} is late") for number in range(50)]
    trial = plan_trial([*flood, failure("amber")], GOLDEN_INPUTS)
    assert trial.clusters == 2
    assert texts(trial.choosing, FAILING) == [row.user_input for row in flood[:MAX_PER_CLUSTER]]
    assert texts(trial.proving, FAILING) == ["amber"]


def test_the_largest_cluster_comes_first_however_old_it_is() -> None:
    many = [failure(f"order number {number} is late") for number in range(3)]
    trial = plan_trial([failure("amber"), failure("birch"), *many], GOLDEN_INPUTS)
    assert texts(trial.choosing, FAILING)[0] == "order number 0 is late"


@pytest.mark.parametrize("text", ["chooseamber", "choosebirch", "judgeamber", "judgedelta"])
@pytest.mark.parametrize("position", [0, 1], ids=["choosing", "proving"])
def test_a_golden_input_that_fails_in_traffic_is_replayed_once(text: str, position: int) -> None:
    failing = failures(2)
    failing[position] = failure(text)
    trial = plan_trial(failing, GOLDEN_INPUTS)
    assert [*texts(trial.choosing), *texts(trial.proving)].count(text) == 1


@given(
    st.lists(st.sampled_from([*WORDS, *GOLDEN_INPUTS.choosing, *GOLDEN_INPUTS.verdict])),
    st.lists(st.sampled_from([*WORDS, *GOLDEN_INPUTS.choosing, *GOLDEN_INPUTS.verdict])),
    st.sampled_from(
        [GOLDEN_INPUTS, NO_GOLDEN, open_task_types(None).golden_inputs("code_generation")]
    ),
    st.integers(0, 30),
)
def test_what_chooses_has_no_part_in_the_proof_in_other_words_either(
    failed: list[str], passed: list[str], golden: GoldenInputs, guard_inputs: int
) -> None:
    trial = plan_trial(
        [failure(name) for name in dict.fromkeys(failed)],
        golden,
        [passing(name) for name in passed],
        guard_inputs=guard_inputs,
    )
    choosing, proving = texts(trial.choosing), texts(trial.proving)
    judging = dict.fromkeys((*trial.proving, *trial.guards, *trial.spare_guards))
    seen = (*trial.choosing, *trial.spare_choosing)
    assert not {one.user_input for one in seen} & {one.user_input for one in judging}
    ids = [one.id for one in (*seen, *judging)]
    assert len(set(ids)) == len(ids)
    for half in (choosing, proving, texts(trial.guards)):
        assert len(set(half)) == len(half)
    unseen = {one.user_input for one in judging if one.source != FAILING}
    assert not unseen & set(golden.choosing)
    assert len(trial.choosing) <= MAX_CHOOSING
    assert len(trial.proving) <= MAX_PROVING
    assert len(trial.guards) <= guard_inputs
    assert len(trial.spare_guards) <= (MOST_TIMES - 1) * guard_inputs
    assert not trial.spare_guards or len(trial.guards) == guard_inputs


@given(st.lists(st.sampled_from([f"{word} {n}" for word in WORDS[:6] for n in range(6)])))
def test_like_inputs_stay_on_one_side(names: list[str]) -> None:
    trial = plan_trial([failure(name) for name in dict.fromkeys(names)], NO_GOLDEN)
    kinds = [{text.split()[0] for text in texts(half)} for half in (trial.choosing, trial.proving)]
    assert not kinds[0] & kinds[1]


def test_a_repair_of_code_generation_can_be_proven_whatever_failed() -> None:
    golden = open_task_types(None).golden_inputs("code_generation")
    for count in range(1, 10):
        assert can_decide(len(plan_trial(failures(count), golden).proving))


def test_without_golden_inputs_it_takes_ten_kinds_of_failures() -> None:
    assert not can_decide(len(plan_trial(failures(9), NO_GOLDEN).proving))
    assert can_decide(len(plan_trial(failures(10), NO_GOLDEN).proving))


# Guards.


def test_guards_are_what_passed_lately_one_of_each_kind_before_a_second() -> None:
    rows = [passing("order 1 late"), passing("order 2 late"), passing("amber"), passing("birch")]
    trial = plan_trial(failures(0), NO_GOLDEN, rows)
    assert texts(trial.guards) == ["order 1 late", "amber", "birch", "order 2 late"]
    assert {one.source for one in trial.guards} == {GUARD}


def test_a_guard_never_failed_and_is_no_golden_input() -> None:
    rows = [passing(text) for text in ("amber", "chooseamber", "judgeamber", "birch", "birch")]
    trial = plan_trial(failures(1), GOLDEN_INPUTS, rows)
    assert texts(trial.guards) == ["birch"]


def test_the_newest_guards_are_taken_and_no_more_than_asked() -> None:
    rows = [passing(word) for word in WORDS[:30]]
    assert texts(plan_trial([], NO_GOLDEN, rows, guard_inputs=3).guards) == WORDS[:3]
    assert plan_trial([], NO_GOLDEN, rows, guard_inputs=0).guards == ()


def test_spare_inputs_are_those_that_the_first_ones_leave() -> None:
    rows = [passing(word) for word in WORDS[20:50]]
    trial = plan_trial(failures(14), open_task_types(None).golden_inputs("code_generation"), rows)
    assert texts((*trial.guards, *trial.spare_guards)) == WORDS[20:50]
    assert len(trial.guards) == 10
    spare = trial.spare_choosing
    assert [one.source for one in spare[:4]] == [GOLDEN, FAILING, GOLDEN, FAILING]
    assert len(texts(spare, FAILING)) == 3
    assert len(texts(spare, GOLDEN)) == 12
    assert not {one.id for one in spare} & {one.id for one in trial.choosing}


def test_a_later_heal_proves_on_spare_guards_too() -> None:
    rows = [passing(word) for word in WORDS[20:50]]
    trial = plan_trial(failures(14), open_task_types(None).golden_inputs("code_generation"), rows)
    first = [item.fingerprint for item in trial.proving]
    later = Wager(seen=frozenset(first)).pick_fresh(trial.all_proving)
    assert Wager().pick_fresh(trial.all_proving) == list(trial.proving)
    assert later[: len(trial.spare_guards)] == list(trial.spare_guards)
    assert later[-1].source == GOLDEN


def test_the_proof_hears_others_early_between_what_failed() -> None:
    """A candidate that mends what failed and breaks the rest must not win before that shows."""
    trial = plan_trial(failures(12), GOLDEN_INPUTS, [passing(word) for word in WORDS[30:33]])
    sources = [one.source for one in trial.proving]
    others = [at for at, source in enumerate(sources) if source != FAILING]
    assert [sources[at] for at in others[:3]] == [GUARD, GOLDEN, GUARD]
    assert others[:3] == [2, 5, 8]
    assert {sources[at] for at in others} == {GUARD, GOLDEN}
    assert len(trial.proving) == MAX_PROVING


# Scores.

ORDER = [item("a"), item("b"), item("c"), item("d")]


def test_only_inputs_that_both_were_scored_on_by_one_evaluator_are_paired() -> None:
    incumbent = {"a": replayed(0.3), "b": replayed(0.4), "c": replayed(0.5)}
    candidate = {"a": replayed(0.9), "c": replayed(0.9, fingerprint="g"), "d": replayed(0.9)}
    assert pair_scores(incumbent, candidate, ORDER) == [PairedScore("a", 0.3, 0.9)]


def test_pairs_come_in_the_planned_order_whatever_was_measured_first() -> None:
    results = {name: replayed(0.5) for name in "dbca"}
    assert [pair.input_id for pair in pair_scores(results, results, ORDER)] == list("abcd")
    assert [pair.input_id for pair in pair_scores(results, results, ORDER[1:3])] == list("bc")


@pytest.mark.parametrize(
    ("candidate", "repaired"),
    [
        pytest.param({"a": 0.9, "b": 0.9, "golden": 0.1}, True, id="all"),
        pytest.param({"a": 0.9, "b": 0.1}, True, id="what-did-not-fail-again"),
        pytest.param({"a": 0.6, "b": 0.9}, False, id="one-still-fails"),
        pytest.param({"b": 0.9}, False, id="one-was-not-scored"),
    ],
)
def test_whether_a_candidate_repairs_all_that_fails_in_traffic(
    candidate: dict[str, float], *, repaired: bool
) -> None:
    incumbent = {"a": replayed(0.3), "b": replayed(0.8), "golden": replayed(0.3)}
    results = {name: replayed(score) for name, score in candidate.items()}
    inputs = [item("a"), item("b"), item("golden", GOLDEN)]
    assert repairs_all(results, incumbent, inputs) is repaired


def test_where_nothing_fails_again_nothing_is_repaired() -> None:
    assert not repairs_all({"a": replayed(0.9)}, {"a": replayed(0.9)}, [item("a")])


def test_an_empty_trial_is_no_error() -> None:
    assert plan_trial([], NO_GOLDEN) == TrialInputs((), ())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 20_001, id="too-long"),
        pytest.param("nul\x00", id="nul"),
        pytest.param("  ", id="blank"),
    ],
)
def test_what_the_services_would_not_take_is_not_replayed(text: str) -> None:
    odd = LoggedResult(text, text, 0.3, False)
    trial = plan_trial([odd, failure("Sort a list")], GoldenInputs(), [odd, passing("Add two")])
    assert [one.user_input for one in (*trial.choosing, *trial.proving)] == [
        "Sort a list",
        "Add two",
    ]


def test_failing_golden_inputs_are_evidence_that_no_user_wrote() -> None:
    inputs = [item("live"), item("passes", GOLDEN), item("fails", GOLDEN), item("unrun", GOLDEN)]
    results = {"live": replayed(0.3), "passes": replayed(0.9), "fails": replayed(0.3)}
    [evidence] = golden_failures(inputs, results)
    assert evidence.user_input == inputs[2].user_input
    assert (evidence.score, evidence.passed) == (0.3, False)
