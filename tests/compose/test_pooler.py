"""The containers behind PgBouncer in transaction mode, in the versions of Debian 12 and 13.

Every service's URL leads to the pooler, the migrations' and the operator's too. It knows no
password but its own: it asks PostgreSQL for whoever comes in (`auth_query`), as people have it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.containers import ROOT, Containers, ask, fetch, is_ready, poll_until
from support.running_system import GUIDE_INJECTION

# Debian's own images have Debian's own PgBouncer; postgres:17 has another archive's.
RELEASES = {"1.18": "debian:bookworm-slim", "1.24": "python:3.13-slim-trixie"}
DOCKERFILE = """\
FROM {image}
RUN apt-get update && apt-get install --yes --no-install-recommends pgbouncer \\
 && rm -rf /var/lib/apt/lists/*
COPY pgbouncer.ini users.txt /etc/pgbouncer/
USER postgres
CMD ["/usr/sbin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini"]
"""
# Two server connections for each user: clients take turns.
INI = """\
[databases]
* = host=postgres port=5432
[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/users.txt
auth_user = pooler
auth_query = SELECT usename, passwd FROM pooler.find_secret($1)
pool_mode = transaction
default_pool_size = 2
server_login_retry = 1
"""
USERS = '"pooler" "of-the-pooler-alone"\n'
SQL = """\
CREATE ROLE pooler LOGIN PASSWORD 'of-the-pooler-alone';
CREATE SCHEMA pooler;
GRANT USAGE ON SCHEMA pooler TO pooler;
CREATE FUNCTION pooler.find_secret(name text) RETURNS TABLE (usename text, passwd text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS 'SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = name AND rolcanlogin';
REVOKE ALL ON FUNCTION pooler.find_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pooler.find_secret TO pooler;
"""
IS_LISTENING = "exec 3<>/dev/tcp/127.0.0.1/6432"
STRAIGHT = "@postgres:5432/"
OURS = "usename LIKE 'agent_system%' AND datname = 'agent_system'"
REQUESTS = (
    "Write a function that adds two numbers",
    "Write a function that reverses a list",
    "Write a function that counts words",
    "Write a function that finds the largest",
)
HEALS = "name = 'heal code_generation'"
COMMANDS = (("logs",), ("reports", "show"))


def has_image(containers: Containers, image: str) -> bool:
    """Tell whether an image is here, or can be pulled."""
    return any(
        containers.shell(f"docker {command} {image}").returncode == 0
        for command in ("image inspect", "pull --quiet")
    )


def write_override(containers: Containers, directory: Path, version: str) -> Path:
    """Write what puts a pooler between PostgreSQL and whatever has a URL of it."""
    (directory / "Dockerfile").write_text(DOCKERFILE.format(image=RELEASES[version]))
    (directory / "pgbouncer.ini").write_text(INI)
    (directory / "users.txt").write_text(USERS)
    sql = directory / "pooler.sql"
    sql.write_text(SQL)
    sql.chmod(0o644)
    listed = containers.compose("--profile=*", "config", "--format", "json").stdout
    services = {
        name: {
            "environment": urls,
            "depends_on": {"pooler": {"condition": "service_healthy"}},
        }
        for name, service in json.loads(listed)["services"].items()
        if (urls := find_straight_urls(service.get("environment") or {}))
    }
    assert services
    pooler = {
        "image": f"selfheal-test-compose/pooler:{version}",
        "build": {"context": str(directory)},
        "networks": ["database"],
        "restart": "unless-stopped",
        "depends_on": {"postgres": {"condition": "service_healthy"}},
        "healthcheck": {"test": ["CMD", "bash", "-c", IS_LISTENING], "interval": "1s"},
    }
    asked = {"volumes": [f"{sql}:/docker-entrypoint-initdb.d/pooler.sql:ro"]}
    override = directory / "pooler.yaml"
    override.write_text(json.dumps({"services": {**services, "pooler": pooler, "postgres": asked}}))
    return override


def find_straight_urls(environment: dict[str, str | None]) -> dict[str, str]:
    """Find the variables that lead straight to PostgreSQL, and lead them to the pooler."""
    return {
        name: value.replace(STRAIGHT, "@pooler:6432/")
        for name, value in environment.items()
        if value and STRAIGHT in value
    }


@pytest.fixture(scope="module", params=RELEASES)
def pooled(
    containers: Containers, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """The whole system behind a pooler, on a volume of its own."""
    version = request.param
    if not has_image(containers, RELEASES[version]):
        pytest.skip(
            f"no image {RELEASES[version]} here, and none can be pulled: it has PgBouncer {version}"
        )
    override = write_override(containers, tmp_path_factory.mktemp("pooler"), version)
    behind = containers.having(COMPOSE_FILE=f"{ROOT / 'compose.yaml'}:{override}")
    behind.compose("build", "--quiet", "pooler")
    try:
        behind.compose("--profile=console", "up", "--detach", "--wait")
        told = behind.execute("pooler", "pgbouncer", "--version").stdout
        assert f"PgBouncer {version}." in told
        yield behind
    finally:
        behind.remove()


def deploy_bad_prompt(containers: Containers) -> None:
    """Deploy the guide's bad prompt, and let it fail."""
    containers.psql(GUIDE_INJECTION)
    for text in REQUESTS:
        assert poll_until(lambda text=text: ask(text)[1]["evaluation_passed"] is False)


def test_it_serves_at_both_doors_and_nobody_goes_round_the_pooler(pooled: Containers) -> None:
    assert all(is_ready(port) for port in (8000, 8001, 8002, 8003))
    status, answer = ask()
    assert (status, answer["evaluation_passed"]) == (200, True)
    said = {"role": "user", "content": "Write a function that adds two numbers"}
    status, answer = fetch(
        8000, "/v1/chat/completions", {"model": "code_generation", "messages": [said]}
    )
    assert status == 200
    assert "def " in answer["choices"][0]["message"]["content"]
    networks = pooled.inspect("pooler")["NetworkSettings"]["Networks"]
    [address] = [network["IPAddress"] for network in networks.values()]
    users = f"SELECT DISTINCT usename, host(client_addr) FROM pg_stat_activity WHERE {OURS}"
    rows = pooled.psql(f"{users} ORDER BY 1").split()
    services = ("console", "manager", "worker")
    assert rows == [f"agent_system_{service}|{address}" for service in services]


def test_every_heal_is_followed_by_another(pooled: Containers) -> None:
    for times in (1, 2):
        deploy_bad_prompt(pooled)
        healed = pooled.compose("run", "--rm", "optimizer")
        assert "prompt_patched" in healed.stdout + healed.stderr
        assert ask()[1]["evaluation_passed"] is True
        assert pooled.psql("SELECT count(*) FROM optimization_reports") == str(times)
        assert pooled.psql(f"SELECT holder = '' FROM selfheal.leases WHERE {HEALS}") == "t"


def test_the_operators_commands_work_and_doctor_names_the_pooler(pooled: Containers) -> None:
    for command in COMMANDS:
        assert pooled.compose("run", "--rm", "selfheal", *command).stdout
    told = pooled.compose("run", "--rm", "selfheal", "doctor", "--json", check=False)
    checks = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert "through a pooler" in checks["database access"]["found"]


def test_the_autopilot_polls_and_heals(pooled: Containers) -> None:
    pooled.compose("--profile=autopilot", "up", "--detach", "--wait")
    deploy_bad_prompt(pooled)
    assert poll_until(lambda: ask()[1]["evaluation_passed"] is True)
    log = pooled.compose("logs", "--no-color", "autopilot").stdout
    assert log.count("failure_watch_polls") == 1
    by = "SELECT triggered_by FROM optimization_reports ORDER BY id DESC LIMIT 1"
    assert pooled.psql(by) == "autopilot"
    pooled.compose("--profile=autopilot", "rm", "--stop", "--force", "autopilot")


def test_it_serves_again_after_the_pooler_was_killed(pooled: Containers) -> None:
    pooled.compose("restart", "--timeout", "0", "pooler")
    assert poll_until(lambda: ask()[0] == 200)
    assert all(poll_until(lambda port=port: is_ready(port)) for port in (8000, 8001, 8003))
