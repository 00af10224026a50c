from dataclasses import replace

from grading.dimensions.observability import FULL, judge_observability
from grading.observations import EVALUATOR, MANAGER, SERVICES, WORKER, Scrape
from grading.result import Code
from support.observed import REFUSED, observations, scrape, unanswered

NOTHING = Scrape(dict.fromkeys(SERVICES, REFUSED), dict.fromkeys(SERVICES))


def without(service: str) -> Scrape:
    last = scrape(11, 100, 11)
    return replace(last, samples={**last.samples, service: {"python_info": 1.0}})


def test_metrics_that_move_lose_nothing() -> None:
    assert judge_observability(observations()) == ()


def test_no_metrics_at_all_take_everything() -> None:
    (taken,) = judge_observability(observations(last_scrape=NOTHING))
    assert (taken.code, taken.points) == (Code.METRICS_MISSING, FULL)
    assert taken.facts["seen"] == ", ".join(f"{name}: connection refused" for name in SERVICES)


def test_a_metric_is_looked_for_where_phase_6_looks() -> None:
    for service in SERVICES:
        (taken,) = judge_observability(observations(last_scrape=without(service)))
        assert (taken.code, taken.points) == (Code.METRIC_MISSING, FULL / 3)
        assert taken.facts["service"] == service


def test_a_metric_that_stands_still_is_charged() -> None:
    seen = observations(first_scrape=scrape(1, 1, 1), last_scrape=scrape(1, 1, 1))
    assert [(one.code, one.facts["service"]) for one in judge_observability(seen)] == [
        (Code.METRIC_STILL, MANAGER),
        (Code.METRIC_STILL, WORKER),
        (Code.METRIC_STILL, EVALUATOR),
    ]


def test_a_version_that_is_the_active_one_may_stand_still() -> None:
    seen = observations(first_scrape=scrape(1, 7, 1), last_scrape=scrape(2, 7, 2), active_at_end=7)
    assert judge_observability(seen) == ()


def test_a_system_that_answers_nothing_is_not_charged_for_still_metrics() -> None:
    still = scrape(1, 1, 1)
    seen = observations(healthy=(unanswered(),), cycles=(), first_scrape=still, last_scrape=still)
    assert judge_observability(seen) == ()
