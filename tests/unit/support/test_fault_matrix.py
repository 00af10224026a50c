from pathlib import Path

from faults.fault import Fault, Row, no_stage
from faults.matrix import CHEAPEST, FAULTS, MORE, MOST_SECONDS, choose, read_commit, render


def fault(name: str, cost_seconds: float) -> Fault:
    return Fault(name=name, strike=no_stage, cost_seconds=cost_seconds)


def cost(faults: list[Fault]) -> float:
    return sum(fault.cost_seconds for fault in faults)


def test_the_ten_cheapest_are_always_tried_and_the_others_in_turn() -> None:
    faults = [fault(f"{number}", 10 + number) for number in range(20)]
    others = faults[CHEAPEST:]
    tried = set()
    for number in range(len(others)):
        chosen = choose(faults, f"{number:040x}")
        assert chosen[:CHEAPEST] == faults[:CHEAPEST]
        assert len({one.name for one in chosen}) == CHEAPEST + MORE
        tried |= {one.name for one in chosen[CHEAPEST:]}
    assert tried == {one.name for one in others}


def test_what_takes_too_long_is_passed_over() -> None:
    faults = [fault(f"{number}", 10 + number) for number in range(10)]
    faults += [fault("long", MOST_SECONDS), *(fault(f"other {number}", 30) for number in "123")]
    chosen = choose(faults, "")
    assert [one.name for one in chosen[CHEAPEST:]] == ["other 1", "other 2", "other 3"]


def test_no_commit_takes_too_long() -> None:
    for number in range(len(FAULTS)):
        chosen = choose(FAULTS, f"{number:040x}")
        assert len(chosen) == CHEAPEST + MORE
        assert cost(chosen) <= MOST_SECONDS


def test_where_there_is_no_git_there_is_no_commit(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == ""


def test_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_row_of_the_matrix_tells_its_counts() -> None:
    row = Row("a fault", 5, 4, 1, 0, 2, {"502 worker_failed": 3}, {"ClientOSError": 2}, 1.5)
    assert render([row]).splitlines()[-1] == (
        "| a fault | 5 | 4 | 1 | 0 | 2 | 3 502 worker_failed | 2 ClientOSError | 1.5 s |"
    )
