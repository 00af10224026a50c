"""What the retention removes, and what it must not."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.evaluation_detail import read_detail
from services.manager.app.retention import removal, retention
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Kind, Rule
from services.manager.app.rollups.traffic_counter import TrafficCounter

Connection = asyncpg.Connection
MakeRetention = Callable[..., Retention]

INSERT_ROWS = """
    INSERT INTO execution_logs (request_id, task_type, user_input, refined_input, prompt_version,
        worker_output, worker_latency_ms, evaluation_score, evaluation_passed, evaluation_detail,
        error_message, created_at)
    SELECT gen_random_uuid(), $1, 'asked ' || n, 'refined', $2, 'answered', 12,
           CASE WHEN $3 THEN 0.9 END, CASE WHEN $3 THEN TRUE END, $4, $5,
           now() - $6::interval - n * interval '1 second'
    FROM generate_series(1, $7::int) AS n
    RETURNING id
"""
INSERT_CONVERSATIONS = """
    INSERT INTO selfheal.conversations (execution_id, request_id, messages, tools, parameters,
        variables, choices, model_asked, input_tokens, end_user, inclusion_probability)
    SELECT id, request_id, '[{"role": "user", "content": "secret"}]', '[{"secret": 1}]',
           '{"user": "secret"}', '{"name": "secret"}', '[{"message": "secret"}]', task_type, 7,
           'hashed', 0.5
    FROM execution_logs WHERE id = ANY($1)
