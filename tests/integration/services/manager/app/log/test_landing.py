"""Rows that waited on disk, on a real database: each lands once, whatever breaks on the way."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from support.fault_proxy import FaultProxy, ResetPeer

from benchmarks.own_ports import take_port
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.manager.app.log import landing
from services.manager.app.log.landing import Lander
from services.manager.app.log.rows import Execution, Row, encode_row
from services.manager.app.log.spool.framing import frame
from services.manager.app.log.spool.segment import Segment
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.spool.state import list_segments, measure
from services.manager.app.log.writer import RowWriter
from services.manager.app.scoring.sampling import Mark

Connection = asyncpg.Connection
ROOT = Path(__file__).parents[6]
MIB = 1 << 20
ID = UUID(int=1)
NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, UTC)
CONVERSATION = {
    "messages": [{"role": "user", "content": "Hi\n"}],
    "parameters": {},
    "variables": {},
    "prompt_id": 7,
}
MARK = Mark(with_judge=True, rules_share=1.0, judge_share=0.5)
PATIENCE_SECONDS = 30


def make_row(number: int = 0, **more: Any) -> Row:
    execution = Execution(uuid4(), "code_generation", f"ask {number}", "ask", prompt_version=1)
    return Row(execution, created_at=NOON + timedelta(seconds=number), **more)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", max_bytes=64 * MIB)


@pytest.fixture
def landed() -> list[int]:
    return []


@pytest.fixture
def lander(database: Database, spool: Spool, landed: list[int]) -> Lander:
    return Lander(database, spool, landed.append)


@asynccontextmanager
async def open_database(url: str, timeout_seconds: float = 5) -> AsyncIterator[Database]:
    database = Database(url, timeout_seconds=timeout_seconds)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def move_to_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    who = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}"))


async def spool_rows(spool: Spool, *rows: Row) -> None:
    await asyncio.gather(*(spool.append(encode_row(row)) for row in rows))


async def read_inputs(connection: Connection) -> list[str]:
    rows = await connection.fetch("SELECT user_input FROM execution_logs ORDER BY id")
    return [row["user_input"] for row in rows]


async def test_what_cannot_be_written_is_spooled_and_lands_with_all_that_belongs_to_it(
    connection: Connection, spool: Spool, lander: Lander, landed: list[int]
) -> None:
    nowhere = f"postgresql://agent:agent@127.0.0.1:{take_port()}/agent_system"
    begun = datetime.now(UTC)
    async with open_database(nowhere) as away:
        writer = RowWriter(away, spool)
        plain = replace(make_row(1), created_at=None)
        await writer.write(plain)
        await writer.write(replace(make_row(2), created_at=None))
        whole = make_row(3, conversation=CONVERSATION, mark=MARK, trace_parent="00-1-2-01")
        whole = replace(whole, created_at=None)
        await writer.write(whole)
    ended = datetime.now(UTC)
    assert measure(spool.directory).records == 3
    await lander.land()

    assert (measure(spool.directory).records, landed) == (0, [3])
    assert list(spool.directory.iterdir()) == []
    rows = await connection.fetch(
        """SELECT l.*, c.prompt_id, c.messages, c.created_at AS held_at, p.judge_share,
                  p.created_at AS marked_at, p.trace_parent
           FROM execution_logs AS l LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
           LEFT JOIN selfheal.pending_scores AS p ON p.execution_id = l.id ORDER BY l.id"""
    )
    assert [row["user_input"] for row in rows] == ["ask 1", "ask 2", "ask 3"]
    assert all(begun <= row["created_at"] <= ended for row in rows)
    assert rows[0]["request_id"] == plain.execution.request_id
    last = rows[2]
    assert (last["prompt_id"], last["messages"]) == (7, CONVERSATION["messages"])
    assert last["trace_parent"] == "00-1-2-01"
    assert (last["judge_share"], last["held_at"], last["marked_at"]) == (
        0.5,
        last["created_at"],
        last["created_at"],
    )
    assert await connection.fetchval("SELECT count(*) FROM selfheal.landings") == 3


async def test_a_row_whose_commit_got_no_answer_does_not_land_again(
    connection: Connection, database_url: str, spool: Spool, lander: Lander
) -> None:
    proxy = FaultProxy(urlsplit(database_url).port or 0)
    await proxy.open()
    async with open_database(move_to_port(database_url, proxy.port)) as database:
        writer = RowWriter(database, spool)
        for row in (make_row(1), make_row(2, conversation=CONVERSATION)):
            await writer.write(row)  # what prepares its statement
        row = replace(make_row(3, conversation=CONVERSATION, mark=MARK), created_at=None)
        with proxy.toxic(ResetPeer(stream="downstream")):
            await writer.write(row)
    await proxy.close()
    # It is there, and on the spool as well.
    assert await read_inputs(connection) == ["ask 1", "ask 2", "ask 3"]
    assert measure(spool.directory).records == 1
    await lander.land()
    assert await read_inputs(connection) == ["ask 1", "ask 2", "ask 3"]
    assert await connection.fetchval("SELECT count(*) FROM selfheal.conversations") == 2
    assert measure(spool.directory).records == 0


async def test_a_row_that_is_being_committed_while_it_lands_is_there_once(
    connection: Connection, database_url: str, spool: Spool, lander: Lander
) -> None:
    async with open_database(database_url, timeout_seconds=0.3) as hasty:
        async with connection.transaction():
            await connection.execute("LOCK TABLE execution_logs IN ACCESS EXCLUSIVE MODE")
            await RowWriter(hasty, spool).write(make_row(1))
            landing_ = asyncio.create_task(lander.land())
            await asyncio.sleep(0)
        await landing_
    assert await read_inputs(connection) == ["ask 1"]


async def test_what_takes_too_long_while_the_database_answers_is_put_off_and_not_lost(
    connection: Connection,
    spool: Spool,
    lander: Lander,
    monkeypatch: pytest.MonkeyPatch,
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    await spool_rows(spool, make_row(1), make_row(2))
    monkeypatch.setattr(landing, "TIMEOUT_SECONDS", 0.2)
    async with connection.transaction():
        await connection.execute("LOCK TABLE execution_logs IN ACCESS EXCLUSIVE MODE")
        await lander.land()
    assert [entry["event"] for entry in log_entries].count("spooled_row_put_off") == 2
    assert measure(spool.directory).records == 2
    monkeypatch.undo()
    await lander.land()
    assert await read_inputs(connection) == ["ask 1", "ask 2"]
    assert list(spool.directory.iterdir()) == []


async def test_landers_of_two_processes_land_each_row_once(
    connection: Connection, database: Database, spool: Spool, tmp_path: Path
) -> None:
    rows = [make_row(number) for number in range(200)]
    for start in range(0, 200, 20):
        await spool_rows(spool, *rows[start : start + 20])
        await spool.release()
    # As after a crash between COMMIT and the end of the file: the same rows lie there once more.
    again = Spool(tmp_path / "again", max_bytes=64 * MIB)
    shutil.copytree(spool.directory, again.directory)
    landers = [Lander(database, one, print) for one in (spool, spool, again, again)]
    await asyncio.gather(*(lander.land() for lander in landers))
    assert sorted(await read_inputs(connection)) == sorted(f"ask {n}" for n in range(200))
    for one in (spool, again):
        assert list(one.directory.iterdir()) == []


async def test_the_oldest_land_first(connection: Connection, spool: Spool, lander: Lander) -> None:
    for number in range(5):
        await spool_rows(spool, make_row(number))
        await spool.release()
    await lander.land()
    assert await read_inputs(connection) == [f"ask {number}" for number in range(5)]


async def test_what_the_database_refuses_goes_aside_and_the_rest_lands(
    connection: Connection,
    spool: Spool,
    lander: Lander,
    landed: list[int],
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    too_long = make_row(1)
    too_long.execution.task_type = "x" * 65
    too_large = make_row(2)
    too_large.execution.prompt_version = 2**40
    nul = make_row(3)
    nul.execution.worker_output = "\0"
    no_row = b'{"of": "another version"}'
    await spool_rows(spool, make_row(0), too_long, too_large, nul, make_row(4))
    await spool.append(no_row)
    await lander.land()

    assert await read_inputs(connection) == ["ask 0", "ask 4"]
    assert sum(landed) == 2
    assert measure(spool.directory).records == 0
    [aside] = measure(spool.directory).aside
    kept = (spool.directory / aside).read_bytes()
    assert kept == frame(no_row) + b"".join(
        frame(encode_row(row)) for row in (too_long, too_large, nul)
    )
    assert (spool.directory / aside).stat().st_mode & 0o777 == 0o600
    told = [entry for entry in log_entries if entry["event"] == "spooled_row_refused"]
    assert len(told) == 4
    # Put back by hand, what can land does.
    (spool.directory / aside).rename(spool.directory / "0-again.spool")
    await lander.land()
    assert len(measure(spool.directory).aside) == 1


async def test_what_is_refused_at_once_is_never_spooled(
    database: Database, connection: Connection, spool: Spool
) -> None:
    refused = make_row()
    refused.execution.prompt_version = 2**40
    with pytest.raises(asyncpg.DataError):
        await RowWriter(database, spool).write(refused)
    assert measure(spool.directory).records == 0


async def test_damage_is_told_kept_and_costs_no_other_row(
    connection: Connection,
    spool: Spool,
    lander: Lander,
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    await spool_rows(spool, make_row(0), make_row(1), make_row(2))
    await spool.release()
    [(path, _)] = list_segments(spool.directory)
    path.write_bytes(path.read_bytes().replace(b"ask 1", b"ask x"))
    await lander.land()
    assert await read_inputs(connection) == ["ask 0", "ask 2"]
    assert measure(spool.directory).aside == (path.with_suffix(".damaged").name,)
    assert [entry["event"] for entry in log_entries if entry["log_level"] == "error"] == [
        "spool_damaged"
    ]


async def test_what_is_written_within_the_row_is_one_transaction_and_never_spooled(
    database: Database, connection: Connection, spool: Spool
) -> None:
    async def note(inner: Connection) -> None:
        await inner.execute("INSERT INTO selfheal.landings (id) VALUES ($1)", ID)

    async def fail(inner: Connection) -> None:
        await note(inner)
        raise ConnectionResetError

    writer = RowWriter(database, spool)
    with pytest.raises(DatabaseUnavailableError):
        await writer.write(make_row(1), fail)
    assert await read_inputs(connection) == []
    await writer.write(make_row(2), note)
    assert await read_inputs(connection) == ["ask 2"]
    assert await connection.fetchval("SELECT id FROM selfheal.landings WHERE id = $1", ID) == ID
    assert measure(spool.directory).records == 0


async def test_a_row_that_fails_is_announced_when_it_lands(
    connection: Connection, spool: Spool, lander: Lander
) -> None:
    heard = asyncio.Event()
    await connection.add_listener("selfheal_failures", lambda *_: heard.set())
    failed = make_row()
    failed.execution.evaluation_passed, failed.execution.evaluation_score = False, 0.1
    await spool_rows(spool, failed)
    await lander.land()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await heard.wait()


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from services.common.database import Database
from services.manager.app.log import landing
from services.manager.app.log.rows import Execution, Row, encode_row
from services.manager.app.log.spool.spool import Spool
from uuid import uuid4

async def append(spool):
    async def one(number):
        row = Row(Execution(uuid4(), "code_generation", str(number), "ask"))
        await spool.append(encode_row(row))
        print(row.execution.request_id, flush=True)
    for number in range(10_000):
        await asyncio.gather(*(one(number) for _ in range(5)))

async def land(spool):
    if sys.argv[3] == "kill":
        landing._put_away = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    database = Database(sys.argv[4], timeout_seconds=5)
    await database.open()
    await landing.Lander(database, spool, print).land()
    await database.close()

spool = Spool(Path(sys.argv[2]), max_bytes=64 << 20)
asyncio.run({"append": append, "land": land}[sys.argv[1]](spool))
"""


