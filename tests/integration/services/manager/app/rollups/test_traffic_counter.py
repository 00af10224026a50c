"""The counted traffic equals a scan of the log, whatever happens to its rows."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.common.database import Database
from services.common.record.leases import Lease
from services.common.record.traffic import BUCKET, floor_to_bucket, load_traffic
from services.manager.app.rollups.traffic_counter import (
    SWEPT,
    TrafficCounter,
)

Connection = asyncpg.Connection
Row = dict[str, Any]

DAYS = 34
# What the text of a rollout answered is of no version; the rest of its traffic is the prompt's.
ARMS = [{"rollout": str(uuid4()), "arm": arm, "unit": "u"} for arm in ("candidate", "incumbent")]
# What a scan finds: written without a look at how the job counts.
SELECT_LOGGED = """
    SELECT l.task_type, l.created_at, CASE WHEN l.evaluation_detail #>> '{worker,arm}'
               IS DISTINCT FROM 'candidate' THEN l.prompt_version END AS prompt_version,
           l.evaluation_passed, l.evaluation_score,
           l.error_message, l.worker_latency_ms, c.inclusion_probability, c.input_tokens,
           c.output_tokens
    FROM execution_logs l LEFT JOIN selfheal.conversations c ON c.execution_id = l.id
"""
SELECT_TRAFFIC = """
    SELECT task_type, bucket, prompt_version, requests, unscored, scored, passed, score_sum, timed,
           latency_ms_sum, input_tokens, output_tokens
    FROM selfheal.traffic
"""
INSERT_ROW = """
    INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,
        worker_latency_ms, evaluation_score, evaluation_passed, error_message, created_at,
        evaluation_detail)
    VALUES ($1, $2, 'u', $3, $4, $5, $6, $7, $8, $9)
    RETURNING id
"""
INSERT_CONVERSATION = """
    INSERT INTO selfheal.conversations (execution_id, request_id, messages, model_asked,
        inclusion_probability, input_tokens, output_tokens)
    VALUES ($1, $2, '[]', $3, $4, $5, $6)
