from types import SimpleNamespace
from typing import Any

from services.optimizer.app.services.heal.resumption import find_promising
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wager_store import StoredWagers


async def test_where_no_bet_was_won_no_record_of_the_incident_is_read() -> None:
    nothing: Any = None
    incumbent: Any = SimpleNamespace(task_type="t", digest="d")
    book = StoredWagers(nothing, incumbent, 0)
    assert await find_promising(nothing, "t", book, TrialInputs((), ())) is None
