"""Ids that are given by their first digits."""

from uuid import UUID

import pytest

from services.common.presentation.short_ids import parse_id_range

ID = "3f2c9a71-0000-4000-8000-000000000001"


def test_digits_mean_the_ids_that_begin_with_them() -> None:
    first, last = parse_id_range(" 3F2C9A71-0 ", least=8, of="a run")
    assert first <= UUID(ID) <= last
    assert (first.hex[:9], last.hex[9:]) == ("3f2c9a710", "f" * 23)


def test_a_whole_id_means_itself() -> None:
    assert parse_id_range(ID, least=8, of="a run") == (UUID(ID), UUID(ID))


@pytest.mark.parametrize("text", ["", "3f2c9a7", "3f2c9a7g", ID + "0", "\x1b[2J3f2c9a7"])
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'[\w-]*' is not the id of a run\.$"):
        parse_id_range(text, least=8, of="a run")
