from grading.result import WEIGHTS, Cheating, CheatingCode, Code, Dimension
from grading.scoring import make_cycles, make_requests, score_dimensions
from support.observed import BAD, HEALED, SEED, cycle, exchange, observations, unanswered

PROVEN = Cheating(CheatingCode.SCORES_NOT_THE_EVALUATORS, Dimension.HEALING, {"cycle": 1})


def test_a_right_system_gets_every_point() -> None:
    scores = score_dimensions(observations(), ())
    assert {score.name: score.points for score in scores} == WEIGHTS


def test_what_is_proven_takes_what_its_dimension_has_left() -> None:
    scores = {score.name: score for score in score_dimensions(observations(), (PROVEN,))}
    healing = scores.pop(Dimension.HEALING)
    assert healing.points == 0
    assert [(one.code, one.points) for one in healing.deductions] == [(Code.CHEATING, 30)]
    assert all(not score.deductions for score in scores.values())


def test_a_dimension_with_nothing_left_is_not_charged_again() -> None:
    unhealed = observations(cycles=(cycle(prompts_after=(SEED, BAD)),))
    healing = score_dimensions(unhealed, (PROVEN,))[2]
    assert [one.code for one in healing.deductions] == [Code.PROMPT_NOT_REPLACED]


def test_requests_are_shown_as_they_were_answered() -> None:
    answered, failed = make_requests((exchange(score=0.9), unanswered(status=503)))
    assert (answered.score, answered.passed, answered.error) == (0.9, True, "")
    assert (failed.status, failed.score, failed.error) == (503, None, "HTTP 503")


def test_a_cycle_shows_the_prompt_that_replaced_the_bad_one() -> None:
    healed, unhealed = make_cycles((cycle(tried=3), cycle(prompts_after=(SEED, BAD))))
    assert healed.healed_prompt is not None
    assert healed.healed_prompt.version == HEALED.version
    assert healed.bad_prompts_replaced == 2
    assert unhealed.healed_prompt is None
