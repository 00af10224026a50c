"""A volume of an older version: `up` brings it to this one, and keeps what is in it."""

from pathlib import Path

from support.containers import PROJECT, ROOT, Containers, ask

FIRST_SCHEMA = ROOT / "tests" / "integration" / "db" / "schema_1.sql"
VOLUMES = {
    *("postgres-data", "evaluator-data", "manager-spool", "internal-token"),
    *("manager-password", "worker-password", "optimizer-password", "console-password"),
    *("console-token", "end-user-key"),
}
INSERT = """
    UPDATE prompts SET is_active = FALSE;
    INSERT INTO prompts (task_type, content, version, change_reason, created_by)
    SELECT task_type, content || ' Answer with code only.', 2, 'mine', 'me' FROM prompts;
    INSERT INTO execution_logs (request_id, task_type, user_input)
    VALUES (gen_random_uuid(), 'code_generation', 'an old request')
"""


def test_an_older_volume_is_migrated_and_keeps_its_rows(
    containers: Containers, tmp_path: Path
) -> None:
    older = tmp_path / "older.yaml"
    older.write_text(
        "services: {postgres: {volumes: "
        f'["{FIRST_SCHEMA}:/docker-entrypoint-initdb.d/schema.sql:ro"]}}}}\n'
    )
    containers.compose(
        "-f", "compose.yaml", "-f", str(older), "up", "--detach", "--wait", "postgres"
    )
    assert containers.psql("SELECT max(number) FROM selfheal.migrations") == "1"
    containers.psql(INSERT)
    containers.compose("down")

    containers.up()

    assert containers.psql("SELECT max(number) FROM selfheal.migrations") == "7"
    said = containers.compose("logs", "--no-log-prefix", "migrate").stdout.split()
    assert (
        "Applied migration 2, migration 3, migration 4, migration 5, migration 6, migration 7."
        in " ".join(said)
    )
    assert containers.psql("SELECT user_input FROM execution_logs") == "an old request"
    status, answer = ask()
    assert (status, answer["prompt_version"]) == (200, 2)
    users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE 'agent_system%'"
    ours = ["agent_system_manager", "agent_system_worker"]
    assert containers.psql(f"{users} ORDER BY 1").split() == ours
    containers.up("console")
    assert containers.psql(f"{users} ORDER BY 1").split() == ["agent_system_console", *ours]
    containers.compose("--profile=console", "rm", "--stop", "--force", "console")


def test_another_up_changes_nothing(containers: Containers) -> None:
    before = {name: containers.container(name) for name in ("worker", "evaluator", "manager")}
    token = "print(open('/var/lib/selfheal-token/internal-token').read())"
    kept = containers.python("worker", token)
    containers.up()
    assert {name: containers.container(name) for name in before} == before
    assert containers.python("worker", token) == kept


def test_down_keeps_the_data_and_down_v_removes_them(containers: Containers) -> None:
    containers.compose("down")
    kept = {name.removeprefix(f"{PROJECT}_") for name in containers.leftovers()["volumes"]}
    assert kept == VOLUMES
    containers.up("postgres")
    assert containers.psql("SELECT count(*) FROM prompts") == "2"
    containers.compose("down", "--volumes")
    assert containers.leftovers() == {"containers": [], "volumes": [], "networks": []}
