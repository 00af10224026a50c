"""What a look's pairs are worth: a text wins nothing by keeping silent."""

from services.optimizer.app.services.proof.paired_run import read_gains
from services.optimizer.app.services.proof.replay_results import FAILING, ReplayInput, ReplayResult


def score(**scores: float) -> dict[str, ReplayResult]:
    return {name: ReplayResult(value, value >= 0.7, "judge") for name, value in scores.items()}


LOOK = [ReplayInput(name, name, name, FAILING) for name in ("one", "two", "three", "four")]


def test_an_answer_that_can_t_be_scored_loses_where_the_incumbent_s_can() -> None:
    incumbent, candidate = score(one=0.9, two=0.25, four=0.4), score(three=0.9, four=0.9)
    gains = read_gains(incumbent, candidate, LOOK)
    assert gains == [("one", -1.0), ("two", -0.5), ("four", 1.0)]


def test_one_that_wasn_t_asked_for_loses_nothing() -> None:
    incumbent, candidate = score(one=0.9, four=0.4), score(four=0.9)
    assert read_gains(incumbent, candidate, LOOK, counts_silence=False) == [("four", 1.0)]