"""
ALL_ROWS, ALL_TEXTS = Rule("rows", 30, is_default=True), Rule("texts", 7, is_default=True)
DETAIL = {
    "rule_score": 1.0, "judge_score": 0.8, "evidence": "checks", "reasoning": "secret",
    "cap_reasons": ["secret"], "caveat": "secret", "unknown": "secret",
    "rules": [{"name": "r", "weight": 1, "outcome": "failed", "reason": "secret"}, "secret"],
    "judge": {"name": "rubric", "score": 0.8, "reason": "secret", "calls": 2, "cached_tokens": 4,
              "untold_calls": 1, "cost_usd": 0.02, "criteria": [{"reason": "secret"}]},
    "execution": {"status": "finished", "cpu_ms": 3, "output": "secret", "layers": ["seccomp"],
                  "observations": [{"ran": "secret"}]},
    "evaluator": {"fingerprint": "f"}, "worker": {"model": "m"},
    "error": {"service": "evaluator", "code": "c"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_batches_without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "LEAST_REST_SECONDS", 0)
    monkeypatch.setattr(retention, "REST", 0)


@pytest.fixture
def make_retention(database: Database) -> MakeRetention:
    def make(*rules: Rule) -> Retention:
        registry = CollectorRegistry()
        made = Retention(database, rules, lookback_minutes=30, registry=registry)
        made.registry = registry  # type: ignore[attr-defined]
        return made

    return make


async def work_once(one: Retention) -> None:
    await one.work_round()
    await one.close()


async def insert(
    connection: Connection,
    task_type: str = "t",
    *,
    days: float,
    version: int | None = 1,
    scored: bool = True,
    detail: Any = None,
    error: str | None = None,
    rows: int = 1,
) -> list[int]:
    records = await connection.fetch(
        INSERT_ROWS, task_type, version, scored, detail, error, timedelta(days=days), rows
    )
    return [record["id"] for record in records]


async def ids_of(connection: Connection) -> set[int]:
    return {row["id"] for row in await connection.fetch("SELECT id FROM execution_logs")}


async def deploy(
    connection: Connection, version: int, *, days: float, task_type: str = "t", active: bool = True
) -> int:
    """Deploy a version so many days ago."""
    await connection.execute("UPDATE prompts SET is_active = FALSE WHERE task_type = $1", task_type)
    prompt_id: int = await connection.fetchval(
        "INSERT INTO prompts (task_type, content, version, is_active, created_at) "
        "VALUES ($1, 'text ' || $2::int, $2, TRUE, now() - $3::interval) RETURNING id",
        task_type, version, timedelta(days=days),
    )  # fmt: skip
    await connection.execute(
        "UPDATE selfheal.activations SET activated_at = now() - $2::interval WHERE prompt_id = $1",
        prompt_id, timedelta(days=days),
    )  # fmt: skip
    return prompt_id


async def test_rows_go_with_all_that_hangs_on_them_and_young_ones_stay(
    connection: Connection, make_retention: MakeRetention
) -> None:
    old = await insert(connection, days=31, detail={"worker": {"fallback": "a:b"}}, rows=3)
    arm = {"rollout": str(uuid4()), "arm": "candidate", "unit": "u"}
    old += await insert(connection, days=31, detail={"worker": arm})
    young = await insert(connection, days=29, rows=2)
    await connection.execute(INSERT_CONVERSATIONS, [*old, *young])
    await work_once(make_retention(ALL_ROWS))
    assert await ids_of(connection) == set(young)
    for table in ("conversations", "fallback_answers", "rollout_answers"):
        left = await connection.fetch(f"SELECT execution_id FROM selfheal.{table}")
        assert {row["execution_id"] for row in left} == (
            set(young) if table == "conversations" else set()
        )


async def test_of_texts_the_figures_stay(
    connection: Connection, make_retention: MakeRetention
) -> None:
    [old] = await insert(connection, days=8, detail=DETAIL, error="secret")
    [young] = await insert(connection, days=6, detail=DETAIL)
    await connection.execute(INSERT_CONVERSATIONS, [old, young])
    before = await connection.fetchrow("SELECT * FROM execution_logs WHERE id = $1", young)
    await work_once(make_retention(ALL_TEXTS))
    row = await connection.fetchrow("SELECT * FROM execution_logs WHERE id = $1", old)
    kept = await connection.fetchrow(
        "SELECT * FROM selfheal.conversations WHERE execution_id = $1", old
    )
    assert row
    assert kept
    assert "secret" not in f"{dict(row)}{dict(kept)}"
    assert (row["user_input"], row["refined_input"], row["worker_output"]) == ("", None, None)
    assert row["error_message"] == "removed by BODY_RETENTION_DAYS"
    assert (row["evaluation_score"], row["evaluation_passed"], row["worker_latency_ms"]) == (
        0.9, True, 12,
    )  # fmt: skip
    detail = read_detail(row["evaluation_detail"])
    assert detail.removed.by == "BODY_RETENTION_DAYS"
    assert (detail.rule_score, detail.judge_score, detail.evidence) == (1.0, 0.8, "checks")
    assert detail.failed_rules == ("r",)
    assert (detail.judge.name, detail.judge.score, detail.execution.cpu_ms) == ("rubric", 0.8, 3)
    assert detail.judge.spent == read_detail(DETAIL).judge.spent
    assert detail.judge.cost_usd == 0.02
    assert detail.execution.layers == ["seccomp"]
    assert (detail.evaluator.fingerprint, detail.worker.model, detail.error.code) == ("f", "m", "c")
    assert (kept["input_tokens"], kept["end_user"], kept["inclusion_probability"]) == (
        7, "hashed", 0.5,
    )  # fmt: skip
    assert await connection.fetchrow("SELECT * FROM execution_logs WHERE id = $1", young) == before


@pytest.mark.parametrize("detail", [None, [], "text", 3, {"rules": {}, "judge": [1], "error": 2}])
async def test_a_detail_may_be_anything(
    connection: Connection, make_retention: MakeRetention, detail: Any
) -> None:
    [row_id] = await insert(connection, days=8, detail=detail, version=None, scored=False)
    texts = make_retention(ALL_TEXTS)
    await work_once(texts)
    await work_once(make_retention(ALL_TEXTS))
    row = await connection.fetchrow("SELECT * FROM execution_logs WHERE id = $1", row_id)
    assert row
    assert row["user_input"] == ""
    assert row["evaluation_detail"]["removed"]["by"] == "BODY_RETENTION_DAYS"
    removed = texts.registry.get_sample_value(  # type: ignore[attr-defined]
        "agent_retention_removed_total", {"kind": "texts"}
    )
    assert removed == 1


async def test_task_types_have_days_of_their_own(
    connection: Connection, make_retention: MakeRetention
) -> None:
    own = await insert(connection, "own", days=50)
    await insert(connection, "own", days=61)
    await insert(connection, "other", days=31)
    forever = await insert(connection, "forever", days=900)
    rules = (Rule("rows", 30, ("own", "forever"), is_default=True), Rule("rows", 60, ("own",)))
    await work_once(make_retention(*rules))
    assert await ids_of(connection) == {*own, *forever}


async def test_what_waits_for_its_score_stays(
    connection: Connection, make_retention: MakeRetention
) -> None:
    [waiting, _] = await insert(connection, days=40, scored=False, rows=2)
    await connection.execute(
        "INSERT INTO selfheal.pending_scores "
        "(execution_id, task_type, with_judge, rules_share, judge_share) "
        "VALUES ($1, 't', TRUE, 1, 1)",
        waiting,
    )
    await work_once(make_retention(ALL_ROWS, ALL_TEXTS))
    assert await ids_of(connection) == {waiting}
    assert await connection.fetchval("SELECT user_input FROM execution_logs") == "asked 1"


WATCH = """
    INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id, last_good_prompt_id,
        started_at)
    VALUES ('t', $1, $2, $3, now() - interval '50 days')