async def run_program(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )


async def append_until_killed(directory: Path, records: int) -> set[UUID]:
    """Have a process append until it has acknowledged so many, and kill it in the middle."""
    process = await run_program("append", str(directory))
    assert process.stdout is not None
    told = [await process.stdout.readline() for _ in range(records)]
    process.kill()
    rest = (await process.stdout.read()).rpartition(b"\n")[0].splitlines()
    await process.wait()
    return {UUID(line.decode().strip()) for line in [*told, *rest]}


async def test_what_a_killed_process_acknowledged_lands_once_though_the_next_is_killed_too(
    connection: Connection, database_url: str, spool: Spool, lander: Lander
) -> None:
    acknowledged = await append_until_killed(spool.directory, 50)
    acknowledged |= await append_until_killed(spool.directory, 20)
    # After COMMIT, and before what says on disk that it has landed.
    process = await run_program("land", str(spool.directory), "kill", database_url)
    assert await process.wait() == -signal.SIGKILL
    assert await read_inputs(connection) != []
    assert measure(spool.directory).records >= len(acknowledged)
    await lander.land()
    rows = await connection.fetch("SELECT request_id FROM execution_logs")
    ids = [row["request_id"] for row in rows]
    assert acknowledged <= set(ids)
    assert len(ids) == len(set(ids))
    assert list(spool.directory.iterdir()) == []


