"""First looks: more inputs are run while it can't be told, and no more than that."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import (
    DRIFT,
    INPUT,
    PROMPT,
    UNKNOWN,
    Attribution,
)
from services.optimizer.app.services.diagnosis.first_looks import attribute_by_looking
from services.optimizer.app.services.log.log_records import LoggedResult, PastPrompt, Window
from services.optimizer.app.services.proof.replay_results import FAILING, GOLDEN, ReplayInput
from services.optimizer.app.services.proof.trial import TrialInputs

MakeReplays = Callable[..., Any]
INCUMBENT, LAST_GOOD = "incumbent", "last good"
WINDOW = Window(tuple(LoggedResult("x", "x", 0.3, passed=False) for _ in range(5)))
SERVED = PastPrompt(LAST_GOOD, 1, 100, 100)


def mixed(first: int, last: int) -> tuple[ReplayInput, ...]:
    """Failing and golden inputs in turn."""
    names = [(source, number) for number in range(first, last) for source in (FAILING, GOLDEN)]
    return tuple(ReplayInput(f"{one}-{n}", f"{one} {n}", f"{one} {n}", one) for one, n in names)


TRIAL = TrialInputs(mixed(0, 4), (), clusters=4, spare_choosing=mixed(4, 12))


async def look(
    replays: Any,
    *,
    trial: TrialInputs = TRIAL,
    last_good: PastPrompt | None = None,
    most_calls: float = 48,
) -> Attribution:
    return await attribute_by_looking(
        replays,
        trial,
        WINDOW,
        incumbent=INCUMBENT,
        last_good=last_good,
        most_calls=most_calls,
    )


def passing(*, failing: bool, golden: bool, last_good: bool = True) -> Callable[..., float]:
    """A model without noise: each kind of input passes always or never."""

    def answer(content: str, item: ReplayInput) -> float:
        passes = failing if item.source == FAILING else golden
        return 0.9 if (last_good if content == LAST_GOOD else passes) else 0.3

    return answer


@pytest.mark.parametrize(
    ("answer", "last_good", "fault", "calls"),
    [
        pytest.param(passing(failing=False, golden=False), None, PROMPT, 4, id="the-guide-s-demo"),
        pytest.param(
            passing(failing=False, golden=False), SERVED, PROMPT, 8, id="with-a-last-good-version"
        ),
        pytest.param(
            passing(failing=False, golden=False, last_good=False), SERVED, DRIFT, 8, id="drift"
        ),
        pytest.param(passing(failing=True, golden=True), None, UNKNOWN, 8, id="nothing-recurs"),
        pytest.param(passing(failing=False, golden=True), None, INPUT, 12, id="odd-inputs"),
    ],
)
async def test_a_model_without_noise_is_told_within_a_few_calls(
    make_replays: MakeReplays,
    answer: Callable[..., float],
    last_good: PastPrompt | None,
    fault: str,
    calls: int,
) -> None:
    replays = make_replays(answer)
    found = await look(replays, last_good=last_good)
    assert (found.fault, found.is_open) == (fault, False)
    assert replays.calls == calls


async def test_a_golden_input_that_fails_by_chance_in_the_first_look_blames_nobody_yet(
    make_replays: MakeReplays,
) -> None:
    """Golden inputs that pass at 80 % lose one of two in the first look in 36 cases of 100."""

    def answer(content: str, item: ReplayInput) -> float:
        return 0.3 if item.id == f"{GOLDEN}-0" or item.source == FAILING else 0.9

    assert (await look(make_replays(answer))).fault == INPUT


@pytest.mark.parametrize("most_calls", [0, 11, 12, 15, 16, 24, 60])
async def test_what_can_not_be_told_ends_with_its_share_of_the_calls(
    make_replays: MakeReplays, most_calls: int
) -> None:
    def answer(content: str, item: ReplayInput) -> float:
        is_odd = int(item.id.split("-")[1]) % 2
        return 0.9 if item.source == GOLDEN and is_odd else 0.3

    replays = make_replays(answer)
    window_of_half_luck = Window(WINDOW.results, earlier=Record(100, 60))
    found = await attribute_by_looking(
        replays,
        TRIAL,
        window_of_half_luck,
        incumbent=INCUMBENT,
        last_good=None,
        most_calls=most_calls,
    )
    assert (found.fault, found.is_open, found.calls_for_repair) == (UNKNOWN, True, True)
    assert replays.calls == max(8, min(24, most_calls // 4 * 4))


async def test_the_last_good_version_is_not_run_on_spare_inputs(make_replays: MakeReplays) -> None:
    replays = make_replays(passing(failing=False, golden=True, last_good=False))
    await look(replays, last_good=SERVED)
    asked = [name for content, name in replays.asked if content == LAST_GOOD]
    assert asked == [item.id for item in TRIAL.choosing]
