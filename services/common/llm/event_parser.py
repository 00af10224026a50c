"""Reads a provider's reply as it comes, in any of the shapes in which providers send it. Pure."""

import codecs
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_ANSWER_BYTES = 4 << 20
DONE_MARK = "[DONE]"
BLANKS = "\ufeff\u200b \t\r\n"
GAPS = frozenset(BLANKS)
# Of server-sent events; an old llama.cpp tells errors under a name of their own.
DATA_FIELDS = ("data:", "error:")
OTHER_FIELDS = ("event:", "id:", "retry:", ":")


class Event(NamedTuple):
    """A JSON object of a reply, and the line that it came in; None where that was no line."""

    said: dict[str, Any]
    line: bytes | None = None


class EventParser:
    """Takes a reply in blocks of bytes, cut anywhere, and gives the objects that are whole.

    A line of data that is JSON is an event at once; else what follows belongs to it, up to a blank
    line. A body that begins otherwise is read to its end, as one JSON object or as several.

    Attributes:
        is_done: Whether `[DONE]` came.
        has_begun: Whether an event began.
    """

    def __init__(self) -> None:
        self.is_done = False
        self.has_begun = False
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._pending: list[str] = []
        self._pending_bytes = 0
        self._open_data = bytearray()
        self._is_body = False

    def feed(self, block: bytes) -> Iterator[Event]:
        """Read a block.

        Raises:
            ValueError: If it can't be part of a chat completion, or an event is over 4 MiB.
        """
        text = self._decoder.decode(block)
        self._pending.append(text)
        self._pending_bytes += len(block)
        if self._pending_bytes > MAX_ANSWER_BYTES:
            raise ValueError("an event is too long")
        if not self._is_body and "\n" in text:
            *lines, rest = "".join(self._pending).split("\n")
            self._keep(rest)
            yield from self._read_lines(lines)

    def finish(self) -> Iterator[Event]:
        """Read what is left at the end of the reply.

        Raises:
            ValueError: If that is no JSON object, or only the beginning of one.
        """
        self._pending.append(self._decoder.decode(b"", final=True))
        if not self._is_body:
            lines = "".join(self._pending).split("\n")
            self._keep("")
            yield from self._read_lines([*lines, ""])
        if self._is_body:
            text = "".join(self._pending).strip(BLANKS)
            self.is_done = text.endswith(DONE_MARK)
            yield from map(Event, _parse_objects(text))

    def _keep(self, rest: str) -> None:
        self._pending = [rest]
        self._pending_bytes = len(rest) + len(self._open_data)

    def _read_lines(self, lines: list[str]) -> Iterator[Event]:
        for number, line in enumerate(lines):
            if self.is_done:
                return
            is_framed = not line.strip() or line.startswith((*DATA_FIELDS, *OTHER_FIELDS))
            if not self.has_begun and not is_framed:
                self._is_body = True
                self._keep("\n".join((*lines[number:], *self._pending)))
                return
            yield from self._read_line(line)

    def _read_line(self, line: str) -> list[Event]:
        if not line and self._open_data:
            said = _guard_depth(json.loads, bytes(self._open_data))
            self._open_data.clear()
            return [Event(item) for item in _to_objects(said)]
        if line.startswith(DATA_FIELDS):
            self.has_begun = True
            line = line.partition(":")[2].strip()
        elif not line.startswith("{"):
            return []
        if self._open_data:
            self._open_data += f"\n{line}".encode()
        elif line.startswith(DONE_MARK):
            self.is_done = True
        elif line:
            try:
                said = _guard_depth(json.loads, line)
            except ValueError:
                self._open_data += line.encode()
            else:
                told = line.encode() if isinstance(said, dict) else None
                return [Event(item, told) for item in _to_objects(said)]
        return []


def _guard_depth(parse: Any, *arguments: Any) -> Any:
    try:
        return parse(*arguments)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _to_objects(said: Any) -> list[dict[str, Any]]:
    """Take apart what stands where an object is to be: Gemini puts an error into a list."""
    items = said if isinstance(said, list) and said else [said]
    if not all(isinstance(item, dict) for item in items):
        raise ValueError("it is no JSON object")
    return items


def _parse_objects(text: str) -> list[dict[str, Any]]:
    """Parse JSON objects that stand one after another; whatever follows the last is left."""
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    at = 0
    while text.startswith("{", at) or not found:
        said, at = _guard_depth(decoder.raw_decode, text, at)
        found += _to_objects(said)
        while text[at : at + 1] in GAPS:
            at += 1
    return found
