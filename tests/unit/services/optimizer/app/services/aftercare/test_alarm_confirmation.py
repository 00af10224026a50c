"""An alarm is looked into: both texts on the same live inputs, by the gate's bet."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.common.proof.betting import alpha_of, wins_needed
from services.common.task_types import GoldenInputs
from services.optimizer.app.services.aftercare.alarm_confirmation import (
    FIRST_WAGER,
    Alarm,
    Confirmation,
    TooFewReplaysError,
    confirm_alarm,
    plan_inputs,
)
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.budget import BudgetExceededError
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.wagers import Wager, WagerBook

MakeReplays = Callable[..., Any]

PROMOTED, BEFORE = "promoted", "before"
WORDS = "amber basil cedar delta ember fjord grove haven inlet jetty knoll larch".split()


def live(count: int = 12, *, passed: bool = False) -> list[LoggedResult]:
    return [LoggedResult(word, word, 0.9 if passed else 0.3, passed) for word in WORDS[:count]]


def give(promoted: float | None, before: float | None) -> Callable[[str, ReplayInput], Any]:
    return lambda content, _item: promoted if content == PROMOTED else before


SERVING = Prompt(
    id=1,
    task_type="t",
    content=PROMOTED,
    version=100,
    is_active=True,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    change_reason="",
    created_by="optimizer",
)


async def confirm(
    replays: Any,
    after: list[LoggedResult],
    passing: list[LoggedResult] | None = None,
    *,
    wager: Wager = FIRST_WAGER,
    golden: GoldenInputs | None = None,
) -> Confirmation:
    alarm = Alarm(SERVING, BEFORE, after, passing or [], wager)
    return await confirm_alarm(replays, alarm, golden)


def is_confirmed(confirmation: Confirmation) -> bool:
    return confirmation.decision is not None and confirmation.decision.promote


async def test_what_fails_again_where_the_text_before_passes_is_worse(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(give(0.3, 0.9))
    confirmation = await confirm(replays, live())
    assert is_confirmed(confirmation)
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
    assert not is_confirmed(confirmation)
    assert confirmation.worker_calls <= 24


async def test_inputs_that_passed_speak_for_the_promoted_text(make_replays: MakeReplays) -> None:
    """It loses where the attacker asked, and wins where others did."""

    def answer(content: str, item: ReplayInput) -> float:
        is_theirs = item.refined_input in WORDS[6:]
        return 0.9 if is_theirs == (content == BEFORE) else 0.3

    after = [*live(6, passed=True), *live()[6:]]
    confirmation = await confirm(make_replays(answer), [*after[::2], *after[1::2]])
    assert not is_confirmed(confirmation)


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


async def test_a_look_asks_no_more_than_its_budget_allows(make_replays: MakeReplays) -> None:
    confirmation = await confirm(make_replays(give(0.4, 0.5), budget=14), live())
    assert (confirmation.replayed, confirmation.worker_calls) == (7, 14)
    assert confirmation.decision is not None
    assert confirmation.decision.e_value > 1


async def test_without_a_pair_nothing_is_known(make_replays: MakeReplays) -> None:
    """Each text is scored on inputs on which the other isn't."""

    def answer(content: str, item: ReplayInput) -> float | None:
        is_odd = int(item.id.rpartition("-")[2]) % 2 == 1
        return 0.5 if is_odd == (content == PROMOTED) else None

    with pytest.raises(TooFewReplaysError):
        await confirm(make_replays(answer), live(11))


async def test_what_breaks_off_after_the_first_pair_has_decided_nothing_and_is_told(
    make_replays: MakeReplays,
) -> None:
    """It counts as a confirmation: pairs were seen."""

    def answer(_content: str, item: ReplayInput) -> float:
        if item.id == "live-6":
            raise UpstreamError("down", upstream="worker", upstream_code="unreachable")
        return 0.9

    confirmation = await confirm(make_replays(answer), live())
    assert confirmation == Confirmation(None, 5, 12, "worker_failed")


GOLDEN = GoldenInputs(verdict=tuple(f"golden {word}" for word in WORDS[:4]), ids={})


async def test_where_live_inputs_are_too_few_others_are_run_in_their_place(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(give(0.3, 0.9))
    guards = [LoggedResult(f"guard {w}", f"guard {w}", 0.9, passed=True) for w in WORDS[4:6]]
    confirmation = await confirm(replays, live(2), guards, golden=GOLDEN)
    assert is_confirmed(confirmation)
    alarm = Alarm(SERVING, BEFORE, live(2), guards)
    inputs = plan_inputs(alarm, GOLDEN)
    assert [item.source for item in inputs[:2]] == ["guard", "guard"]
    assert [item.text for item in inputs[:2]] == WORDS[1::-1]
    assert {item.text for item in inputs[2:]} == {*GOLDEN.verdict, *(row.text for row in guards)}
    # Where they suffice, no others are.
    assert len(plan_inputs(Alarm(SERVING, BEFORE, live(5), guards), GOLDEN)) == 5


async def test_a_further_bet_of_a_watch_takes_more(make_replays: MakeReplays) -> None:
    first = await confirm(make_replays(give(0.3, 0.9)), live())
    further = Wager(alpha_of(2), number=2)
    second = await confirm(make_replays(give(0.3, 0.9)), live(), wager=further)
    assert is_confirmed(second)
    assert second.replayed > first.replayed == 5


async def test_what_one_look_cant_decide_the_next_one_goes_on_with(
    make_replays: MakeReplays,
) -> None:
    """The text before wins seven of twelve and loses two: too little, and nothing is lost."""
    won = dict(zip(reversed(WORDS), "++++=-++=+-=", strict=True))

    def answer(content: str, item: ReplayInput) -> float:
        passes = {"+": content == BEFORE, "-": content == PROMOTED, "=": True}
        return 0.9 if passes[won[item.text]] else 0.3

    class Book(WagerBook):
        known = FIRST_WAGER

        async def bet(self, content: str, bets: Sequence[tuple[str, float]]) -> Wager:
            self.known = self.known.bet_on(bets)
            return self.known

    book = Book()
    first = await confirm_alarm(
        make_replays(answer), Alarm(SERVING, BEFORE, live(), [], FIRST_WAGER, book)
    )
    assert first.decision is not None
    assert (first.decision.promote, len(book.known.gains)) == (False, 12)
    assert first.decision.e_value == pytest.approx(book.known.wealth.now)
    assert first.decision.e_value > 1
    asked_again: set[str] = set()

    def win(content: str, item: ReplayInput) -> float:
        asked_again.add(item.text)
        return 0.9 if content == BEFORE else 0.3

    fresh = [LoggedResult(f"more {w}", f"more {w}", 0.3, passed=False) for w in WORDS]
    second = await confirm(make_replays(win), [*fresh, *live()], wager=book.known)
    assert is_confirmed(second)
    assert second.replayed < 12
    assert not asked_again & set(WORDS)