"""


async def test_what_an_open_watch_compares_stays_with_its_texts_until_it_ends(
    connection: Connection, make_retention: MakeRetention
) -> None:
    good, before, promoted = [
        await deploy(connection, version, days=days)
        for version, days in ((1, 90), (2, 70), (3, 50))
    ]
    compared = [
        *await insert(connection, days=80, version=1),
        *await insert(connection, days=60, version=2),
        *await insert(connection, days=40, version=3),
    ]
    await insert(connection, days=60, version=2, scored=False)
    await connection.execute(WATCH, promoted, before, good)
    rules = (ALL_ROWS, ALL_TEXTS)
    await work_once(make_retention(*rules))
    assert await ids_of(connection) == set(compared)
    texts = "SELECT count(*) FROM execution_logs WHERE user_input <> ''"
    assert await connection.fetchval(texts) == 3
    await connection.execute("UPDATE selfheal.watches SET ended_at = now(), outcome = 'kept'")
    await work_once(make_retention(*rules))
    assert await connection.fetchval(texts) == 0
    # By their figures it is known which version served well.
    assert await ids_of(connection) == set(compared)


async def test_of_each_version_that_served_as_many_figures_stay_as_are_read(
    connection: Connection, make_retention: MakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(connection, 1, days=100)
    await deploy(connection, 2, days=60)
    earlier = await insert(connection, days=80, version=1, rows=250)
    serving = await insert(connection, days=40, version=2, rows=250)
    await insert(connection, days=50, version=7)
    await work_once(make_retention(ALL_ROWS))
    # The newest have the lowest numbers here.
    assert await ids_of(connection) == {*earlier[:200], *serving}


async def test_what_came_since_a_rollout_began_stays(
    connection: Connection, make_retention: MakeRetention
) -> None:
    await insert(connection, days=46, scored=False, version=None)
    since = await insert(connection, days=44, scored=False, version=None)
    await insert(connection, "u", days=44, scored=False, version=None)
    await connection.execute(
        """INSERT INTO selfheal.rollouts (task_type, incumbent_prompt_id, incumbent_digest,
               candidate_id, content, reserved_version, steps, share, run_id, started_at)
           VALUES ('t', 1, 'i', gen_random_uuid(), 'c', 2, '{0.1,1}', 0.1, gen_random_uuid(),
               now() - interval '45 days')"""
    )
    await work_once(make_retention(ALL_ROWS, ALL_TEXTS))
    assert await ids_of(connection) == set(since)
    assert await connection.fetchval("SELECT user_input FROM execution_logs") == "asked 1"


RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail,
        created_at)
    VALUES ('t', $1, $2, 'r', '{}', now() - $3::interval)
"""


