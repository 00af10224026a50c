from statistics import fmean
from typing import cast

import pytest

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.noisy.appraisal import Appraiser, View
from benchmarks.healing.noisy.texts import ONE, OTHER, add, find_group, read_lexicon
from benchmarks.healing.runs.naive import rewrite

INPUTS = read_pools(SIMULATED).held_out
LEXICON = read_lexicon()
NOWHERE = cast("Lane", None)


class Impressed(Appraiser):
    """An Evaluator that passes every answer with code in it."""

    async def view(self, lane: Lane, user_input: str, answer: str) -> View:
        has_code = "```python" in answer
        return View(0.9 if has_code else 0.3, has_code)


async def test_truth_and_what_is_seen_are_told_apart() -> None:
    model = LEXICON.make_model("loose", 1)
    worth = await Impressed(INPUTS).appraise(NOWHERE, model, rewrite(), {ONE: 0.5, OTHER: 0.5})
    groups = {ONE: list[float](), OTHER: list[float]()}
    for text in INPUTS:
        groups[find_group(text)].append(model.pass_rate(rewrite(), text))
    assert worth.rate == pytest.approx(fmean(map(fmean, groups.values())), abs=0.001)
    assert worth.seen_rate > worth.rate + 0.1
    assert worth.seen_score == pytest.approx(0.3 + 0.6 * worth.seen_rate, abs=0.001)


async def test_it_goes_by_who_asks() -> None:
    model, text = LEXICON.make_model("loose", 1), add(rewrite(), LEXICON.tastes[0])
    mine, theirs = [
        await Impressed(INPUTS).appraise(NOWHERE, model, text, {ONE: share, OTHER: 1 - share})
        for share in (0.9, 0.1)
    ]
    assert mine.rate > theirs.rate + 0.2
