"""Examples are golden inputs, with answers that passed just now under what served well."""

from collections.abc import Awaitable, Callable

from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.proof.replay_results import GOLDEN
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.few_shot import (
    EXAMPLES,
    MAX_ANSWER_CHARACTERS,
    few_shot,
)

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]

PAST = PastPrompt("You write code.\n", version=3, scored=10, passed=9)


async def test_without_a_good_version_there_are_no_right_answers(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(few_shot, make_context(passes=lambda content: True)) == []


async def test_without_golden_inputs_there_is_nothing_to_show(
    make_context: MakeContext, propose: Propose
) -> None:
    context = make_context(last_good=PAST, passes=lambda content: True)
    live = [item for item in context.choosing if item.source != GOLDEN]
    assert await propose(few_shot, make_context(last_good=PAST, choosing=live)) == []


async def test_answers_that_fail_are_not_shown(make_context: MakeContext, propose: Propose) -> None:
    assert await propose(few_shot, make_context(last_good=PAST)) == []


async def test_golden_inputs_are_shown_with_answers_that_passed(
    make_context: MakeContext, propose: Propose
) -> None:
    context = make_context(last_good=PAST, passes=lambda content: content == PAST.content)
    [candidate] = await propose(few_shot, context)
    assert candidate.content == (
        "You write code.\n\nExamples of right answers:\n\n"
        "Request: Reverse a string\nAnswer:\nanswer to golden-1\n\n"
        "Request: Add two numbers\nAnswer:\nanswer to golden-2"
    )
    assert candidate.rationale == (
        f"version 3 with {EXAMPLES} golden inputs and answers that passed"
    )


async def test_nothing_from_live_traffic_is_shown(
    make_context: MakeContext, propose: Propose
) -> None:
    context = make_context(last_good=PAST, passes=lambda content: True)
    [candidate] = await propose(few_shot, context)
    for item in context.choosing:
        if item.source != GOLDEN:
            assert item.user_input not in candidate.content
    assert {name for _, name in context.replay.asked} == {"golden-1", "golden-2", "golden-3"}  # type: ignore[attr-defined]


async def test_long_answers_are_left_out(make_context: MakeContext, propose: Propose) -> None:
    context = make_context(last_good=PAST, passes=lambda content: True)
    replay = context.replay

    async def at_length(content: str, inputs: object) -> object:
        import dataclasses

        results = await replay(content, inputs)  # type: ignore[arg-type]
        long = "x" * (MAX_ANSWER_CHARACTERS + 1)
        return {name: dataclasses.replace(one, output=long) for name, one in results.items()}

    context = make_context(last_good=PAST, replay=at_length)
    assert await propose(few_shot, context) == []
