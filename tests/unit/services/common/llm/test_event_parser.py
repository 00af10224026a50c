import json

import pytest
from support.provider.exchanges import EXCHANGES
from support.rows import for_each

from services.common.llm.event_parser import Event, EventParser

BODIES = {
    name: reply.body
    for name, exchange in EXCHANGES.items()
    if not callable(reply := exchange.replies[0])
    and isinstance(exchange.streamed or exchange.whole, list)
    and (reply.status, reply.headers, reply.pieces) == (200, {}, ())
    and b'"error"' not in reply.body
}


def read(*blocks: bytes) -> list[Event]:
    parser = EventParser()
    events: list[Event] = []
    for block in blocks:
        events += parser.feed(block)
        if parser.is_done:
            return events
    return [*events, *parser.finish()]


@for_each(BODIES.items(), lambda row: row[0])
def test_it_doesnt_matter_where_a_stream_is_cut(row: tuple[str, bytes]) -> None:
    _, body = row
    whole = read(body)

    assert whole
    assert read(*[body[place : place + 1] for place in range(len(body))]) == whole
    for place in range(1, len(body)):
        assert read(body[:place], body[place:]) == whole


@for_each(BODIES.items(), lambda row: row[0])
def test_a_line_of_an_event_is_its_json(row: tuple[str, bytes]) -> None:
    for said, line in read(row[1]):
        assert line is None or (b"\n" not in line and json.loads(line) == said)


def test_a_plain_chunk_passes_byte_for_byte() -> None:
    line = b'{ "choices":[{"index":0, "delta":{"content":"\\u00e9 \xc3\xa9"}}],  "x":1e400}'

    assert [event.line for event in read(b"data: " + line + b"\n\n")] == [line]


@pytest.mark.parametrize(
    "body",
    [
        b"data: Oops\n\n",
        b"data: 5\n\n",
        b"data: [1]\n\n",
        b"[]",
        b"<html>",
        b"5",
        b"data: " + b"[" * 9999,
    ],
)
def test_what_is_no_event_is_no_chat_completion(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
        read(body)


def test_nothing_is_given_of_a_stream_of_comments() -> None:
    assert read(b": wait\n\n: wait\n\n") == []


def test_data_over_many_lines_is_one_event_and_bounded() -> None:
    lines = [
        b"data: " + line
        for line in json.dumps({"choices": [], "x": [1] * 2000}, indent=0).encode().split(b"\n")
    ]
    [event] = read(b"\n".join(lines) + b"\n\n")

    assert event.said["x"] == [1] * 2000
    with pytest.raises(ValueError, match="too long"):
        read(b"data: {\n", *[b"data: " + b" x" * 30_000 + b"\n"] * 100)
