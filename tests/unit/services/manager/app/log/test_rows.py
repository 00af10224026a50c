import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from support.rows import for_each

from services.manager.app.log.rows import (
    Execution,
    Row,
    decode_row,
    encode_row,
    make_landing_id,
)
from services.manager.app.scoring.sampling import Mark

ID = UUID("11111111-2222-4333-8444-555555555555")
EXECUTION = Execution(ID, "code_generation", "a\nb", "a b", evaluation_detail={"é": [1, None, 0.5]})


def make_row(**more: Any) -> Row:
    return Row(
        EXECUTION, landing_id=ID, created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), **more
    )


@for_each([
    {},
    {"conversation": {"messages": [{"content": "x\ny\ud83d"}], "tags": None}},
    {"conversation": {}, "mark": Mark(with_judge=True, rules_share=0.1, judge_share=0.05)},
    {"conversation": {}, "trace_parent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"},
])  # fmt: skip
def test_a_row_that_was_written_down_is_read_as_it_was(more: dict[str, Any]) -> None:
    row = make_row(**more)
    written = encode_row(row)
    assert b"\n" not in written
    assert decode_row(written) == row


def test_a_row_of_an_earlier_version_lacks_what_is_new() -> None:
    told = json.loads(encode_row(make_row()))
    del told["execution"]["error_message"], told["trace_parent"]
    assert decode_row(json.dumps(told).encode()) == make_row()


def test_what_the_database_would_not_take_is_not_written_down() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_row(make_row(conversation={"usage": float("nan")}))


@for_each([b"", b"{}", b"[]", b'{"execution":{"request_id":"x"}}', b"\xff", b"1"])
def test_what_is_no_row_raises_what_is_told(written: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        decode_row(written)


def test_landing_ids_sort_by_their_time_and_are_of_version_7() -> None:
    ids = [make_landing_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
