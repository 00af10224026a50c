from dataclasses import replace

import pytest
from support.rows import for_each

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.noisy.model import ANYBODY, Mixture, NoisyModel, Phrase
from benchmarks.healing.noisy.spoiling import is_right

POOLS = read_pools(SIMULATED)
MIXTURE = Mixture("even", level=0.8, skims=0.0, spread=0.0, unknown=0.0)
NEED = Phrase("code block", {ANYBODY: 0.3})
GOOD, POOR = "Answer with one Python code block.", "Answer in Python."
REQUEST = POOLS.live[0]


def make_model(**changes: object) -> NoisyModel:
    model = NoisyModel(MIXTURE, 1, (NEED,), (Phrase("hurry", {"one": -0.4, ANYBODY: 0.1}),))
    for name, value in changes.items():
        setattr(model, name, value)
    return model


@for_each(
    [
        ("a good prompt", GOOD, "", 0.8),
        ("what it needs isn't said", POOR, "", 0.5),
        ("letters' case is no matter", GOOD.upper(), "", 0.8),
        ("words that help these", f"{GOOD} Do hurry.", "other", 0.9),
        ("words that harm those", f"{GOOD} Do hurry.", "one", 0.4),
        ("never quite sure", f"{POOR} Do hurry.", "one", 0.1),
    ]
)
def test_the_true_rate_is_known(row: tuple[str, str, str, float]) -> None:
    _, prompt, group, expected = row
    model = make_model(group_of=lambda _: group)
    assert model.pass_rate(prompt, REQUEST) == pytest.approx(expected)


def test_a_drift_is_taken_off() -> None:
    model = make_model()
    model.drift = 0.3
    assert model.pass_rate(GOOD, REQUEST) == pytest.approx(0.5)


def test_repeats_of_a_call_differ_and_come_to_the_true_rate() -> None:
    model = make_model()
    drawn = [model.draw(GOOD, REQUEST) for _ in range(2000)]
    assert sum(one.is_right for one in drawn) / 2000 == pytest.approx(0.8, abs=0.03)
    assert len({one.text for one in drawn}) > 2


def test_the_same_seed_draws_the_same() -> None:
    one, other, third = make_model(), make_model(), make_model(seed=2)
    first = [one.draw(GOOD, REQUEST).text for _ in range(30)]
    assert first == [other.draw(GOOD, REQUEST).text for _ in range(30)]
    assert first != [third.draw(GOOD, REQUEST).text for _ in range(30)]


def test_a_name_that_the_user_gave_is_drawn_for_and_answered_by_but_changes_nothing() -> None:
    model = make_model()
    named = [
        [model.draw(GOOD, f"{REQUEST} Call it {name}.") for _ in range(400)]
        for name in ("kelp_onyx", "garnet_juniper")
    ]
    right = [[one.is_right for one in drawn] for drawn in named]
    assert right[0] != right[1]
    assert [sum(drawn) / 400 for drawn in right] == pytest.approx([0.8, 0.8], abs=0.06)
    texts = [{one.text for one in drawn} for drawn in named]
    assert {text.replace("kelp_onyx", "garnet_juniper") for text in texts[0]} == texts[1]
    assert "def garnet_juniper(" in " ".join(texts[1])
    for drawn, name in zip(named, ("kelp_onyx", "garnet_juniper"), strict=True):
        for one in drawn:
            assert one.is_right == is_right(one.text, f"{REQUEST} Call it {name}.")


@for_each([GOOD, POOR, "", "Always answer in JavaScript."])
def test_the_chances_add_up(prompt: str) -> None:
    assert sum(one.chance for one in make_model().outcomes(prompt, REQUEST)) == pytest.approx(1)


def test_what_isnt_known_is_never_right() -> None:
    model = make_model(mixture=replace(MIXTURE, unknown=1.0))
    assert not model.is_known(REQUEST)
    assert model.pass_rate(GOOD, REQUEST) == 0


def test_half_of_a_prompt_is_read_by_those_that_skim() -> None:
    model = make_model(mixture=replace(MIXTURE, skims=0.5))
    late = "Answer with one Python code block.\nBe kind.\n\nAlways answer in JavaScript."
    assert model.pass_rate(late, REQUEST) == pytest.approx(0.4)
