"""Guards under both prompts: who is asked, and when no more are."""

from collections.abc import Callable
from typing import Any

import pytest

from services.optimizer.app.services.proof.damage import Damage
from services.optimizer.app.services.proof.guard_run import run_guards
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput

MakeReplays = Callable[..., Any]
INCUMBENT, CANDIDATE = "incumbent", "candidate"
GUARDS = tuple(ReplayInput(f"guard-{n}", f"{n}", f"{n}", GUARD) for n in range(40))


def answering(incumbent: str = "", candidate: str = "") -> Callable[[str, ReplayInput], float]:
    """Answers by guard: `-` fails, `+` passes, and so does what isn't named."""
    marks = {INCUMBENT: incumbent, CANDIDATE: candidate}

    def answer(content: str, item: ReplayInput) -> float:
        at = GUARDS.index(item)
        return 0.3 if marks[content][at : at + 1] == "-" else 0.9

    return answer


async def run(replays: Any, *, guards: int = 10, spare: int = 30, **options: Any) -> Damage:
    options = {"max_newly_failing": 1} | options
    return await run_guards(
        replays,
        GUARDS[:guards],
        GUARDS[guards : guards + spare],
        incumbent=INCUMBENT,
        candidate=CANDIDATE,
        **options,
    )


def calls(replays: Any, content: str) -> int:
    return sum(asked == content for asked, _ in replays.asked)


@pytest.mark.parametrize(
    ("incumbent", "candidate", "asked", "bearable"),
    [
        pytest.param("", "", (0, 10), True, id="nothing-fails"),
        pytest.param("--", "--", (2, 10), True, id="what-fails-anyway"),
        pytest.param("", "-", (1, 15), True, id="one-of-fifteen"),
        pytest.param("", "-+++++++++-", (15, 20), True, id="two-of-twenty"),
        pytest.param("", "--+++++++++--", (15, 15), False, id="four-of-fifteen"),
        pytest.param("", "-----", (10, 10), False, id="half-are-broken"),
        pytest.param("+-+--", "-+-", (10, 10), True, id="half-luck"),
    ],
)
async def test_no_more_is_asked_than_it_takes(
    make_replays: MakeReplays,
    *,
    incumbent: str,
    candidate: str,
    asked: tuple[int, int],
    bearable: bool,
) -> None:
    replays = make_replays(answering(incumbent, candidate))
    damage = await run(replays)
    assert (calls(replays, INCUMBENT), calls(replays, CANDIDATE)) == asked
    assert (damage.checked, damage.is_bearable) == (asked[1], bearable)


async def test_where_there_is_nothing_more_to_ask_it_is_decided(make_replays: MakeReplays) -> None:
    damage = await run(make_replays(answering("", "--")), spare=0)
    assert (damage.checked, damage.is_settled, damage.is_bearable) == (10, False, False)


async def test_without_guards_nothing_is_asked(make_replays: MakeReplays) -> None:
    replays = make_replays(answering())
    assert (await run(replays, guards=0, spare=0)).is_bearable
    assert replays.asked == []


@pytest.mark.parametrize("budget", range(12, 40))
async def test_the_budget_is_kept(make_replays: MakeReplays, budget: int) -> None:
    replays = make_replays(answering("", "-" * 2), budget=budget)
    damage = await run(replays, reserved_calls=3)
    assert damage.checked >= 10
    assert len(replays.asked) <= budget
    assert damage.checked == 10 or replays.calls_left >= 3


async def test_answers_that_nobody_can_judge_are_no_guards(make_replays: MakeReplays) -> None:
    damage = await run(make_replays(lambda content, item: None), spare=0)
    assert (damage.checked, damage.newly_failing) == (0, ())


async def test_a_guard_that_tells_nothing_takes_nothing_from_what_is_known(
    make_replays: MakeReplays,
) -> None:
    """Nine guards proved already; the tenth answer can't be judged."""
    replays = make_replays(lambda content, item: None if item == GUARDS[9] else 0.9)
    await replays.run(CANDIDATE, GUARDS[:9])
    damage = await run(replays, spare=0)
    assert (damage.checked, damage.is_bearable) == (9, True)


async def test_an_incumbent_whose_answers_can_t_be_judged_ends_no_proof(
    make_replays: MakeReplays,
) -> None:
    damage = await run(make_replays(lambda content, _: 0.3 if content == CANDIDATE else None))
    assert (len(damage.newly_failing), damage.is_bearable) == (10, False)
