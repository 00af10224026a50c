"""What the configured model writes is proposed as it is."""

from collections.abc import Awaitable, Callable, Sequence

from services.optimizer.app.services.candidates import Candidate, RepairContext
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.strategies.reflection import reflection

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
    assert await propose(reflection, context) == REWRITES
    assert shown == [(context.incumbent, context.analysis)]
