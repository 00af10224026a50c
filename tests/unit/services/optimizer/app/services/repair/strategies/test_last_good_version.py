"""Going back to what served well."""

from collections.abc import Awaitable, Callable

import pytest

from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.last_good_version import last_good_version

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]


async def test_without_one_nothing_is_proposed(make_context: MakeContext, propose: Propose) -> None:
    assert await propose(last_good_version, make_context()) == []


@pytest.mark.parametrize(
    ("scored", "passed", "rationale"),
    [
        pytest.param(10, 9, "version 3 served before: 9 of 10 passed", id="scored"),
        pytest.param(0, 0, "version 3 served before: never scored", id="never-scored"),
    ],
)
async def test_the_rationale_names_the_version_and_its_record(
    make_context: MakeContext, propose: Propose, scored: int, passed: int, rationale: str
) -> None:
    past = PastPrompt("You write code.", version=3, scored=scored, passed=passed)
    assert await propose(last_good_version, make_context(last_good=past)) == [
        Candidate("You write code.", "last_good_version", rationale)
    ]
