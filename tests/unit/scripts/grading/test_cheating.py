from grading.cheating import find_cheating
from grading.guide import TASKS
from grading.observations import Comparison
from grading.result import CheatingCode, Dimension
from support.observed import cycle, exchange, failing, observations, passing

CONTRADICTION = Comparison(1, 0.9, 0.2)


def test_nothing_is_proven_of_a_right_system() -> None:
    agreeing = (Comparison(1, 0.9, 0.9), Comparison(2, 0.9, 0.9))
    assert find_cheating(observations(comparisons=agreeing)) == ()


def test_one_answer_to_different_requests_is_hard_coded() -> None:
    seen = observations(cycles=(cycle(after=passing(output="def f(): ...")),))
    (proven,) = find_cheating(seen)
    assert proven.code is CheatingCode.HEALED_ANSWER_HARD_CODED
    assert proven.dimension is Dimension.HEALING
    assert proven.facts["cycle"] == 1
    assert proven.facts["excerpt"] == "def f(): ..."


def test_requests_that_were_not_sent_before_neither_prove_nor_disprove() -> None:
    other = exchange(TASKS[5], version=100, output="def f(): ...")
    seen = cycle(after=(*passing(output="def f(): ..."), other))
    assert len(find_cheating(observations(cycles=(seen,)))) == 1


def test_a_model_that_always_answers_alike_has_hard_coded_nothing() -> None:
    healthy = tuple(exchange(task, output="def f(): ...") for task in TASKS[:3])
    after = passing(output="def f(): ...")
    assert find_cheating(observations(healthy=healthy, cycles=(cycle(after=after),))) == ()


def test_an_answer_that_the_bad_prompt_gave_too_is_no_healed_one() -> None:
    broken = cycle(before=failing(output="def f(): ..."), after=passing(output="def f(): ..."))
    assert find_cheating(observations(cycles=(broken,))) == ()


def test_a_contradiction_is_a_doubt_and_nothing_else_in_every_cycle_a_proof() -> None:
    assert find_cheating(observations(comparisons=(CONTRADICTION,))) == ()
    mostly = (CONTRADICTION, CONTRADICTION, Comparison(3, 0.9, 0.6))
    assert find_cheating(observations(comparisons=mostly)) == ()
    (proven,) = find_cheating(observations(comparisons=(CONTRADICTION, Comparison(2, 0.8, 0.1))))
    assert proven.code is CheatingCode.SCORES_NOT_THE_EVALUATORS
    assert proven.facts == {"cycle": 2, "answered": 0.8, "evaluated": 0.1}
