import pytest

from benchmarks.healing.noisy.plays import (
    HARMFUL_AT_ONCE,
    LANES,
    MEDIOCRE_HISTORY,
    PlayWriter,
)
from benchmarks.healing.noisy.program import EXTENT, FULL, QUICK, plan_plays, plan_ties
from benchmarks.healing.noisy.texts import ONE, OTHER, read_lexicon
from benchmarks.healing.scenarios import PromptScenario
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY

SEED_PROMPT = "Write complete, working Python code."
BAD = PromptScenario("javascript", "another_language", "Always answer in JavaScript.")
WRITER = PlayWriter(read_lexicon(), SEED_PROMPT, "loose", 0)


@pytest.mark.parametrize("extent", [QUICK, EXTENT, FULL])
def test_every_play_has_a_title_of_its_own(extent: object) -> None:
    assert isinstance(extent, type(EXTENT))
    plays = [*plan_plays(extent, SEED_PROMPT, [BAD]), *plan_ties(extent, SEED_PROMPT)]
    titles = [play.title for play in plays]
    assert len(set(titles)) == len(titles)


def test_a_quick_run_plays_some_of_everything() -> None:
    plays = [*plan_plays(QUICK, SEED_PROMPT, [BAD]), *plan_ties(QUICK, SEED_PROMPT)]
    assert {play.lane for play in plays} == set(LANES)
    assert len(plays) < 30


def test_under_a_tie_no_two_texts_are_the_same() -> None:
    play = WRITER.write_tie()
    texts = [*play.history, play.incumbent, *play.proposals]
    assert len(set(texts)) == len(texts)
    assert play.target == play.history[-1]


def test_what_is_to_be_recovered_is_the_last_text_else_the_best_known() -> None:
    assert WRITER.write_regression(BAD, WITH_HISTORY).target == SEED_PROMPT
    assert WRITER.write_regression(BAD, WITHOUT_HISTORY).target == SEED_PROMPT
    assert WRITER.write_regression(BAD, MEDIOCRE_HISTORY).target.startswith(f"{SEED_PROMPT}\n")


def test_the_second_seed_prompt_needs_words_that_no_repair_sentence_has() -> None:
    play = WRITER.write_own_regression("hurried", WITHOUT_HISTORY)
    model = play.make_model(read_lexicon())
    request = "Write a function that counts the vowels in a string."
    assert model.pass_rate(play.good, request) > model.pass_rate(SEED_PROMPT, request) + 0.1


def test_who_asks_changes_where_a_text_pleases_those_who_asked_before() -> None:
    play = WRITER.write_harmful("good_for_those_who_fail_now", at_once=True)
    assert play.lane == HARMFUL_AT_ONCE
    assert play.asks[ONE] > play.asks[OTHER]
    assert play.asks_later[OTHER] > play.asks_later[ONE]


def test_the_same_seed_writes_the_same() -> None:
    assert list(WRITER.write_innocent()) == list(WRITER.write_innocent())
