from hypothesis import given
from hypothesis import strategies as st

from services.manager.app.log.spool.framing import Found, frame, read_frames

RECORDS = st.lists(
    st.binary(max_size=60).map(lambda content: content.replace(b"\n", b" ")),
    max_size=6,
    unique=True,
)


def lay_out(records: list[bytes]) -> list[tuple[int, int, bytes]]:
    """Say where the frame of each record lies in a file that holds them all."""
    spans, start = [], 0
    for record in records:
        end = start + len(frame(record))
        spans.append((start, end, record))
        start = end
    return spans


@given(RECORDS)
def test_what_was_written_is_read(records: list[bytes]) -> None:
    assert read_frames(b"".join(map(frame, records))) == Found(records)


@given(RECORDS, st.data())
def test_wherever_a_file_is_cut_what_lies_before_is_read(
    records: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(map(frame, records))
    cut = data.draw(st.integers(0, len(whole)))
    found = read_frames(whole[:cut])
    # A record that lacks its last line break alone is there as well.
    assert found.records == [record for _, end, record in lay_out(records) if end - 1 <= cut]
    assert not found.damaged


@given(RECORDS.filter(bool), st.data())
def test_whatever_byte_is_another_every_other_record_is_read_and_none_invented(
    records: list[bytes], data: st.DataObject
) -> None:
    whole = bytearray(b"".join(map(frame, records)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    found = read_frames(bytes(whole))
    intact = [record for start, end, record in lay_out(records) if not start <= place < end]
    hit = [record for start, end, record in lay_out(records) if start <= place < end]
    assert [record for record in found.records if record not in hit] == intact
    assert len(found.records) <= len(records)
    assert set(found.records) <= set(records)


@given(RECORDS.filter(bool), st.binary(max_size=80), st.data())
def test_whatever_lies_between_frames_they_are_read(
    records: list[bytes], dirt: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(records)))
    content = [frame(record) for record in records]
    content.insert(at, dirt)
    assert read_frames(b"".join(content)).records == records


def test_damage_is_told_and_a_torn_end_is_no_damage() -> None:
    first, second = frame(b"first"), frame(b"second")
    assert read_frames(first.replace(b"first", b"fjrst") + second) == Found([b"second"], damaged=1)
    assert read_frames(first + second[:-3]) == Found([b"first"], is_torn=True)
    assert read_frames(b"") == Found()
