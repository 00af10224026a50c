"""The console in its container: what it shows, what it may do, and who gets in by it."""

import json
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.containers import ROOT, Containers, ask, fetch, poll_until

ADDRESS = "http://127.0.0.1:8003"
PASSWORD = "a good long password"
TOKEN_FILE = "/var/lib/selfheal-console-token/token"
MOST_MEGABYTES = 150
# Asks the admin API as a container beside it does, with every secret that it can read.
ASK_AS_A_NEIGHBOUR = """
import json, pathlib, urllib.error, urllib.request
shown = {}
for header, file in (("X-Internal-Token", "token/internal-token"),
                     ("X-Console-Token", "console-token/token")):
    try:
        shown[header] = pathlib.Path("/var/lib/selfheal-" + file).read_text().strip()
    except OSError:
        pass
def call(path, body=None, token=""):
    request = urllib.request.Request("http://manager:8000/api/v1/admin" + path,
        body and json.dumps(body).encode(),
        {"Content-Type": "application/json", "X-CSRF-Token": token, **shown})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, None
view = call("/session")[1]
made = call("/keys", {"name": "stolen", "scopes": ["admin"]}, view["csrf_token"])
print(json.dumps([view["person"], call("/condition")[0], made[0]]))
"""
# As the console's database user, who may lift what merely keeps it from mistakes.
TRY_SQL = """
import asyncio, asyncpg, os, sys
async def main():
    connection = await asyncpg.connect(os.environ["CONSOLE_DATABASE_URL"])
    await connection.execute("SET default_transaction_read_only = off")
    try:
        print(await connection.fetch(sys.argv[1]))
    except asyncpg.PostgresError as error:
        print(type(error).__name__)
asyncio.run(main())
"""
FORBIDDEN = [
    "UPDATE prompts SET content = 'mine'",
    "INSERT INTO prompts (task_type, content, version) VALUES ('x', 'x', 1)",
    "DELETE FROM execution_logs",
    "TRUNCATE selfheal.audit",
    "INSERT INTO selfheal.jobs (kind, requested_by) VALUES ('message', 'me')",
    "INSERT INTO selfheal.trusted_roles VALUES (session_user)",
    "CREATE TABLE public.mine (id INT)",
    "CREATE TABLE selfheal.mine (id INT)",
    "SET ROLE agent",
    "COPY prompts TO PROGRAM 'cat'",
    "SELECT password_hash FROM selfheal.users",
    "SELECT * FROM selfheal.users",
    "SELECT secret_sha256 FROM selfheal.api_keys",
    "SELECT token_sha256 FROM selfheal.sessions",
    "SELECT * FROM selfheal.oidc_sign_ins",
    "SELECT passwd FROM pg_shadow",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
]


@pytest.fixture(scope="module", autouse=True)
def running(containers: Containers) -> None:
    """The system and its console, with the page for a class."""
    containers.up()
    containers.having(WORKSHOP="1").up("console")


def load(path: str, form: dict[str, str] | None = None) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    page = urllib.request.Request(ADDRESS + path, data, headers={"accept": "text/html"})
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        text: str = answer.read().decode()
    return text


