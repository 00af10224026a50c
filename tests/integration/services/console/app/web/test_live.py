"""Live parts: an open page is told when something changed, and nothing when its session ends."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.polling import until

from services.common.database import Database
from services.console.app.web import live
from services.console.app.web.live import Changes, TooManyStreamsError

INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail)
    SELECT task_type, id, 'held', 'no_gain', '{}' FROM prompts WHERE is_active LIMIT 1
"""
INSERT_WATCH = """
    INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id)
    SELECT task_type, id, id FROM prompts WHERE is_active LIMIT 1
"""
INSERT_TRAFFIC = """
    INSERT INTO selfheal.traffic (task_type, bucket, prompt_version, requests, unscored, scored,
        passed, score_sum, latency_ms_sum, input_tokens, output_tokens)
    VALUES ('code_generation', '2026-03-01 03:00Z', 1, 1, 0, 1, 1, 1, 10, 1, 1)
"""
CHANGES = [
    INSERT_RUN,
    "UPDATE selfheal.healing_runs SET resolution = 'rejected'",
    INSERT_WATCH,
    "UPDATE selfheal.watches SET ended_at = now(), outcome = 'kept'",
    INSERT_TRAFFIC,
    "UPDATE selfheal.traffic SET requests = 2",
    "UPDATE prompts SET content = content || '.' WHERE is_active",
]


async def always() -> bool:
    return True


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)


@pytest.fixture
async def changes(database: Database) -> AsyncIterator[Changes]:
    changes = Changes(database)
    yield changes
    await changes.close()


async def test_each_kind_of_change_is_told_to_all(changes: Changes, connection: Any) -> None:
    streams = [changes.stream("", always) for _ in range(3)]
    for stream in streams:
        assert await anext(stream) == "retry: 5000\n\n"
        assert ": nothing new" in await anext(stream)
    for change in CHANGES:
        await connection.execute(change)
        for event in await asyncio.gather(*(anext(stream) for stream in streams)):
            assert "event: change" in event, change


async def test_who_comes_back_is_told_what_changed_meanwhile(
    changes: Changes, connection: Any
) -> None:
    stream = changes.stream("", always)
    await anext(stream)
    seen = (await anext(stream)).partition("id: ")[2].partition("\n")[0]
    await stream.aclose()
    await connection.execute(INSERT_RUN)
    stream = changes.stream(seen, always)
    await anext(stream)
    assert "event: change" in await anext(stream)


async def test_a_stream_ends_with_its_session(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.01)
    answers = iter([True, True, False])

    async def is_still_in() -> bool:
        return next(answers)

    assert len([event async for event in changes.stream("", is_still_in)]) == 3


async def test_all_streams_end_when_the_console_does(changes: Changes) -> None:
    stream = changes.stream("", always)
    await anext(stream)
    await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await changes.close()
    await waiting
    assert [event async for event in stream] == []


async def test_the_streams_end_when_the_process_is_asked_to(changes: Changes) -> None:
    asked: list[int] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        with changes.ending_with_the_process():
            stream = changes.stream("", always)
            await anext(stream)
            signal.raise_signal(signal.SIGTERM)
            assert len([event async for event in stream]) <= 2
    finally:
        signal.signal(signal.SIGTERM, earlier)
    assert asked == [signal.SIGTERM]


async def test_there_are_only_so_many(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    changes.require_room()
    stream = changes.stream("", always)
    await anext(stream)
    with pytest.raises(TooManyStreamsError):
        changes.require_room()
    await stream.aclose()
    changes.require_room()


async def test_those_that_ask_at_the_same_moment_are_counted_as_well(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    first, second = changes.stream("", always), changes.stream("", always)
    await anext(first)
    assert [event async for event in second] == ["retry: 60000\n\n"]


async def test_a_mark_tells_nothing_of_what_it_counts(changes: Changes, connection: Any) -> None:
    await connection.execute(INSERT_TRAFFIC)
    stream = changes.stream("", always)
    await anext(stream)
    mark = (await anext(stream)).partition("id: ")[2].partition("\n")[0]
    assert re.fullmatch("[0-9a-f]{24}", mark)


async def test_nobody_looks_when_nobody_listens(changes: Changes) -> None:
    stream = changes.stream("", always)
    await anext(stream)
    looking = changes._looking
    assert looking is not None
    await stream.aclose()
    await asyncio.wait([looking])
    assert looking.done()
    again = changes.stream("", always)
    await anext(again)
    assert ": nothing new" in await anext(again)


async def test_another_sites_page_takes_no_stream(open_console: Any) -> None:
    console = await open_console("read")
    answer = await console.get("/events", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


async def test_an_open_page_alone_keeps_no_session(open_console: Any) -> None:
    console = await open_console("read")
    asked: list[bool] = []
    admin = console.admin
    known = await admin.find_session("")

    async def find_session(_: str, *, is_attended: bool = True) -> Any:
        asked.append(is_attended)
        return known

    admin.find_session = find_session
    console._transport.app.state.changes._is_closing = True
    await console.get("/events")
    await console.get("/heals", headers={"x-unattended": "1"})
    await console.get("/heals")
    assert asked == [False, False, True]


async def test_a_query_that_the_database_refuses_ends_no_stream(
    changes: Changes, connection: Any
) -> None:
    await connection.execute("ALTER TABLE selfheal.watches RENAME ended_at TO ended")
    stream = changes.stream("", always)
    await anext(stream)

    async def is_told() -> bool:
        return any(entry["event"] == "changes_not_read" for entry in logs)

    with capture_logs() as logs:
        first = asyncio.ensure_future(anext(stream))
        try:
            await until(is_told)
        finally:
            await connection.execute("ALTER TABLE selfheal.watches RENAME ended TO ended_at")
        assert ": nothing new" in await first