async def test_a_spool_that_a_dead_process_left_is_landed_by_whoever_looks_there(
    connection: Connection, spool: Spool, lander: Lander, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "LOOK_SECONDS", 0.01)
    lander.start()
    left = Segment.create(spool.directory)
    left.append(frame(encode_row(make_row(1))))
    os.close(left._descriptor)  # as the end of a process does
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await read_inputs(connection):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    await lander.close()
    assert await read_inputs(connection) == ["ask 1"]


async def test_what_lands_late_still_says_of_which_arm_it_is(
    connection: Connection, spool: Spool, lander: Lander
) -> None:
    arm = {"rollout": str(uuid4()), "arm": "candidate", "unit": "u"}
    rows = [make_row(1), make_row(2, conversation=CONVERSATION, mark=MARK), make_row(3)]
    for row in rows[:2]:
        row.execution.evaluation_detail = {"worker": {"model": "m", **arm}}
    await spool_rows(spool, *rows)
    await lander.land()
    noted = await connection.fetch(
        "SELECT rollout_id::text AS rollout, arm, unit, created_at FROM selfheal.rollout_answers "
        "ORDER BY execution_id"
    )
    assert [dict(row) for row in noted] == [
        arm | {"created_at": row.created_at} for row in rows[:2]
    ]
