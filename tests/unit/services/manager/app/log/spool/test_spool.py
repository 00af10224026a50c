import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from services.manager.app.log.spool.framing import read_frames
from services.manager.app.log.spool.segment import Segment, claim
from services.manager.app.log.spool.spool import Spool, SpoolUnavailableError
from services.manager.app.log.spool.state import list_segments, measure

MIB = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", max_bytes=4 * MIB)


def read_all(spool: Spool) -> list[bytes]:
    return [
        record
        for path, _ in list_segments(spool.directory)
        for record in read_frames(path.read_bytes()).records
    ]


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How large each file was when it was synced."""
    sizes: list[int] = []
    sync = os.fsync

    def counting(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    return sizes


async def test_a_record_is_synced_before_append_returns(spool: Spool, syncs: list[int]) -> None:
    await spool.append(b"first")
    [(path, size_bytes)] = list_segments(spool.directory)
    assert syncs[-1] == size_bytes
    assert read_all(spool) == [b"first"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.directory.stat().st_mode & 0o777 == 0o700


async def test_the_name_of_a_directory_that_was_just_made_is_on_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = set()
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    await Spool(tmp_path / "home" / "spool", max_bytes=MIB).append(b"first")

    for directory in (tmp_path, tmp_path / "home", tmp_path / "home" / "spool"):
        assert directory.stat().st_ino in synced


async def test_records_that_come_at_once_share_a_sync(spool: Spool, syncs: list[int]) -> None:
    records = [f"{number}".encode() for number in range(200)]
    await asyncio.gather(*map(spool.append, records))
    assert read_all(spool) == records
    # The directory, then all that had come, since none of them waited before.
    assert len(syncs) <= 3


async def test_a_segment_is_as_large_as_what_lands_at_once(spool: Spool) -> None:
    records = [bytes([65 + number]) * (MIB // 2) for number in range(4)]
    await asyncio.gather(*map(spool.append, records))
    await spool.append(b"last")
    sizes = [size_bytes for _, size_bytes in list_segments(spool.directory)]
    assert max(sizes) < 1.6 * MIB
    assert read_all(spool) == [*records, b"last"]


async def test_a_full_spool_refuses_and_takes_again_what_fits_after_landing(spool: Spool) -> None:
    big = b"x" * (MIB + 100)
    for _ in range(3):
        await spool.append(big)
    assert await spool.find_obstacle() == ""
    with pytest.raises(SpoolUnavailableError, match="SPOOL_MAX_BYTES") as refused:
        await spool.append(big)
    assert (refused.value.status_code, refused.value.code) == (503, "spool_unavailable")
    list_segments(spool.directory)[0][0].unlink()
    await spool.append(big)
    assert len(read_all(spool)) == 3


async def test_what_no_spool_has_room_for_is_said_before_it_is_tried(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    await spool.append(b"x" * (MIB - 100))
    assert "full" in await spool.find_obstacle()


async def test_a_disk_that_fails_refuses_leaves_nothing_and_is_tried_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spool.append(b"before")
    write = os.write

    def write_a_part(descriptor: int, content: Any) -> int:
        if len(content) > 10:
            return write(descriptor, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write_a_part)
    both = await asyncio.gather(spool.append(b"a"), spool.append(b"b"), return_exceptions=True)
    assert [type(one) for one in both] == [SpoolUnavailableError] * 2
    assert both[0] is not both[1]
    assert "No space left on device" in str(both[0])
    assert "No space left" in await spool.find_obstacle()
    monkeypatch.setattr(os, "write", write)
    await spool.append(b"after")
    assert read_all(spool) == [b"before", b"after"]
    assert measure(spool.directory).records == 2
    assert len(list(spool.directory.iterdir())) == 2


async def test_after_a_failed_sync_no_segment_is_used_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spool.append(b"before")
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "I/O")))
    with pytest.raises(SpoolUnavailableError):
        await spool.append(b"lost")
    monkeypatch.setattr(os, "fsync", sync)
    await spool.append(b"after")
    assert len(list_segments(spool.directory)) == 2
    assert read_all(spool) == [b"before", b"after"]


async def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool", max_bytes=MIB)
    with pytest.raises(SpoolUnavailableError, match="can't be written"):
        await spool.append(b"x")
    assert "can't be written" in await spool.find_obstacle()


async def test_a_caller_that_is_gone_keeps_no_other_from_its_word(spool: Spool) -> None:
    gone = asyncio.create_task(spool.append(b"gone"))
    other = asyncio.create_task(spool.append(b"other"))
    await asyncio.sleep(0)
    gone.cancel()
    await other
    assert read_all(spool) == [b"gone", b"other"]


async def test_looking_for_room_leaves_nothing(spool: Spool) -> None:
    assert await spool.find_obstacle() == ""
    assert list(spool.directory.iterdir()) == []


async def test_a_segment_is_landed_by_one_and_only_once_it_is_closed(spool: Spool) -> None:
    await spool.append(b"first")
    [(path, _)] = list_segments(spool.directory)
    with claim(path) as stored:
        assert stored is None
    await spool.release()
    with claim(path) as stored, claim(path) as other:
        assert read_frames(stored or b"").records == [b"first"]
        assert other is None
        path.unlink()
    with claim(path) as stored:
        assert stored is None


def test_one_that_was_removed_while_its_lock_was_waited_for_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Segment.create(tmp_path)
    segment.append(b"\nx\n")
    segment.close()
    open_ = os.open

    def open_late(*arguments: Any) -> int:
        descriptor = open_(*arguments)
        segment.path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_late)
    with claim(segment.path) as stored:
        assert stored is None


async def test_two_spools_in_one_directory_do_not_meet(tmp_path: Path) -> None:
    one, other = (Spool(tmp_path, max_bytes=MIB) for _ in range(2))
    await asyncio.gather(*(spool.append(b"x%d" % n) for n in range(50) for spool in (one, other)))
    assert len(list_segments(tmp_path)) == 2
    assert len(read_all(one)) == 100