"""


def scan(records: list[asyncpg.Record]) -> dict[tuple[Any, ...], list[float]]:
    counted: dict[tuple[Any, ...], list[float]] = {}
    for record in records:
        key = (record["task_type"], floor_to_bucket(record["created_at"]), record["prompt_version"])
        sums = counted.setdefault(key, [0.0] * 9)
        weight = 1 / (record["inclusion_probability"] or 1)
        is_scored = record["evaluation_passed"] is not None
        sums[0] += 1
        sums[1] += not is_scored and record["error_message"] is not None
        sums[2] += weight if is_scored else 0
        sums[3] += weight if record["evaluation_passed"] else 0
        sums[4] += weight * (record["evaluation_score"] or 0) if is_scored else 0
        sums[5] += record["worker_latency_ms"] is not None
        for place, name in enumerate(("worker_latency_ms", "input_tokens", "output_tokens"), 6):
            sums[place] += record[name] or 0
    return counted


async def check_against_a_scan(connection: Connection) -> None:
    scanned = scan(await connection.fetch(SELECT_LOGGED))
    counted = {tuple(row)[:3]: list(row)[3:] for row in await connection.fetch(SELECT_TRAFFIC)}
    assert counted.keys() == scanned.keys()
    for key, sums in scanned.items():
        assert counted[key] == pytest.approx(sums, rel=1e-6), key


def make_row(dice: random.Random, at: datetime) -> Row:
    passed = dice.choice([True, False, None])
    return {
        "task_type": dice.choice(["a", "b"]),
        "prompt_version": dice.choice([1, 2, None]),
        "worker_latency_ms": dice.choice([None, dice.randrange(5_000)]),
        "evaluation_score": None if passed is None else dice.random(),
        "evaluation_passed": passed,
        "error_message": None if passed is not None else dice.choice([None, "no judge"]),
        "created_at": at,
        "evaluation_detail": {
            "evaluator": {"fingerprint": f"f{dice.randrange(3)}"},
            "worker": dice.choice([{"model": "m"}, *ARMS]),
        },
        "conversation": dice.choice([None, (dice.choice([None, 0.1, 1.0]), 10, None)]),
    }


async def insert(connection: Connection, row: Row) -> int:
    request_id = uuid4()
    columns = (
        "task_type", "prompt_version", "worker_latency_ms", "evaluation_score",
        "evaluation_passed", "error_message", "created_at", "evaluation_detail",
    )  # fmt: skip
    execution_id: int = await connection.fetchval(
        INSERT_ROW, request_id, *(row[name] for name in columns)
    )
    if row["conversation"] is not None:
        await connection.execute(
            INSERT_CONVERSATION, execution_id, request_id, row["task_type"], *row["conversation"]
        )
    return execution_id


@pytest.fixture
async def counter(database: Database) -> AsyncIterator[TrafficCounter]:
    counter = TrafficCounter(database)
    yield counter
    await counter.close()


async def sweep(counter: TrafficCounter, connection: Connection) -> int:
    """Rounds until the sweep begins again from now; gives how many it took."""
    rounds = 0
    while True:
        await counter.count_round()
        rounds += 1
        position = await connection.fetchval("SELECT position FROM selfheal.leases")
        if position is None:
            return rounds


@pytest.mark.parametrize("seed", range(4))
async def test_after_a_sweep_what_is_counted_equals_a_scan(
    connection: Connection, counter: TrafficCounter, seed: int
) -> None:
    dice = random.Random(seed)
    now = datetime.now(UTC)
    ages = [timedelta(days=DAYS) * dice.random() ** 3 for _ in range(60)]
    rows = [make_row(dice, now - age) for age in ages]
    ids = [await insert(connection, row) for row in rows]
    await sweep(counter, connection)
    await check_against_a_scan(connection)

    for execution_id in dice.sample(ids, 15):
        await connection.execute(
            "UPDATE execution_logs SET evaluation_passed = TRUE, evaluation_score = 0.75, "
            "error_message = NULL WHERE id = $1",
            execution_id,
        )
        await connection.execute(
            "UPDATE selfheal.conversations SET inclusion_probability = 0.5 WHERE execution_id = $1",
            execution_id,
        )
    for execution_id in dice.sample(ids, 15):
        await connection.execute("DELETE FROM execution_logs WHERE id = $1", execution_id)
    for _ in range(10):
        await insert(connection, make_row(dice, now - timedelta(days=DAYS) * dice.random()))
    await sweep(counter, connection)
    await check_against_a_scan(connection)


async def test_where_slices_meet_no_row_counts_in_both(
    connection: Connection, counter: TrafficCounter
) -> None:
    dice = random.Random(4)
    meeting = floor_to_bucket(datetime.now(UTC) - timedelta(days=2))
    for minutes in (-1, 0, 1, 59):
        row = make_row(dice, meeting + timedelta(minutes=minutes))
        await insert(connection, row | {"task_type": "a", "prompt_version": 1})
    await sweep(counter, connection)
    await check_against_a_scan(connection)


async def test_a_round_counts_the_latest_minutes_with_what_committed_out_of_order(
    connection: Connection, counter: TrafficCounter, database: Database
) -> None:
    """The older row has the smaller id, and is committed after the younger was counted."""
    dice = random.Random(7)
    now = datetime.now(UTC)
    async with database.connection() as slow:
        transaction = slow.transaction()
        await transaction.start()
        older = await insert(slow, make_row(dice, now - timedelta(minutes=1)))
        younger = await insert(connection, make_row(dice, now))
        assert older < younger
        await counter.count_round()
        await check_against_a_scan(connection)
        await transaction.commit()
    await counter.count_round()
    await check_against_a_scan(connection)


async def test_a_log_that_was_never_counted_is_filled_backwards_without_a_wait(
    connection: Connection, counter: TrafficCounter
) -> None:
    dice = random.Random(1)
    now = datetime.now(UTC)
    for hours in (1, 2, 30, 700):
        await insert(connection, make_row(dice, now - timedelta(hours=hours)))
    wants_more = []
    while not wants_more or wants_more[-1]:
        wants_more.append(await counter.count_round(with_recent=False))
    assert len(wants_more) <= 5
    await check_against_a_scan(connection)


async def test_rows_beyond_the_sweep_stay_as_they_were_counted_and_old_ones_go(
    connection: Connection, counter: TrafficCounter
) -> None:
    now = datetime.now(UTC)
    columns = "task_type, bucket, requests, unscored, scored, passed, score_sum"
    for age in (SWEPT + timedelta(days=1), timedelta(days=399), timedelta(days=401)):
        await connection.execute(
            f"INSERT INTO selfheal.traffic ({columns}, latency_ms_sum, input_tokens, "
            "output_tokens) VALUES ('a', $1, 5, 0, 5, 5, 5, 0, 0, 0)",
            floor_to_bucket(now - age),
        )
    await sweep(counter, connection)
    kept = await connection.fetch("SELECT bucket FROM selfheal.traffic ORDER BY bucket")
    assert [round((now - row["bucket"]).total_seconds() / 86_400) for row in kept] == [399, 36]


async def test_what_did_not_change_is_not_written(
    connection: Connection, counter: TrafficCounter
) -> None:
    dice = random.Random(3)
    for _ in range(5):
        await insert(connection, make_row(dice, datetime.now(UTC)))
    where = "SELECT array_agg(ctid::text || xmin::text ORDER BY ctid) FROM selfheal.traffic"
    await counter.count_round()
    before = await connection.fetchval(where)
    await counter.count_round()
    assert await connection.fetchval(where) == before


async def test_fingerprints_are_noted_with_their_times(
    connection: Connection, counter: TrafficCounter
) -> None:
    now = floor_to_bucket(datetime.now(UTC))
    dice = random.Random(5)
    for minutes, name in ((90, "old"), (61, "old"), (20, "new"), (2, "new")):
        row = make_row(dice, now - timedelta(minutes=minutes))
        row |= {"task_type": "a", "prompt_version": 1, "evaluation_passed": True}
        row["evaluation_detail"] = {"evaluator": {"fingerprint": name}}
        await insert(connection, row)
    await sweep(counter, connection)
    noted = await connection.fetch("SELECT * FROM selfheal.fingerprints ORDER BY first_seen")
    assert [tuple(row) for row in noted] == [
        ("a", "old", now - timedelta(minutes=90), now - timedelta(minutes=61)),
        ("a", "new", now - timedelta(minutes=20), now - timedelta(minutes=2)),
    ]


async def test_one_manager_at_a_time_counts(
    connection: Connection, counter: TrafficCounter, database: Database
) -> None:
    other = TrafficCounter(database)
    await counter.count_round()
    await insert(connection, make_row(random.Random(1), datetime.now(UTC)))
    await other.count_round()
    assert await connection.fetch(SELECT_TRAFFIC) == []

    await connection.execute("UPDATE selfheal.leases SET held_until = now() - interval '1 second'")
    await other.count_round()
    await check_against_a_scan(connection)
    await counter.count_round()
    assert await connection.fetchval("SELECT count(DISTINCT holder) FROM selfheal.leases") == 1


async def test_a_lease_is_left_to_others_with_its_position(database: Database) -> None:
    mine, theirs = (Lease("some work", holder, 30) for holder in ("mine", "theirs"))
    async with database.connection() as connection:
        assert await mine.claim(connection) is not None
        assert await theirs.claim(connection) is None
        await mine.move(connection, datetime(2026, 1, 1, tzinfo=UTC))
        await mine.release(connection)
        taken = await theirs.claim(connection)
        assert taken is not None
        assert taken.position == datetime(2026, 1, 1, tzinfo=UTC)
        assert await mine.claim(connection) is None


async def test_traffic_is_read_by_steps(connection: Connection, counter: TrafficCounter) -> None:
    start = floor_to_bucket(datetime.now(UTC) - timedelta(hours=5))
    dice = random.Random(9)
    for minutes, version, passed in ((0, 1, True), (9, 1, False), (31, 2, None)):
        row = make_row(dice, start + timedelta(minutes=minutes))
        row |= {"task_type": "a", "prompt_version": version, "evaluation_passed": passed,
                "evaluation_score": None if passed is None else 0.5, "worker_latency_ms": 40,
                "error_message": None if passed is not None else "no judge",
                "conversation": (None, 10, 3), "evaluation_detail": {}}  # fmt: skip
        await insert(connection, row)
    await sweep(counter, connection)
    end = start + timedelta(hours=1)

    first, second = await load_traffic(connection, "a", start, end, 1800)
    assert (first.at, first.requests, first.unscored, first.scored) == (start, 2, 0, 2)
    assert (first.pass_rate, first.score_mean, first.latency_ms_mean) == (0.5, 0.5, 40)
    assert (first.input_tokens, first.output_tokens) == (20, 6)
    assert (second.at, second.unscored) == (start + timedelta(minutes=30), 1)
    assert (second.pass_rate, second.score_mean) == (None, None)
    by_version = await load_traffic(connection, None, start, end, 3600, by_version=True)
    assert [(one.prompt_version, one.requests) for one in by_version] == [(1, 2), (2, 1)]
    by_task_type = await load_traffic(connection, None, start, end, 3600, by_task_type=True)
    assert [(one.task_type, one.requests) for one in by_task_type] == [("a", 3)]
    assert (first.task_type, by_version[0].task_type) == ("a", None)
    assert await load_traffic(connection, "other", start, end, 300) == []
    assert len(await load_traffic(connection, None, start, start + BUCKET, 300)) == 1


async def test_the_manager_counts_while_it_runs(
    database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = "SELECT holder FROM selfheal.leases"
    monkeypatch.setattr(TrafficCounter, "pause_seconds", 0.01)
    await insert(connection, make_row(random.Random(2), datetime.now(UTC)))
    counter = TrafficCounter(database)
    counter.start()
    while await connection.fetchval(holder) is None:
        pass
    await counter.close()
    await check_against_a_scan(connection)
    assert await connection.fetchval(holder) == ""
