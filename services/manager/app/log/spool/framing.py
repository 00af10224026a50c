"""Frames records, so that those that are intact are found whatever else of a file is damaged.

A frame is a line break, the record's digest, the record, and a line break. Since no record holds a
line break, reading goes on with the next line after what is damaged.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

DIGEST_BYTES: Final = 16
_DIGEST_CHARACTERS: Final = 2 * DIGEST_BYTES


@dataclass(slots=True)
class Found:
    """What was found in a file.

    Attributes:
        records: The intact ones, in their order.
        damaged: How many lines are none, but for a last one that was never written whole.
        is_torn: Whether there is such a last one.
    """

    records: list[bytes] = field(default_factory=list)
    damaged: int = 0
    is_torn: bool = False


def frame(record: bytes) -> bytes:
    """Frame a record, which holds no line break."""
    return b"\n%b %b\n" % (_digest(record), record)


def read_frames(stored: bytes) -> Found:
    """Find the records in what a file holds."""
    found = Found()
    *lines, last = stored.split(b"\n")
    for line in filter(None, lines):
        if (record := _read(line)) is None:
            found.damaged += 1
        else:
            found.records.append(record)
    if (record := _read(last)) is not None:
        found.records.append(record)
    else:
        found.is_torn = bool(last)
    return found


def _read(line: bytes) -> bytes | None:
    digest, separator, record = line.partition(b" ")
    is_framed = len(digest) == _DIGEST_CHARACTERS and separator
    return record if is_framed and digest == _digest(record) else None


def _digest(record: bytes) -> bytes:
    return hashlib.blake2b(record, digest_size=DIGEST_BYTES).hexdigest().encode()
