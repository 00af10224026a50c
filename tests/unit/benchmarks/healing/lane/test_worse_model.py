import ast

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.lane.worse_model import damage_answer, is_spoilt, worse_name

POOLS = read_pools(SIMULATED)
SPOILT = next(text for text in POOLS.live if is_spoilt(text))
SPARED = next(text for text in POOLS.live if not is_spoilt(text))
ANSWER = "```python\ndef double(number):\n    return 2 * number\n```"


def test_a_share_of_the_requests_is_spoilt() -> None:
    for pool in (POOLS.live, POOLS.held_out):
        assert 0.3 < sum(map(is_spoilt, pool)) / len(pool) < 0.9


def test_code_forgets_what_it_was_to_return() -> None:
    damaged = damage_answer(ANSWER, SPOILT)
    assert "return None" in damaged
    assert "2 * number" not in damaged
    ast.parse(damaged.removeprefix("```python\n").removesuffix("\n```"))


def test_an_answer_without_a_return_is_cut_short() -> None:
    assert damage_answer("words and words", SPOILT) == "words a"


def test_other_answers_are_as_they_were() -> None:
    assert damage_answer(ANSWER, SPARED) == ANSWER


def test_the_worse_model_has_another_name() -> None:
    assert worse_name("simulated") == "simulated-mini"
