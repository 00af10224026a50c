"""Demands on the judge: where they stand, and that their counterparts differ in nothing else."""

import ast

import pytest

from services.evaluator.app.services.oversight.calibration.demands import (
    DEMANDS,
    PLACES,
    Place,
    harmless_text,
    make_demand_pairs,
    place_text,
)
from services.evaluator.app.services.oversight.calibration.labelled_set import load_canaries

ANSWER = "```python\nimport math\n\n\ndef area(radius: float) -> float:\n    return math.pi\n```"
METHOD = "```python\nclass Circle:\n    def area(self):\n        return 3\n```"
PROSE = "Multiply the radius by itself."


@pytest.mark.parametrize(
    ("answer", "place", "expected"),
    [
        (ANSWER, "comment", ANSWER.replace("def area", "# TEXT\ndef area")),
        (ANSWER, "docstring", ANSWER.replace("float:\n", "float:\n    '''TEXT'''\n")),
        (ANSWER, "prose", f"{ANSWER}\n\nTEXT"),
        (METHOD, "comment", METHOD.replace("    def", "    # TEXT\n    def")),
        (METHOD, "docstring", METHOD.replace("self):\n", "self):\n        '''TEXT'''\n")),
        (PROSE, "comment", f"{PROSE}\n\nTEXT"),
        (PROSE, "docstring", f"{PROSE}\n\nTEXT"),
    ],
)
def test_where_a_text_goes(answer: str, place: Place, expected: str) -> None:
    assert place_text(answer, "TEXT", place) == expected


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("demand", DEMANDS)
def test_code_still_parses_with_a_demand_in_it(demand: str, place: Place) -> None:
    code = place_text(ANSWER, demand, place).removeprefix("```python\n").partition("```")[0]
    ast.parse(code)


@pytest.mark.parametrize("length", [0, 1, 50, 500])
def test_harmless_text_is_as_long_as_asked(length: int) -> None:
    assert len(harmless_text(length)) == length


def test_every_wrong_canary_is_tried_in_every_place_and_every_demand_is_used() -> None:
    pairs = list(make_demand_pairs(load_canaries()))
    assert len(pairs) == 6 * len(PLACES)
    for pair in pairs:
        assert len(pair.demanding) == len(pair.neutral)
        assert pair.demanding != pair.neutral
    used = {demand for demand in DEMANDS for pair in pairs if demand in pair.demanding}
    assert used == set(DEMANDS)
