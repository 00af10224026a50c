"""What a look's pairs are worth: a text wins nothing by keeping silent."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.errors import UpstreamError
from services.optimizer.app.services.proof.paired_run import read_gains, run_pairs
from services.optimizer.app.services.proof.replay import MUTE_CODES
from services.optimizer.app.services.proof.replay_results import FAILING, ReplayInput, ReplayResult


def score(**scores: float) -> dict[str, ReplayResult]:
    return {name: ReplayResult(value, value >= 0.7, "judge") for name, value in scores.items()}


LOOK = [ReplayInput(name, name, name, FAILING) for name in ("one", "two", "three", "four")]
INPUTS = [ReplayInput(f"{n}", f"{n}", f"{n}", FAILING) for n in range(12)]


def test_an_answer_that_can_t_be_scored_loses_where_the_incumbent_s_can() -> None:
    incumbent, candidate = score(one=0.9, two=0.25, four=0.4), score(three=0.9, four=0.9)
    gains = read_gains(incumbent, candidate, LOOK)
    assert gains == [("one", -1.0), ("two", -0.5), ("four", 1.0)]


def test_one_that_wasn_t_asked_for_loses_nothing() -> None:
    incumbent, candidate = score(one=0.9, four=0.4), score(four=0.9)
    assert read_gains(incumbent, candidate, LOOK, counts_silence=False) == [("four", 1.0)]


@pytest.mark.parametrize("code", sorted(MUTE_CODES))
async def test_a_look_whose_answers_tell_nothing_ends_no_proof(
    make_replays: Callable[..., Any], code: str
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return None if item in INPUTS[5:7] else 0.9 if content == "candidate" else 0.5

    replays = make_replays(answer, mute_code=code)
    decision, pairs = await run_pairs(replays, INPUTS, incumbent="incumbent", candidate="candidate")
    assert [pair.input_id for pair in pairs] == ["0", "1", "2", "3", "4", "7", "8"]
    assert decision.promote


async def test_a_service_that_fails_ends_a_proof(make_replays: Callable[..., Any]) -> None:
    replays = make_replays(lambda content, item: None, mute_code="timeout")
    with pytest.raises(UpstreamError):
        await run_pairs(replays, INPUTS, incumbent="incumbent", candidate="candidate")
