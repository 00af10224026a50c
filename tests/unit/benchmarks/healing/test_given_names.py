import random
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.healing.given_names import (
    ANY_NAME,
    WORDS,
    draw_name,
    put_name_back,
    set_name_aside,
)
from simulated_model.composition.python import is_valid_name

NAMES = ["_".join(pair) for pair in permutations(WORDS, 2)]


@given(st.sampled_from(NAMES), st.text(alphabet="a _.\n"))
def test_a_name_that_is_set_aside_can_be_put_back(name: str, around: str) -> None:
    text = f"{around} {name} {around} {name}"
    plain, found = set_name_aside(text)
    assert (found, name in plain) == (name, False)
    assert put_name_back(plain, found) == text


def test_texts_differ_by_nothing_but_the_name() -> None:
    assert len({set_name_aside(f"Add two numbers. Call it {name}.")[0] for name in NAMES}) == 1


def test_a_text_without_a_name_stays_as_it_is() -> None:
    for text in ("Add two numbers.", "river_pebbles", "an_amber_river", ""):
        assert set_name_aside(text) == (text, "")
        assert put_name_back(text, "") == text


def test_what_is_drawn_is_a_name_and_never_the_one_that_stands_for_all() -> None:
    chance = random.Random(1)
    drawn = {draw_name(chance) for _ in range(500)}
    assert len(drawn) > 100
    assert all(name in NAMES and is_valid_name(name) for name in drawn)
    assert ANY_NAME not in NAMES
