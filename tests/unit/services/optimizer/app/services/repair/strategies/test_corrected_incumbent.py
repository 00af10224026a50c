"""The incumbent with an answer to every rule that failed."""

from collections.abc import Awaitable, Callable

import pytest

from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.corrected_incumbent import (
    corrected_incumbent,
)

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]


async def test_a_sentence_is_added_for_each_rule_that_failed(
    make_context: MakeContext, propose: Propose
) -> None:
    [candidate] = await propose(
        corrected_incumbent, make_context("Be brief.\n", failed_rules=("s", "r"))
    )
    assert candidate.content == "Be brief.\n\nAbove all:\n- Obey s.\n- Obey r."
    assert candidate.rationale == "adds what answers s, r"


@pytest.mark.parametrize("failed_rules", [(), ("unknown",)], ids=["none", "without-a-sentence"])
async def test_without_a_sentence_nothing_is_corrected(
    make_context: MakeContext, propose: Propose, failed_rules: tuple[str, ...]
) -> None:
    assert await propose(corrected_incumbent, make_context(failed_rules=failed_rules)) == []
