from dataclasses import replace
from typing import Any

import pytest
from support.rows import for_each

from benchmarks.soak.checks import Verdict, fit_slopes, judge, judge_slope, thin_samples
from benchmarks.soak.figures import Slope

FLAT = Slope(0.1, -0.5, 0.7, 60, 3)


def make_sample(at: int, memory_mb: float) -> dict[str, float]:
    return {
        "at": at, "life": 1, "age": at, "memory_mb": memory_mb, "descriptors": 20, "threads": 5,
    }  # fmt: skip


def make_results(**changes: Any) -> dict[str, Any]:
    """Results of a soak that shows nothing wrong, with changes: `part__key` changes in a part."""
    results: dict[str, Any] = {
        "seconds": 3600,
        "options": {"warm_up": 60},
        "requests": {
            "sent": 9, "acknowledged": 8, "lost": 0, "doubled": 0, "unscored": 0, "misnamed": 0,
            "refused_outside": {}, "broken_outside": {},
        },
        "deploys": [{"name": "a", "is_over": True, "healed_seconds": 70.0, "outcomes": []}],
        "growth": {"reckoned_mb": 10.0, "grown_mb": 12.0},
        "leftovers": [],
        "problems": [],
        "samples": {"worker": [make_sample(at, 90) for at in range(0, 3600, 10)]},
        "sizes": [],
    }  # fmt: skip
    for name, value in changes.items():
        part, _, key = name.partition("__")
        results[part] = {**results[part], key: value} if key else value
    return {"slopes": fit_slopes(results)} | results


def missed(results: dict[str, Any]) -> list[str]:
    checks = judge(results)
    assert all(bool(check.sentence) == (check.verdict == Verdict.MISSED) for check in checks)
    return [check.sentence for check in checks if check.verdict == Verdict.MISSED]


def test_a_soak_that_shows_nothing_wrong_reaches_all_aims() -> None:
    assert {check.verdict for check in judge(make_results())} == {Verdict.REACHED}


GROWING = {"worker": [make_sample(at, 90 + at / 60) for at in range(0, 3600, 10)]}
UNHEALED = {"name": "a", "is_over": True, "healed_seconds": None, "outcomes": ["held: why"]}


@for_each(
    [
        ({"requests__lost": 2}, "2 acknowledged requests have no row"),
        ({"requests__doubled": 1}, "1 requests have more rows than one"),
        ({"requests__unscored": 1}, "1 acknowledged requests have no score"),
        ({"requests__misnamed": 1}, "1 answers told another id"),
        ({"requests__acknowledged": 0}, "no request was acknowledged"),
        ({"requests__refused_outside": {"502 x": 3}}, "3 requests were refused while nothing"),
        ({"requests__broken_outside": {"Error": 1}}, "1 requests were broken while nothing"),
        ({"deploys": [UNHEALED]}, "not healed before the next deploy: a (held: why)"),
        ({"growth": {"reckoned_mb": 10.0, "grown_mb": 12.6}}, "the database grew by 12.6 MB"),
        ({"leftovers": ["tmp/x"]}, "there lay in the end: tmp/x"),
        ({"problems": ["the worker ended by itself"]}, "the worker ended by itself"),
        ({"samples": GROWING}, "worker: memory grows: +60.00"),
    ]
)
def test_each_check_can_miss(row: tuple[dict[str, Any], str]) -> None:
    changes, sentence = row
    [found] = missed(make_results(**changes))
    assert found.startswith(sentence)


def test_postgres_has_longer_to_warm_up_and_its_descriptors_are_not_judged() -> None:
    samples = [make_sample(at, 90 + min(at, 180)) for at in range(0, 3600, 10)]
    for number, sample in enumerate(samples):
        sample["descriptors"] = number
    results = make_results(samples={"postgres": samples})
    assert results["slopes"]["postgres"]["memory_mb"]["high"] == 0
    assert missed(results) == []
    [told] = missed(make_results(samples={"worker": samples}))
    assert told.startswith("worker: descriptors grow: +360.00")


def test_a_deploy_whose_time_was_not_over_is_not_judged() -> None:
    deploy = {"name": "a", "is_over": False, "healed_seconds": None, "outcomes": []}
    assert missed(make_results(deploys=[deploy])) == []


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-1, 10, Verdict.REACHED),
        (-1, 11, Verdict.UNDECIDED),
        (10, 11, Verdict.UNDECIDED),
        (10.1, 11, Verdict.MISSED),
        (None, None, Verdict.UNDECIDED),
    ],
)
def test_a_slope_is_judged_by_its_interval(
    low: float | None, high: float | None, verdict: Verdict
) -> None:
    assert judge_slope(replace(FLAT, low=low, high=high), 10) == verdict


def test_samples_that_are_kept_are_few() -> None:
    results = make_results(sizes=[(at, 0, 0) for at in range(7000)])
    thinned = thin_samples(results)
    assert 100 < len(thinned["samples"]["worker"]) <= 150
    assert 100 < len(thinned["sizes"]) <= 150
    assert thinned["sizes"][0] == (0, 0, 0)
    assert thin_samples(make_results(samples={"worker": []}))["samples"] == {"worker": []}
