"""What golden inputs can prove, and how their checks are written."""

from support.rows import for_each

from services.common.proof.betting import FIRST_ALPHA, play
from services.common.task_types.checks import read_checks
from services.console.app.pages.task_types import list_provable, write_check


@for_each(range(30))
def test_what_is_said_to_be_provable_is_what_the_bet_decides(pairs: int) -> None:
    for row in list_provable(pairs):
        assert row.wins + row.losses <= pairs
        assert play([-1.0] * row.losses + [1.0] * row.wins).reaches(FIRST_ALPHA)
        assert row.points == (row.wins - row.losses) / pairs


@for_each([(0, []), (4, []), (5, [0]), (11, [0, 1]), (16, [0, 1, 2]), (24, [0, 1, 2, 3])])
def test_the_more_pairs_the_more_may_be_lost(row: tuple[int, list[int]]) -> None:
    pairs, losses = row
    assert [one.losses for one in list_provable(pairs)] == losses


@for_each(
    [
        "add(1, 2) == 3",
        "add('a', 1) raises TypeError",
        "c = Counter(); c.add(1); c.total() == 1",
    ]
)
def test_a_check_is_written_as_its_file_has_it(text: str) -> None:
    [check] = read_checks([text])
    assert write_check(check) == text


def test_a_check_of_several_readings_has_them_all() -> None:
    [check] = read_checks([["f(1) == 1", "f(1) == '1'"]])
    assert write_check(check) == "f(1) == 1 | f(1) == '1'"
