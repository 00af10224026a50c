"""The gate: pairs until it is decided, damage, what can't be scored, and the label."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from services.optimizer.app.services.proof.paired_test import (
    BETTER,
    LEARNED,
    NOT_BETTER,
    RESET,
    UNLABELLED,
    decide,
)
from services.optimizer.app.services.proof.replay_results import FAILING, GOLDEN, GUARD, ReplayInput
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wagers import (
    ENOUGH_WITHOUT_WIN,
    INPUTS_USED_UP,
    WagerBook,
)
from services.optimizer.app.services.repair.candidates import Candidate
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.gate import (
    BUDGET,
    DAMAGE,
    EMPTY_PROMPT,
    FIRST_CONTROL,
    MAX_CONTROL,
    UNSCORED,
    Gate,
    GateDecision,
)

MakeReplays = Callable[..., Any]

INCUMBENT, CANDIDATE = "incumbent", "candidate"
GOOD, BAD = 0.9, 0.35


def inputs(source: str, count: int) -> tuple[ReplayInput, ...]:
    return tuple(
        ReplayInput(f"{source}-{n}", f"{n}", f"{source} {n}", source) for n in range(count)
    )


PAIRS = (*inputs(FAILING, 8), *inputs(GOLDEN, 16))
GUARDS = inputs(GUARD, 10)
CONTENDER = Contender(Candidate(CANDIDATE, "s", "since"), uuid4(), {}, {}, decide([]), False)


def score(content: str, item: ReplayInput) -> float | None:
    """The candidate mends everything and breaks nothing; without a prompt nothing works."""
    if item.source == GUARD:
        return GOOD
    return GOOD if content == CANDIDATE else BAD


async def judge(
    replays: Any,
    *,
    proving: tuple[ReplayInput, ...] = PAIRS,
    guards: tuple[ReplayInput, ...] = GUARDS,
    allowed: int = 1,
    book: WagerBook | None = None,
) -> GateDecision:
    gate = Gate(
        replays,
        TrialInputs(choosing=(), proving=proving, guards=guards),
        INCUMBENT,
        book=book or WagerBook(),
        max_newly_failing=allowed,
    )
    return await gate.judge(CONTENDER)


def calls(replays: Any, content: str) -> list[str]:
    return [name for asked, name in replays.asked if asked == content]


async def test_a_clear_gain_is_decided_within_a_few_pairs(make_replays: MakeReplays) -> None:
    replays = make_replays(score)
    decision = await judge(replays)
    assert (decision.reason, decision.promote) == (BETTER, True)
    assert len(decision.pairs) == 5
    assert calls(replays, INCUMBENT) == [item.id for item in PAIRS[:5]]


async def test_a_clear_loss_is_decided_within_a_few_pairs_too(make_replays: MakeReplays) -> None:
    replays = make_replays(lambda content, item: GOOD if content == INCUMBENT else BAD)
    decision = await judge(replays)
    assert (decision.reason, decision.promote, decision.label) == (NOT_BETTER, False, UNLABELLED)
    assert len(decision.pairs) == 5
    assert decision.damage.checked == 0
    assert calls(replays, EMPTY_PROMPT) == []


async def test_a_tie_goes_on_until_nothing_could_change_it(make_replays: MakeReplays) -> None:
    replays = make_replays(lambda content, item: 0.5)
    decision = await judge(replays)
    assert (decision.reason, decision.promote) == (NOT_BETTER, False)
    assert ENOUGH_WITHOUT_WIN <= len(decision.pairs) < len(PAIRS)


async def test_pairs_come_in_their_planned_order(make_replays: MakeReplays) -> None:
    def answer(content: str, item: ReplayInput) -> float:
        return 0.6 if content == CANDIDATE else 0.5

    decision = await judge(make_replays(answer), guards=())
    order = [pair.input_id for pair in decision.pairs]
    assert order == [item.id for item in PAIRS[: len(order)]]


# Damage.


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(0, BETTER, id="none"),
        pytest.param(1, BETTER, id="one-of-ten"),
        pytest.param(2, DAMAGE, id="two-of-ten"),
    ],
)
async def test_damage_among_what_works_is_borne_up_to_a_bound(
    make_replays: MakeReplays, broken: int, reason: str
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        if content == CANDIDATE and item in GUARDS[:broken]:
            return BAD
        return score(content, item)

    replays = make_replays(answer)
    decision = await judge(replays)
    assert decision.reason == reason
    assert decision.damage.newly_failing == tuple(item.id for item in GUARDS[:broken])
    assert decision.damage.checked == len(GUARDS)
    incumbent = [name for name in calls(replays, INCUMBENT) if name.startswith(GUARD)]
    # Where more fail than may, how the incumbent does on all of them tells whether it is noise.
    asked = broken if broken < 2 else len(GUARDS)
    assert incumbent == [item.id for item in GUARDS[:asked]]


async def test_where_every_answer_is_half_luck_two_newly_failing_guards_hold_nothing(
    make_replays: MakeReplays,
) -> None:
    """Seen on a local model: nine pairs of nine were won, and two guards newly failed."""

    def answer(content: str, item: ReplayInput) -> float | None:
        if item.source != GUARD:
            return score(content, item)
        return BAD if item in (GUARDS[:2] if content == CANDIDATE else GUARDS[4:8]) else GOOD

    decision = await judge(make_replays(answer))
    assert (decision.reason, len(decision.damage.newly_failing)) == (BETTER, 2)


async def test_what_ten_guards_can_not_tell_more_of_them_do(make_replays: MakeReplays) -> None:
    spare = tuple(ReplayInput(f"{GUARD}-{n}", f"{n}", f"{n}", GUARD) for n in range(10, 40))

    def answer(content: str, item: ReplayInput) -> float | None:
        is_broken = item.source == GUARD and int(item.user_input) % 3 == 2
        return BAD if content == CANDIDATE and is_broken else score(content, item)

    gate = Gate(
        make_replays(answer),
        TrialInputs((), PAIRS, GUARDS[:3], spare_guards=(*GUARDS[3:], *spare)),
        INCUMBENT,
        book=WagerBook(),
        max_newly_failing=1,
    )
    decision = await gate.judge(CONTENDER)
    assert decision.reason == DAMAGE
    assert 3 < decision.damage.checked < 20


async def test_what_the_incumbent_fails_now_as_well_is_no_damage(
    make_replays: MakeReplays,
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return BAD if item.source == GUARD else score(content, item)

    assert (await judge(make_replays(answer))).reason == BETTER


async def test_where_none_is_borne_one_is_too_many(make_replays: MakeReplays) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return BAD if (content, item) == (CANDIDATE, GUARDS[9]) else score(content, item)

    assert (await judge(make_replays(answer), allowed=0)).reason == DAMAGE


async def test_without_guards_there_is_no_damage_to_find(make_replays: MakeReplays) -> None:
    assert (await judge(make_replays(score), guards=())).reason == BETTER


# What can't be scored.


async def test_pairs_that_one_arm_has_no_score_for_do_not_exist(make_replays: MakeReplays) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return None if content == INCUMBENT and item in PAIRS[:2] else score(content, item)

    decision = await judge(make_replays(answer))
    assert decision.reason == BETTER
    assert not {pair.input_id for pair in decision.pairs} & {item.id for item in PAIRS[:2]}
    assert decision.unscored == ()


@pytest.mark.parametrize(
    ("mute", "reason"), [(1, BETTER), (2, UNSCORED), (3, UNSCORED)], ids=["one", "two", "three"]
)
async def test_a_candidate_wins_nothing_by_answers_that_nobody_can_judge(
    make_replays: MakeReplays, mute: int, reason: str
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return None if content == CANDIDATE and item in PAIRS[:mute] else score(content, item)

    decision = await judge(make_replays(answer))
    assert decision.reason == reason
    assert decision.unscored == tuple(item.id for item in PAIRS[:mute])


# Calls.


@pytest.mark.parametrize("budget", range(0, 60, 3))
async def test_the_budget_is_kept_and_too_small_a_one_is_no_loss(
    make_replays: MakeReplays, budget: int
) -> None:
    replays = make_replays(score, budget=budget)
    decision = await judge(replays)
    assert len(replays.asked) <= budget
    assert decision.reason in (BETTER, BUDGET)
    assert decision.promote == (decision.reason == BETTER)
    assert not decision.promote or decision.damage.checked == len(GUARDS)


async def test_too_few_inputs_are_no_lack_of_calls(make_replays: MakeReplays) -> None:
    assert (await judge(make_replays(score), proving=PAIRS[:4])).reason == INPUTS_USED_UP


# The label.


async def test_a_repair_that_no_prompt_at_all_could_not_do_has_learned(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(score)
    decision = await judge(replays)
    assert decision.label == LEARNED
    assert set(calls(replays, EMPTY_PROMPT)) == {pair.input_id for pair in decision.pairs}


async def test_a_repair_that_no_prompt_at_all_would_do_too_is_a_reset(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(lambda content, item: BAD if content == INCUMBENT else GOOD)
    decision = await judge(replays, guards=())
    assert (decision.reason, decision.label) == (BETTER, RESET)
    # Its first answers all pass, so that further ones would tell nothing new.
    assert len(decision.control) == FIRST_CONTROL < len(decision.pairs)


async def test_the_control_is_run_on_a_few_inputs_only(make_replays: MakeReplays) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return {INCUMBENT: 0.5, CANDIDATE: 0.7}.get(content, 0.5)

    replays = make_replays(answer)
    decision = await judge(replays, guards=())
    assert decision.reason == BETTER
    assert len(decision.pairs) > MAX_CONTROL == len(calls(replays, EMPTY_PROMPT))


async def test_a_control_that_fails_blocks_nothing(make_replays: MakeReplays) -> None:
    replays = make_replays(
        lambda content, item: None if content == EMPTY_PROMPT else score(content, item)
    )
    decision = await judge(replays)
    assert (decision.reason, decision.label, decision.control) == (BETTER, UNLABELLED, {})


async def test_without_calls_for_it_there_is_no_label(make_replays: MakeReplays) -> None:
    replays = make_replays(score, budget=10 + 10 + 2)
    decision = await judge(replays)
    assert decision.reason == BETTER
    assert len(calls(replays, EMPTY_PROMPT)) == 2
