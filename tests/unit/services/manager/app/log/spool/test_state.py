from pathlib import Path

from support.rows import for_each

from services.common.diagnosis.checks import CheckResult
from services.manager.app.log.spool.framing import frame
from services.manager.app.log.spool.segment import Segment
from services.manager.app.log.spool.state import SpoolState, judge_spool, measure


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    assert measure(tmp_path / "none") == SpoolState(0, 0, 0.0)


def test_where_nothing_can_be_read_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert measure(tmp_path / "file" / "spool") == SpoolState(0, 0, 0.0)


def test_a_segment_that_a_person_named_counts_as_new(tmp_path: Path) -> None:
    (tmp_path / "back-again.spool").write_bytes(frame(b"a"))
    state = measure(tmp_path)
    assert (state.records, state.aside) == (1, ())
    assert state.oldest_seconds < 60


def test_all_segments_count_those_that_are_written_too(tmp_path: Path) -> None:
    closed, written = Segment.create(tmp_path), Segment.create(tmp_path)
    closed.append(frame(b"a") + frame(b"b"))
    closed.close()
    written.append(frame(b"c"))
    (tmp_path / "0.refused").write_bytes(frame(b"d"))
    (tmp_path / "0.damaged").write_bytes(b"e")
    state = measure(tmp_path)
    assert (state.records, state.aside) == (3, ("0.damaged", "0.refused"))
    assert state.size_bytes == 3 * len(frame(b"a"))
    assert 0 < state.oldest_seconds < 3600
    written.append(frame(b"f"))
    assert measure(tmp_path).records == 4
    written.close()


@for_each([
    (SpoolState(0, 0, 0), CheckResult.OK, "empty"),
    (SpoolState(3, 99, 5), CheckResult.OK, "3 rows wait"),
    (SpoolState(1, 99, 5), CheckResult.OK, "1 row waits"),
    (SpoolState(3, 99, 100), CheckResult.WARN, "for 100 s"),
    (SpoolState(0, 0, 0, ("1.refused",)), CheckResult.WARN, "1.refused"),
])  # fmt: skip
def test_rows_that_should_have_landed_are_told(row: tuple[SpoolState, CheckResult, str]) -> None:
    state, result, found = row
    check = judge_spool(state, Path("/spool"))
    assert check.result is result
    assert found in check.found
    assert bool(check.remedy) == (result is CheckResult.WARN)
