from pathlib import Path

from faults.fault import Row
from faults.matrix import CHEAPEST, FAULTS, MORE, choose, read_commit, render


def test_the_ten_cheapest_are_always_tried_and_every_other_for_some_commit() -> None:
    by_cost = sorted(FAULTS, key=lambda fault: fault.cost_seconds)
    others = by_cost[CHEAPEST:]
    tried = set()
    for number in range(len(others)):
        chosen = choose(FAULTS, f"{number:040x}")
        assert chosen[:CHEAPEST] == by_cost[:CHEAPEST]
        assert len({fault.name for fault in chosen}) == CHEAPEST + MORE
        tried |= {fault.name for fault in chosen[CHEAPEST:]}
    assert tried == {fault.name for fault in others}


def test_without_a_commit_the_first_of_the_others_are_tried() -> None:
    by_cost = sorted(FAULTS, key=lambda fault: fault.cost_seconds)
    assert choose(FAULTS, "") == by_cost[: CHEAPEST + MORE]


def test_where_there_is_no_git_there_is_no_commit(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == ""


def test_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_row_of_the_matrix_tells_its_counts() -> None:
    row = Row("a fault", 5, 4, 1, 0, {"502 worker_failed": 3}, {"ClientOSError": 2}, 1.5)
    assert render([row]).splitlines()[-1] == (
        "| a fault | 5 | 4 | 1 | 0 | 3 502 worker_failed | 2 ClientOSError | 1.5 s |"
    )