@pytest.mark.parametrize(
    ("decision", "days", "stays"), [("held", 6, True), ("held", 8, False), ("proposed", 40, True)]
)
async def test_what_an_open_incident_is_about_stays(
    connection: Connection, make_retention: MakeRetention, decision: str, days: int, stays: bool
) -> None:
    prompt_id = await deploy(connection, 1, days=90)
    await connection.execute(RUN, prompt_id, decision, timedelta(days=days))
    about = await insert(connection, days=days + 0.01, scored=False)
    await insert(connection, days=days + 0.1, scored=False)
    rule = Rule("rows", days - 1, is_default=True)
    await work_once(make_retention(rule))
    assert await ids_of(connection) == (set(about) if stays else set())
    await connection.execute("UPDATE selfheal.healing_runs SET incumbent_prompt_id = 0")
    await work_once(make_retention(rule))
    assert await ids_of(connection) == set()


async def test_counts_outlast_their_rows_even_where_the_days_grow_again(
    connection: Connection, database: Database, make_retention: MakeRetention
) -> None:
    await insert(connection, days=20, rows=400)
    await insert(connection, "u", days=20, rows=5)
    await insert(connection, days=5, rows=7)
    # Nothing was counted yet: rows that go are counted first.
    await work_once(make_retention(Rule("rows", 10, ("t",))))
    counter = TrafficCounter(database)
    for _ in range(30):
        await counter.count_round()
    count = "SELECT task_type, sum(requests) FROM selfheal.traffic GROUP BY 1"
    assert dict(await connection.fetch(count)) == {"t": 407, "u": 5}
    # Of others, what a person removes comes right as before.
    await connection.execute("DELETE FROM execution_logs WHERE task_type = 'u'")
    await insert(connection, "u", days=21)
    for _ in range(30):
        await counter.count_round()
    await counter.close()
    assert dict(await connection.fetch(count)) == {"t": 407, "u": 1}


