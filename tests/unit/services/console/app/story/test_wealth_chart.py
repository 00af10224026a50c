"""The picture of a proof."""

from typing import Any

import pytest

from services.common.proof.betting import BOLD_STAKE
from services.console.app.story.wealth_chart import lay_out, read_proof


def verdict(*scores: tuple[Any, Any], **others: Any) -> dict[str, Any]:
    pairs = [
        {"input_id": f"golden-verdict-{number}", "incumbent": before, "candidate": after}
        for number, (before, after) in enumerate(scores, 1)
    ]
    return {"pairs": pairs, "alpha": 0.05, **others}


def test_the_wealth_is_the_gates_and_says_where_it_was_enough() -> None:
    proof = read_proof(verdict(*[(0.2, 0.9)] * 6))
    assert proof is not None
    assert [step.wealth for step in proof.steps] == pytest.approx(
        [(1 + BOLD_STAKE) ** at for at in range(1, 7)]
    )
    assert proof.goal == pytest.approx(20)
    assert proof.decided_at == 5


def test_a_loss_and_a_tie_are_told_apart() -> None:
    proof = read_proof(verdict((0.2, 0.9), (0.9, 0.2), (0.5, 0.51)))
    assert proof is not None
    assert [step.kind for step in proof.steps] == ["win", "loss", "tie"]
    assert proof.decided_at is None


@pytest.mark.parametrize("damaged", [{}, {"pairs": "none"}, {"pairs": [{}, None, 3]}])
def test_without_a_pair_there_is_no_proof(damaged: dict[str, Any]) -> None:
    assert read_proof(damaged) is None


def test_what_is_no_score_is_left_out_and_no_alpha_is_the_gates() -> None:
    proof = read_proof(verdict((0.2, 0.9), (None, 0.9), (7, 0.2), ("x", float("nan")), alpha="?"))
    assert proof is not None
    assert len(proof.steps) == 1
    assert proof.goal == pytest.approx(20)


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param([(0.2, 0.9)], id="one-win"),
        pytest.param([(0.9, 0.2)] * 40, id="losses-without-end"),
        pytest.param([(0.2, 0.9)] * 60, id="wins-without-end"),
    ],
)
def test_everything_lies_within_the_drawing(scores: list[tuple[float, float]]) -> None:
    proof = read_proof(verdict(*scores))
    assert proof is not None
    chart = lay_out(proof, 360, 250)
    inside = [(x, y) for x, y, _ in chart.marks] + [(20, chart.goal_y)]
    inside += [(x, 0) for x, _ in chart.ticks_x] + [(0, y) for y, _ in chart.ticks_y]
    assert all(0 <= x <= 360 and 0 <= y <= 250 for x, y in inside)
    assert len(chart.ticks_x) <= 13


def test_more_wealth_stands_higher() -> None:
    proof = read_proof(verdict((0.2, 0.9), (0.2, 0.9), (0.9, 0.2)))
    assert proof is not None
    one, two, three = (y for _, y, _ in lay_out(proof, 760, 260).marks)
    assert two < one < three
