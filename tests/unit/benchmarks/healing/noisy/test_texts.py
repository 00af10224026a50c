import random

from support.rows import for_each

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.noisy.texts import (
    CHOOSING,
    ONE,
    OTHER,
    PROVING,
    add,
    find_group,
    read_lexicon,
)
from benchmarks.healing.runs.naive import rewrite
from services.common.task_types import open_task_types
from simulated_model.composition.answering import answer

LEXICON = read_lexicon()
POOLS = read_pools(SIMULATED)
GOLDEN = open_task_types(None).golden_inputs("code_generation")
PHRASES = (
    *LEXICON.harms.values(), *LEXICON.lures.values(), *LEXICON.tastes, LEXICON.mediocre,
    LEXICON.own_need,
)  # fmt: skip


@for_each(list(LEXICON.mixtures))
def test_ties_are_ties(mixture: str) -> None:
    model = LEXICON.make_model(mixture, 3)
    for text in LEXICON.write_ties(rewrite(), 5, random.Random(1)):
        assert text != rewrite()
        for request in POOLS.held_out[::4]:
            assert model.outcomes(text, request) == model.outcomes(rewrite(), request)


@for_each([*LEXICON.idle, *(phrase.words for phrase in PHRASES)])
def test_words_that_matter_to_the_noisy_model_alone_change_no_answer(words: str) -> None:
    """The simulated model isn't to know what is being tested."""
    for request in POOLS.held_out[:8]:
        assert answer(f"{rewrite()}\n{words}", request) == answer(rewrite(), request)


@for_each(list(LEXICON.lures))
def test_what_looks_better_is_worse(name: str) -> None:
    model = LEXICON.make_model("loose", 3)
    asked = [text for text in POOLS.held_out if find_group(text) == OTHER]
    lure = add(rewrite(), LEXICON.lures[name])
    lost = [model.pass_rate(rewrite(), text) - model.pass_rate(lure, text) for text in asked]
    assert sum(lost) / len(lost) > 0.1


def test_inputs_are_of_groups() -> None:
    assert {find_group(text) for text in GOLDEN.choosing} == {CHOOSING}
    assert {find_group(text) for text in GOLDEN.verdict} == {PROVING}
    groups = [find_group(text) for text in POOLS.held_out]
    assert set(groups) == {ONE, OTHER}
    assert min(groups.count(ONE), groups.count(OTHER)) >= len(groups) / 3


def test_good_prompts_earn_40_to_95_percent() -> None:
    rates = []
    for name in LEXICON.mixtures:
        model = LEXICON.make_model(name, 0)
        rates.append(
            sum(model.pass_rate(rewrite(), text) for text in POOLS.held_out) / len(POOLS.held_out)
        )
    assert min(rates) >= 0.4
    assert max(rates) <= 0.95
    assert max(rates) - min(rates) > 0.3