async def test_many_rows_of_one_moment_go_in_batches(
    connection: Connection, make_retention: MakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute(
        "INSERT INTO execution_logs (request_id, task_type, user_input, created_at) "
        "SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 't' ELSE 'kept' END, 'u', "
        "'2001-01-01Z' FROM generate_series(1, 5000) AS n"
    )
    sizes: list[int] = []
    remove = removal.Walk.remove_some

    async def note(*args: Any, **options: Any) -> tuple[int, bool]:
        removed, has_more = await remove(*args, **options)
        sizes.append(removed)
        return removed, has_more

    monkeypatch.setattr(removal.Walk, "remove_some", note)
    await work_once(make_retention(Rule("rows", 30, ("kept",), is_default=True)))
    assert sum(sizes) == 2500
    assert max(sizes) <= removal.ROWS_AT_ONCE
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 2500


async def test_rows_of_any_time_are_looked_at(
    connection: Connection, make_retention: MakeRetention
) -> None:
    insert_at = (
        "INSERT INTO execution_logs (request_id, task_type, user_input, created_at) "
        "VALUES (gen_random_uuid(), 't', 'u', $1::text::timestamptz) RETURNING id"
    )
    for moment in ("-infinity", "0001-01-01 BC", "1970-01-01Z"):
        await connection.execute(insert_at, moment)
    ahead = [await connection.fetchval(insert_at, at) for at in ("infinity", "9999-01-01Z")]
    await work_once(make_retention(ALL_ROWS, ALL_TEXTS))
    assert await ids_of(connection) == set(ahead)


async def test_of_two_managers_one_works_and_the_other_takes_over(
    connection: Connection, make_retention: MakeRetention
) -> None:
    first, second = make_retention(ALL_ROWS), make_retention(ALL_ROWS)
    await first.work_round()
    await insert(connection, days=31)
    await second.work_round()
    assert len(await ids_of(connection)) == 1
    await first.close()
    await second.work_round()
    assert await ids_of(connection) == set()


async def test_a_round_finds_what_came_of_age_and_a_days_round_what_landed_late(
    connection: Connection, make_retention: MakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(connection, days=40)
    one = make_retention(ALL_ROWS)
    await one.work_round()
    await insert(connection, days=35)
    late = await insert(connection, days=50)
    await one.work_round()
    assert await ids_of(connection) == set(late)
    monkeypatch.setattr(one, "_begin_again_at", 0.0)
    await one.work_round()
    assert await ids_of(connection) == set()


async def test_a_clock_that_is_ahead_removes_nothing(
    connection: Connection, make_retention: MakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = await insert(connection, days=1)

    class SlowClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(UTC) - timedelta(days=400)

    # To this machine the database's clock is over a year ahead; neither may be believed alone.
    await insert(connection, days=100)
    monkeypatch.setattr(retention, "datetime", SlowClock)
    one = make_retention(ALL_ROWS)
    await one.work_round()
    assert len(await ids_of(connection)) == 2
    position = await connection.fetchval("SELECT now() - position FROM selfheal.leases")
    assert position.days in (399, 400)
    monkeypatch.undo()
    # What was looked through by a clock that was set back since is looked through again.
    await work_once(make_retention(ALL_ROWS))
    assert await ids_of(connection) != set(young)


async def test_a_database_that_goes_away_in_mid_batch_costs_nothing(
    connection: Connection,
    make_retention: MakeRetention,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await insert(connection, days=31, rows=5)
    young = await insert(connection, days=1)
    one = make_retention(ALL_ROWS)
    remove = removal.Walk.remove_some

    async def remove_and_lose(self: removal.Walk, lent: Connection, **options: Any) -> Any:
        await remove(self, lent, **options)
        await connection.execute("SELECT pg_terminate_backend($1)", lent.get_server_pid())
        return await remove(self, lent, **options)

    monkeypatch.setattr(removal.Walk, "remove_some", remove_and_lose)
    with pytest.raises(DatabaseUnavailableError):
        await one.work_round()
    assert len(await ids_of(connection)) == 6
    monkeypatch.setattr(removal.Walk, "remove_some", remove)
    await one.work_round()
    assert await ids_of(connection) == set(young)
    removed = one.registry.get_sample_value(  # type: ignore[attr-defined]
        "agent_retention_removed_total", {"kind": "rows"}
    )
    assert removed == 5


async def test_where_nothing_is_set_nothing_is_done(
    connection: Connection, make_retention: MakeRetention
) -> None:
    await insert(connection, days=4_000)
    one = make_retention()
    one.start()
    await asyncio.sleep(0)
    await one.close()
    assert len(await ids_of(connection)) == 1
    assert await connection.fetchval("SELECT count(*) FROM selfheal.leases") == 0


@pytest.mark.parametrize("kind", ["rows", "texts"])
async def test_no_look_reads_the_whole_log_whatever_its_plan_knows(
    connection: Connection, kind: Kind
) -> None:
    await connection.execute(INSERT_ROWS, "t", 1, True, None, None, timedelta(days=1), 20_000)
    await connection.execute("ANALYZE execution_logs")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE look AS {removal._LOOKS[kind]}")
    plan = await connection.fetch("EXPLAIN EXECUTE look('-infinity', 0, now(), 30, '{}', TRUE, 30)")
    told = "\n".join(row[0] for row in plan)
    assert "Seq Scan on execution_logs" not in told
    assert "Index Scan Backward using execution_logs_recent" in told
