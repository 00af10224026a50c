import pytest
from support.rows import for_each


def test_every_row_is_tried_and_each_that_fails_is_named() -> None:
    tried = []

    @for_each(["a", "b", "c", "d"])
    def check(row: str) -> None:
        tried.append(row)
        if row == "b":
            pytest.fail("no")
        assert row != "d"

    with pytest.raises(BaseExceptionGroup, match="2 of 4 rows fail") as raised:
        check()
    assert tried == ["a", "b", "c", "d"]
    assert [error.__notes__ for error in raised.value.exceptions] == [["with 'b'"], ["with 'd'"]]


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(AssertionError):
        for_each([])


@pytest.mark.parametrize("limit", [3, 4])
@for_each(range(3))
def test_parameters_reach_the_test(row: int, limit: int) -> None:
    assert row < limit
