from benchmarks.healing.reporting.false_alarms import measure_false_alarms


def test_three_failures_are_there_in_most_windows_and_surprising_in_few() -> None:
    alarms = measure_false_alarms(windows=300)
    # 1 - P(at most two of 100 at 5 %) is 0.882.
    assert alarms.floor.low is not None
    assert alarms.floor.high is not None
    assert alarms.floor.low < 0.882 < alarms.floor.high
    assert (alarms.known.share or 0) < 0.1
    assert alarms.as_json()["three_failures"]["total"] == 300


def test_windows_are_drawn_the_same_each_time() -> None:
    assert measure_false_alarms(windows=50) == measure_false_alarms(windows=50)
