"""The audit records what is changed, by whatever statement, and who did it where that is known."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.record.audit import AuditEvent, AuditFilter, load_events, read_events

Connection = asyncpg.Connection

SAY_WHO = "SELECT set_config('selfheal.person', 'alice', TRUE)"
SECRET = "the-secret"
KEY = "INSERT INTO selfheal.api_keys (id, secret_sha256, name, scopes)"
USER = "INSERT INTO selfheal.users (name, password_hash, role)"


@pytest.fixture
async def manager(
    database_server: EmbeddedPostgres, connection: Connection
) -> AsyncIterator[Connection]:
    """The Manager's connection, to the database of `connection`."""
    async with connect(database_server.service_urls["manager"], timeout_seconds=5) as manager:
        yield manager


async def latest(connection: Connection) -> AuditEvent:
    (event,) = await load_events(connection, limit=1)
    return event


@pytest.mark.parametrize(
    ("statements", "name", "changed"),
    [
        (
            (
                "INSERT INTO prompts (task_type, content) VALUES ('t', 'one')",
                "UPDATE prompts SET content = 'two' WHERE task_type = 't'",
                "DELETE FROM prompts WHERE task_type = 't'",
            ),
            "prompt ",
            {"content": ("one", "two")},
        ),
        (
            (
                f"{KEY} VALUES ('k1', '{SECRET}', 'bot', '{{serve}}')",
                "UPDATE selfheal.api_keys SET scopes = '{admin}', secret_sha256 = 'other'",
                "DELETE FROM selfheal.api_keys",
            ),
            "key k1",
            {"scopes": (["serve"], ["admin"])},
        ),
        (
            (
                f"{USER} VALUES ('bob', '{SECRET}', 'viewer')",
                "UPDATE selfheal.users SET role = 'admin', password_hash = 'other'",
                "DELETE FROM selfheal.users",
            ),
            "user ",
            {"role": ("viewer", "admin")},
        ),
    ],
    ids=["prompt", "key", "user"],
)
async def test_plain_sql_is_recorded_with_its_database_user_no_person_and_no_secret(
    connection: Connection,
    statements: tuple[str, str, str],
    name: str,
    changed: dict[str, tuple[object, object]],
) -> None:
    insert, update, delete = statements
    await connection.execute(insert)
    inserted = await latest(connection)
    await connection.execute(update)
    updated = await latest(connection)
    await connection.execute(delete)
    deleted = await latest(connection)

    events = (inserted, updated, deleted)
    assert [event.action for event in events] == ["insert", "update", "delete"]
    assert {(event.person, event.database_user) for event in events} == {(None, "agent")}
    assert all(event.object.startswith(name) for event in events)
    assert len({event.object for event in events}) == 1
    assert (inserted.before, deleted.after) == (None, None)
    assert updated.before == inserted.after
    assert updated.after == deleted.before
    assert updated.changes == changed
    kept = await connection.fetch("SELECT a::text FROM selfheal.audit a")
    assert SECRET not in str(kept)
    assert SECRET.encode().hex() not in str(kept)


async def test_a_task_type_is_kept_of_what_has_one(connection: Connection) -> None:
    await connection.execute("INSERT INTO prompts (task_type, content) VALUES ('t', 'one')")
    assert (await latest(connection)).task_type == "t"


async def test_a_person_is_believed_of_the_manager(manager: Connection) -> None:
    async with manager.transaction():
        await manager.execute(SAY_WHO)
        await manager.execute("UPDATE prompts SET change_reason = 'by hand'")
    event = await latest(manager)
    assert (event.person, event.database_user) == ("alice", "agent_system_manager")


async def test_who_acted_is_forgotten_with_the_transaction(manager: Connection) -> None:
    async with manager.transaction():
        await manager.execute(SAY_WHO)
    await manager.execute("UPDATE prompts SET change_reason = 'by hand'")
    assert (await latest(manager)).person is None


async def test_a_person_is_believed_of_nobody_else(
    connection: Connection, manager: Connection
) -> None:
    """Not even of one who acts as the Manager's user: what counts is who signed in."""
    await connection.execute("SET selfheal.person = 'alice'")
    for statement in ("SET ROLE agent_system_manager", "RESET ROLE"):
        await connection.execute(statement)
        await connection.execute("UPDATE prompts SET change_reason = 'by hand'")
        event = await latest(connection)
        assert (event.person, event.database_user) == (None, "agent")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE selfheal.audit SET person = 'mallory'",
        "DELETE FROM selfheal.audit",
        "TRUNCATE selfheal.audit",
    ],
)
async def test_no_row_of_the_audit_is_changed_or_removed(
    connection: Connection, statement: str
) -> None:
    await connection.execute("UPDATE prompts SET change_reason = 'by hand'")
    with pytest.raises(asyncpg.RaiseError, match="never changed or removed"):
        await connection.execute(statement)
    assert await load_events(connection, limit=1)


async def test_a_change_that_is_undone_leaves_no_trace(connection: Connection) -> None:
    before = await load_events(connection, limit=10)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("UPDATE prompts SET change_reason = 'by hand'")
    await transaction.rollback()
    assert await load_events(connection, limit=10) == before


async def test_an_answered_proposal_is_recorded(connection: Connection) -> None:
    await connection.execute(
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, "
        "detail) VALUES ('t', 1, 'proposed', 'better', '{}')"
    )
    await connection.execute("UPDATE selfheal.healing_runs SET resolution = 'approved'")
    event = await latest(connection)
    assert event.object.startswith("run ")
    assert event.changes == {"resolution": (None, "approved")}
    assert event.task_type == "t"


async def test_events_are_found_and_read_to_the_end(
    connection: Connection, manager: Connection
) -> None:
    async with manager.transaction():
        await manager.execute(SAY_WHO)
        await manager.execute(
            "INSERT INTO selfheal.audit (person, action, object, task_type) "
            "SELECT 'alice', 'looked', 'page ' || n, 't' FROM generate_series(1, 1200) n"
        )
    await connection.execute("UPDATE prompts SET change_reason = 'by hand'")
    all_read = [event async for event in read_events(connection)]
    assert [event.id for event in all_read] == sorted((e.id for e in all_read), reverse=True)
    of_alice = [event async for event in read_events(connection, AuditFilter(person="alice"))]
    assert len(of_alice) == 1200
    assert len(all_read) > 1200
    found = await load_events(connection, AuditFilter(task_types=["other"]), limit=5)
    assert found == []
    since = AuditFilter(since=all_read[0].at)
    assert await load_events(connection, since, limit=5) == all_read[:1]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("TRUNCATE prompts", "prompt *"),
        ("TRUNCATE selfheal.api_keys", "key *"),
        ("TRUNCATE selfheal.users CASCADE", "user *"),
    ],
)
async def test_a_table_that_is_emptied_is_recorded(
    connection: Connection, statement: str, name: str
) -> None:
    await connection.execute(statement)
    event = await latest(connection)
    assert (event.action, event.object, event.changes) == ("truncate", name, {})


@pytest.mark.parametrize("column", ["requested_by", "candidate_id"])
async def test_who_asked_for_a_proposal_and_for_what_is_not_changed_unseen(
    connection: Connection, column: str
) -> None:
    await connection.execute(
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, "
        "detail, requested_by, candidate_id) "
        "VALUES ('t', 1, 'proposed', 'by_hand', '{}', 'alice', gen_random_uuid())"
    )
    await connection.execute(f"UPDATE selfheal.healing_runs SET {column} = NULL")
    event = await latest(connection)
    assert list(event.changes) == [column]
