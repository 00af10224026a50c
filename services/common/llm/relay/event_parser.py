"""Reads a provider's stream as it comes, in any of the shapes in which providers send it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.common.chat.chunks import is_chunk, to_chunks
from services.common.llm.endpoint import MAX_ANSWER_BYTES
from services.common.llm.relay.relay import to_json
from services.common.llm.reply import find_error, parse_events

BOM = b"\xef\xbb\xbf"
DONE_MARK = b"[DONE]"
# An old llama.cpp tells errors under a name of their own.
DATA_FIELDS = (b"data:", b"error:")
OTHER_FIELDS = (b"event:", b"id:", b"retry:", b":")


class Event(NamedTuple):
    """A chunk: its JSON in one line, and what it says."""

    line: bytes
    chunk: dict[str, Any]


class EventParser:
    """Takes a stream in blocks of bytes, cut anywhere, and gives the chunks that are whole.

    A line of data that is JSON is an event at once; else what follows belongs to it, up to a blank
    line. A body that begins otherwise is read to its end, as a completion or as bare chunks.

    Attributes:
        is_done: Whether `[DONE]` came.
        has_begun: Whether an event began.
    """

    def __init__(self) -> None:
        self.is_done = False
        self.has_begun = False
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._open_data = bytearray()
        self._is_body = False

    def feed(self, block: bytes) -> Iterator[Event]:
        """Read a block.

        Raises:
            ValueError: If it can't be part of a chat completion, or an event is over 4 MiB.
        """
        self._pending.append(block)
        self._pending_bytes += len(block)
        if self._pending_bytes > MAX_ANSWER_BYTES:
            raise ValueError("an event is too long")
        if self._is_body or (b"\n" not in block and b"\r" not in block):
            return
        text = b"".join(self._pending)
        # A CR at the end may be half of a CRLF.
        held = b"\r" if text.endswith(b"\r") else b""
        if b"\r" in text:
            text = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = text.split(b"\n")
        self._keep(lines.pop() + held)
        yield from self._read_lines(lines)

    def finish(self) -> Iterator[Event]:
        """Read what is left at the end of the stream.

        Raises:
            ValueError: If that is no chat completion, or only the beginning of one.
        """
        if not self._is_body:
            lines = b"".join(self._pending).splitlines()
            self._keep(b"")
            yield from self._read_lines([*lines, b""])
        if self._is_body:
            for item in parse_events(b"".join(self._pending)):
                yield from _to_events(item)

    def _keep(self, rest: bytes) -> None:
        self._pending = [rest]
        self._pending_bytes = len(rest) + len(self._open_data)

    def _read_lines(self, lines: list[bytes]) -> Iterator[Event]:
        for number, line in enumerate(lines):
            if self.is_done:
                return
            if not self.has_begun:
                line = line.removeprefix(BOM)  # noqa: PLW2901
                if line.strip() and not line.startswith((*DATA_FIELDS, *OTHER_FIELDS)):
                    self._is_body = True
                    self._keep(b"\n".join((*lines[number:], *self._pending)))
                    return
            yield from self._read_line(line)

    def _read_line(self, line: bytes) -> list[Event]:
        if not line and self._open_data:
            line = bytes(self._open_data)
            self._open_data.clear()
            return _to_events(_parse(line))
        if line.startswith(DATA_FIELDS):
            self.has_begun = True
            line = line.partition(b":")[2].strip()
        elif not line.startswith(b"{"):
            return []
        if self._open_data:
            self._open_data += b"\n" + line
        elif line.startswith(DONE_MARK):
            self.is_done = True
        elif line:
            try:
                chunk = _parse(line)
            except ValueError:
                self._open_data += line
            else:
                return [Event(line, chunk)] if is_chunk(chunk) else _to_events(chunk)
        return []


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _to_events(said: Any) -> list[Event]:
    """Write what isn't framed or shaped as a chunk as one, or as several, or as none.

    Of what else comes between chunks only the usage is a client's concern.
    """
    events: list[Event] = []
    for item in said if isinstance(said, list) and said else [said]:
        if not isinstance(item, dict):
            raise ValueError("an event is no JSON object")
        chunks = [item] if find_error([item]) is not None else to_chunks(item)
        events += [Event(to_json(chunk), chunk) for chunk in chunks]
    return events
