import re

import pytest
from support.rows import for_each

from benchmarks.healing.inputs import LOCAL, MODELS, SIMULATED, WORDINGS, read_pools, reword
from benchmarks.healing.program import PACES
from services.common.task_types import open_task_types
from simulated_model.knowledge import find_task

POOLS = read_pools(SIMULATED)
GOLDEN = open_task_types(None).golden_inputs("code_generation")


def normalise(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_there_are_enough_inputs() -> None:
    assert len(POOLS.live) >= 40
    assert len(POOLS.held_out) >= 24
    easy = read_pools(LOCAL)
    assert len(easy.live) >= 20
    assert len(easy.held_out) >= 16


@pytest.mark.parametrize("model", MODELS)
def test_no_input_is_in_two_pools_or_golden(model: str) -> None:
    pools = read_pools(model)
    texts = [normalise(text) for text in (*pools.live, *pools.held_out, *pools.hard, *pools.flood)]
    golden = {normalise(text) for text in (*GOLDEN.choosing, *GOLDEN.verdict)}
    assert len(set(texts)) == len(texts)
    assert not golden & set(texts)


def test_the_local_model_gets_a_part_of_what_the_simulated_one_gets() -> None:
    easy = read_pools(LOCAL)
    assert set(easy.live[: len(easy.live) // len(WORDINGS)]) < set(POOLS.live)
    assert set(easy.held_out) < set(POOLS.held_out)


def test_a_request_is_asked_for_in_several_ways() -> None:
    worded = reword(["Write a function that adds.", "Write a function that counts."])
    assert worded[:4] == (
        "Write a function that adds.",
        "Write a function that counts.",
        "Please write a function that adds.",
        "Please write a function that counts.",
    )
    assert len(set(worded)) == 2 * len(WORDINGS)


def test_an_incident_of_the_local_model_asks_nothing_twice() -> None:
    assert len(set(read_pools(LOCAL).live)) >= PACES[LOCAL].most_requests


@for_each([*POOLS.live, *POOLS.held_out])
def test_the_simulated_model_knows_what_it_is_asked(text: str) -> None:
    assert find_task(text) is not None


@pytest.mark.parametrize("text", POOLS.flood)
def test_garbage_asks_for_nothing(text: str) -> None:
    assert find_task(text) is None
