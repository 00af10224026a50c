from types import SimpleNamespace
from typing import Any

import pytest

from services.optimizer.app.services.heal.resumption import find_promising, find_trusted
from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wager_store import StoredWagers
from services.optimizer.app.services.proof.wagers import WagerBook


async def test_where_no_bet_was_won_no_record_of_the_incident_is_read() -> None:
    nothing: Any = None
    incumbent: Any = SimpleNamespace(task_type="t", digest="d")
    book = StoredWagers(nothing, incumbent, 0)
    assert await find_promising(nothing, "t", book, TrialInputs((), ())) is None


@pytest.mark.parametrize(
    ("past", "gains", "is_trusted"),
    [
        pytest.param(None, [], False, id="nothing-served-well"),
        pytest.param(PastPrompt("past", 1, 40, 36), [], True, id="not-bet-on-yet"),
        pytest.param(PastPrompt("past", 1, 40, 36), [1.0, 0.0], True, id="it-has-won"),
        pytest.param(PastPrompt("past", 1, 40, 36), [0.0, 0.0], False, id="it-has-won-nothing"),
        pytest.param(PastPrompt("past", 1, 0, 0), [], False, id="it-was-never-scored"),
    ],
)
async def test_what_served_well_is_trusted_until_the_gate_has_seen_nothing_of_it(
    past: PastPrompt | None, gains: list[float], is_trusted: bool
) -> None:
    book = WagerBook()
    if gains:
        await book.bet("past", [(str(number), gain) for number, gain in enumerate(gains)])
    assert find_trusted(past, book) == ("past" if is_trusted else "")
