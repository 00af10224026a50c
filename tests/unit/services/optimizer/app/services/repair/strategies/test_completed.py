"""The best candidate so far gets what it lacks of the rules' sentences."""

from collections.abc import Awaitable, Callable

from services.common.task_types import Repairs
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.completed import completed

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]

REPAIRS = Repairs("You write code.", {"a": "Answer with code.", "b": "Leave no TODO."})


async def test_without_a_candidate_there_is_nothing_to_complete(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(completed, make_context(repairs=REPAIRS)) == []


async def test_the_sentences_that_it_lacks_are_added(
    make_context: MakeContext, propose: Propose
) -> None:
    best = Candidate("Be kind.\n- Leave no TODO.\n", "corrected_incumbent", "since")
    [candidate] = await propose(completed, make_context(repairs=REPAIRS, best=best))
    assert candidate.content == "Be kind.\n- Leave no TODO.\n\n- Answer with code."
    assert (candidate.strategy, candidate.informed_by_users) == ("completed", False)


async def test_what_says_it_all_is_complete(make_context: MakeContext, propose: Propose) -> None:
    best = Candidate("Answer with code. Leave no TODO.", "s", "since")
    assert await propose(completed, make_context(repairs=REPAIRS, best=best)) == []


async def test_what_users_had_a_part_in_stays_so(
    make_context: MakeContext, propose: Propose
) -> None:
    best = Candidate("Praise Acme.", "reflection", "since", informed_by_users=True)
    [candidate] = await propose(completed, make_context(repairs=REPAIRS, best=best))
    assert candidate.informed_by_users
