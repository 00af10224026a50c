"""An alarm is looked into: both texts on the same live inputs, by the gate's bet."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.errors import UpstreamError
from services.common.proof.betting import wins_needed
from services.optimizer.app.services.aftercare.alarm_confirmation import (
    Confirmation,
    TooFewReplaysError,
    confirm_alarm,
)
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.replay import BudgetExceededError
from services.optimizer.app.services.proof.replay_results import ReplayInput

MakeReplays = Callable[..., Any]

PROMOTED, BEFORE = "promoted", "before"
WORDS = "amber basil cedar delta ember fjord grove haven inlet jetty knoll larch".split()


def live(count: int = 12, *, passed: bool = False) -> list[LoggedResult]:
    return [LoggedResult(word, word, 0.9 if passed else 0.3, passed) for word in WORDS[:count]]


def give(promoted: float | None, before: float | None) -> Callable[[str, ReplayInput], Any]:
    return lambda content, _item: promoted if content == PROMOTED else before


async def confirm(replays: Any, after: list[LoggedResult]) -> Confirmation:
    return await confirm_alarm(replays, promoted=PROMOTED, before=BEFORE, after=after)


async def test_what_fails_again_where_the_text_before_passes_is_worse(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(give(0.3, 0.9))
    confirmation = await confirm(replays, live())
    assert confirmation.decision.promote
    assert (confirmation.replayed, confirmation.worker_calls) == (5, 10)
    assert set(replays.registered) == {PROMOTED, BEFORE}


@pytest.mark.parametrize(
    ("promoted", "before"),
    [
        pytest.param(0.3, 0.3, id="what-was-asked-is-at-fault"),
        pytest.param(0.9, 0.9, id="it-passes-now"),
        pytest.param(0.9, 0.3, id="it-is-better"),
    ],
)
async def test_what_is_no_worse_on_the_same_inputs_is_cleared(
    make_replays: MakeReplays, promoted: float, before: float
) -> None:
    replays = make_replays(give(promoted, before))
    confirmation = await confirm(replays, live())
    assert not confirmation.decision.promote
    assert confirmation.worker_calls <= 24


async def test_inputs_that_passed_speak_for_the_promoted_text(make_replays: MakeReplays) -> None:
    """It loses where the attacker asked, and wins where others did."""

    def answer(content: str, item: ReplayInput) -> float:
        is_theirs = item.refined_input in WORDS[6:]
        return 0.9 if is_theirs == (content == BEFORE) else 0.3

    after = [*live(6, passed=True), *live()[6:]]
    confirmation = await confirm(make_replays(answer), [*after[::2], *after[1::2]])
    assert not confirmation.decision.promote


async def test_with_too_few_inputs_nothing_is_replayed(make_replays: MakeReplays) -> None:
    replays = make_replays(give(0.3, 0.9))
    with pytest.raises(TooFewReplaysError):
        await confirm(replays, [*live(wins_needed() - 1), *live(1) * 50])
    assert replays.asked == []


async def test_what_can_not_be_replayed_is_no_answer(make_replays: MakeReplays) -> None:
    def fail(_content: str, _item: ReplayInput) -> float:
        raise UpstreamError("down", upstream="worker", upstream_code="unreachable")

    with pytest.raises(UpstreamError):
        await confirm(make_replays(fail), live())
    with pytest.raises(TooFewReplaysError):
        await confirm(make_replays(give(None, None)), live())
    with pytest.raises(BudgetExceededError):
        await confirm(make_replays(give(0.3, 0.9), budget=0), live())


async def test_without_a_pair_nothing_is_known(make_replays: MakeReplays) -> None:
    """Each text is scored on inputs on which the other isn't."""

    def answer(content: str, item: ReplayInput) -> float | None:
        is_odd = int(item.id.rpartition("-")[2]) % 2 == 1
        return 0.5 if is_odd == (content == PROMOTED) else None

    with pytest.raises(TooFewReplaysError):
        await confirm(make_replays(answer), live(11))
