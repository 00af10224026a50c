import json
from collections.abc import Callable

import pytest

from benchmarks.healing.records import (
    Measurement,
    NaiveResult,
    RunRecord,
    read_record,
    share_recovered,
)

MakeRecord = Callable[..., RunRecord]
PROMOTED = {"promoting": 0, "calls": [30], "heal_seconds": [1.0]}


@pytest.mark.parametrize(
    ("healed", "share"), [(0.9, 1.0), (0.4, 0.0), (0.65, 0.5), (0.3, -0.2), (1.0, 1.2)]
)
def test_the_recovered_share_is_of_the_lost_score(healed: float, share: float) -> None:
    assert share_recovered(0.9, 0.4, healed) == pytest.approx(share)


def test_nothing_promoted_recovers_nothing(make_record: MakeRecord) -> None:
    record = make_record()
    assert record.recovered_share == 0
    assert not record.promoted
    assert not record.is_harmful
    assert record.promoting_calls is None


def test_a_promotion_that_scores_lower_does_harm(make_record: MakeRecord) -> None:
    assert make_record(after=0.3, **PROMOTED).is_harmful
    assert not make_record(after=0.395, **PROMOTED).is_harmful
    assert make_record(naive=NaiveResult(True, 0.3)).is_naive_harmful
    assert not make_record(naive=NaiveResult(False, 0.3)).is_naive_harmful


def test_any_promotion_on_a_control_is_a_false_heal(make_record: MakeRecord) -> None:
    assert make_record(group="control", after=0.9, **PROMOTED).is_false_heal
    assert not make_record(group="control").is_false_heal


def test_under_a_fault_only_a_promotion_that_is_no_better_is_a_false_heal(
    make_record: MakeRecord,
) -> None:
    assert make_record(group="fault", after=0.4, **PROMOTED).is_false_heal
    assert not make_record(group="fault", after=0.6, **PROMOTED).is_false_heal
    better = make_record(group="fault", naive=NaiveResult(True, 0.6))
    assert not better.is_naive_false_heal
    assert make_record(group="fault", naive=NaiveResult(True, 0.4)).is_naive_false_heal


@pytest.mark.parametrize(("verdict", "right"), [("prompt", True), ("drift", False), ("", None)])
def test_attribution_is_judged_where_there_is_one(
    make_record: MakeRecord, verdict: str, right: bool | None
) -> None:
    assert make_record(verdict=verdict).is_attributed_right is right


def test_attribution_is_not_judged_where_none_is_asked_for(make_record: MakeRecord) -> None:
    assert make_record(verdicts=(), verdict="input").is_attributed_right is None


def test_a_remark_names_what_went_wrong(make_record: MakeRecord) -> None:
    record = make_record(verdict="drift", reasons=["held: not_better"], looked_into=True)
    assert record.remark == "0% won back (held: not_better), blamed drift, not prompt"
    good = make_record(verdict="prompt", after=0.9, looked_into=True, **PROMOTED)
    assert good.remark == ""


def test_newly_failing_inputs_are_those_that_passed_before() -> None:
    good = Measurement(0.9, 2, 3, (True, True, False))
    other = Measurement(0.5, 1, 2, (False, None, True))
    assert other.newly_failing(good) == 1


def test_json_holds_what_follows_from_a_record(make_record: MakeRecord) -> None:
    plain = make_record(after=0.9, **PROMOTED).as_json()
    assert plain["recovered_share"] == pytest.approx(1)
    assert plain["promoted"] is True
    assert plain["naive"] == {"triggered": True, "after": 0.5}
    assert plain["false_heal"] is False


def test_a_record_is_read_as_it_was_written(make_record: MakeRecord) -> None:
    record = make_record(after=0.8, strategy="few_shot", reasons=["promoted: better"], **PROMOTED)
    assert read_record(json.loads(json.dumps(record.as_json()))) == record
