"""What the configured model writes is proposed as it is."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.reflection import reflection

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]

REWRITES = [Candidate("one", "reflection", "since"), Candidate("two", "reflection", "since")]


async def test_without_a_model_nothing_is_proposed(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(reflection, make_context()) == []


async def test_the_model_reads_the_failures_and_its_rewrites_are_taken(
    make_context: MakeContext, propose: Propose
) -> None:
    shown: list[tuple[str, FailureAnalysis]] = []

    async def reflect(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
        shown.append((incumbent, analysis))
        return REWRITES

    context = make_context(reflect=reflect)
    rewrites = await propose(reflection, context)
    assert [rewrite.content for rewrite in rewrites] == ["one", "two"]
    assert shown == [(context.incumbent, context.analysis)]


@pytest.mark.parametrize("from_users", [True, False])
async def test_a_rewrite_tells_whether_its_writer_read_what_users_wrote(
    make_context: MakeContext, propose: Propose, *, from_users: bool
) -> None:
    async def reflect(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
        return REWRITES

    context = make_context(reflect=reflect, evidence_from_users=from_users)
    rewrites = await propose(reflection, context)
    assert [rewrite.informed_by_users for rewrite in rewrites] == [from_users] * 2