def find_token(path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', load(path))
    assert found
    return found[1]


def find_addresses(containers: Containers) -> list[str]:
    networks = containers.inspect("console")["NetworkSettings"]["Networks"]
    return [network["IPAddress"] for network in networks.values()]


def ask_as_a_neighbour(containers: Containers, service: str) -> Any:
    return json.loads(containers.python(service, ASK_AS_A_NEIGHBOUR))


def test_its_pages_can_be_seen_on_this_machine(containers: Containers) -> None:
    assert ask()[0] == 200
    for path in ("/", "/requests", "/prompts", "/heals", "/task-types", "/evaluator", "/settings"):
        assert "<h1" in load(path), path
    assert fetch(8003, "/health/ready")[0] == 200


def test_the_workshop_shows_the_grading_of_the_benchmark(
    containers: Containers, tmp_path: Path
) -> None:
    assert "/workshop" in load("/")
    report = ROOT / "reports" / "report.json"
    kept = Path(shutil.move(report, tmp_path / "kept")) if report.exists() else None
    assert "grading__score" not in load("/workshop")
    try:
        graded = subprocess.run(
            [sys.executable, "scripts/benchmark.py", "--cycles", "1", "--requests", "3"],
            cwd=ROOT,
            env=containers.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert report.exists(), graded.stdout + graded.stderr
        assert "grading__score" in load("/workshop")
    finally:
        report.unlink(missing_ok=True)
        if kept:
            shutil.move(kept, report)


def test_it_runs_with_no_rights_to_speak_of(containers: Containers) -> None:
    status = containers.execute("console", "cat", "/proc/self/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["10001"] * 4
    assert {fields[name].strip("0") for name in ("CapEff", "CapPrm", "CapBnd")} == {""}
    for folder in ("/app", "/srv/reports", "/srv/task_types", "/var/lib/selfheal-console"):
        refused = containers.execute("console", "touch", f"{folder}/new", check=False)
        assert refused.returncode != 0, folder
    inspected = containers.inspect("console")
    bindings = inspected["NetworkSettings"]["Ports"]
    assert {one["HostIp"] for found in bindings.values() for one in found} == {"127.0.0.1"}
    assert 0 < inspected["HostConfig"]["Memory"] <= 2**29
    assert inspected["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_what_docker_tells_of_it_holds_no_secret(containers: Containers) -> None:
    told = json.dumps(containers.inspect("console"))
    read = "import pathlib; print(pathlib.Path({!r}).read_text().strip())"
    token = containers.python("console", read.format(TOKEN_FILE))
    passfile = containers.python("console", read.format("/var/lib/selfheal-console/passfile"))
    assert len(token) >= 32
    assert token not in told
    assert passfile.rpartition(":")[2] not in told
    names = {
        variable.partition("=")[0] for variable in containers.inspect("console")["Config"]["Env"]
    }
    assert not names & {"PGPASSWORD", "DATABASE_URL", "INTERNAL_TOKEN", "LLM_API_KEY"}
    assert containers.python("manager", read.format(TOKEN_FILE)) == token


def test_it_takes_little_memory(containers: Containers) -> None:
    largest = (
        "import pathlib\n"
        "files = pathlib.Path('/proc').glob('[0-9]*/statm')\n"
        "print(max(int(file.read_text().split()[1]) for file in files) * 4096 >> 20)"
    )
    assert int(containers.python("console", largest)) < MOST_MEGABYTES


def test_its_database_user_reads(containers: Containers) -> None:
    told = containers.execute(
        "console", "python", "-c", TRY_SQL, "SELECT session_user AS me"
    ).stdout
    assert "agent_system_console" in told


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_its_database_user_changes_nothing_and_sees_no_hash(
    containers: Containers, statement: str
) -> None:
    told = containers.execute("console", "python", "-c", TRY_SQL, statement).stdout.strip()
    assert told == "InsufficientPrivilegeError"


@pytest.mark.parametrize("service", ["evaluator", "worker"])
def test_no_container_beside_it_is_whoever_sits_at_this_machine(
    containers: Containers, service: str
) -> None:
    assert ask_as_a_neighbour(containers, service) == [None, 401, 401]
    assert containers.psql("SELECT count(*) FROM selfheal.api_keys WHERE name = 'stolen'") == "0"


def test_the_consoles_token_is_what_makes_the_difference(containers: Containers) -> None:
    person, condition, _ = ask_as_a_neighbour(containers, "console")
    assert (person["name"], condition) == ("local", 200)
    containers.psql("UPDATE selfheal.api_keys SET revoked_at = NOW() WHERE name = 'stolen'")


def test_the_published_port_asks_for_a_key(containers: Containers) -> None:
    assert fetch(8000, "/api/v1/admin/session")[1]["person"] is None
    assert fetch(8000, "/api/v1/admin/condition")[0] == 401


def test_the_evaluator_reaches_no_console(containers: Containers) -> None:
    hosts = ["console", *find_addresses(containers)]
    reached = containers.python(
        "evaluator",
        "import socket\n"
        f"for host in {hosts}:\n"
        "    try: socket.create_connection((host, 8003), 2); print('reached', host)\n"
        "    except OSError: pass",
    )
    assert reached == ""


def test_who_sits_at_this_machine_makes_a_key_by_it(containers: Containers) -> None:
    form = {"csrf_token": find_token("/settings/keys"), "name": "mine", "scopes": "operate"}
    load("/settings/keys", form)
    who = "SELECT person, database_user FROM selfheal.audit WHERE after ->> 'name' = 'mine'"
    assert containers.psql(who) == "local|agent_system_manager"


def test_a_draft_is_proven_by_the_next_run_of_the_optimizer(containers: Containers) -> None:
    made = containers.compose(
        "run",
        "--rm",
        "selfheal",
        "keys",
        "create",
        "drafts",
        "--scope",
        "operate",
        "--scope",
        "read",
    )
    key = re.search(r"sh_\S+", made.stdout)
    assert key

    def call(method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            "http://127.0.0.1:8000/api/v1/admin" + path,
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {key[0]}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    text = containers.psql("SELECT content FROM prompts WHERE task_type = 'code_generation'")
    draft = {"content": text + "\nHandle empty input.", "reason": "a draft"}
    job = call("POST", "/prompts/code_generation/draft", draft)
    assert job["state"] == "waiting"
    containers.compose("run", "--rm", "optimizer")
    done = call("GET", f"/jobs/{job['id']}")
    assert (done["state"], done["error"]) == ("finished", None)
    run = f"SELECT requested_by FROM selfheal.healing_runs WHERE id = '{done['run_id']}'"
    assert containers.psql(run) == "key:drafts"


def test_the_first_account_closes_it_and_signs_in(containers: Containers) -> None:
    made = containers.shell(
        f"echo '{PASSWORD}' | docker compose run --rm -T selfheal "
        "users create alice --role admin --password-stdin"
    )
    assert made.returncode == 0, made.stderr
    assert PASSWORD not in made.stdout + made.stderr
    assert poll_until(lambda: 'name="password"' in load("/"))
    assert ask_as_a_neighbour(containers, "console") == [None, 401, 401]

    load("/sign-in", {"csrf_token": find_token("/sign-in"), "name": "alice", "password": PASSWORD})
    who = "SELECT person, after ->> 'address' FROM selfheal.audit WHERE action = 'sign_in'"
    person, address = containers.psql(who).split("|")
    assert person == "alice"
    # Where the browser is, which the Manager believes of the console.
    assert address not in find_addresses(containers)
