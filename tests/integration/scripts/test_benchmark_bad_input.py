"""The benchmark against what isn't there, half there, or not meant for it; as users run it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from support.stub_services import stub_services

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.waiting import wait_until

ROOT = Path(__file__).parents[3]
BENCHMARK = ROOT / "scripts" / "benchmark.py"
SCHEMA = ROOT / "tests" / "integration" / "db" / "guide_schema.sql"
NOTHING = "http://127.0.0.1:9"
PASSWORD = "right-password-of-nobody"
SEED_AND_LATER = """
    UPDATE prompts SET is_active = FALSE;
    INSERT INTO prompts (task_type, content, version)
    VALUES ('code_generation', 'mine''s \\ "7"', 7);
    INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_detail)
    VALUES ('9920952d-083e-4374-9359-32ba8eb0a43a', 'code_generation', 'an old request', '{"a": 1}')
"""
PROMPTS = "SELECT id, task_type, content, version, is_active FROM prompts ORDER BY id"


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with temporary_postgres(SCHEMA) as postgres:
        yield postgres.database_url


@dataclass(frozen=True)
class Target:
    """A database of the test's own, and the flags that lead to it."""

    url: str

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        async def fetch() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url)
            try:
                if ";" in sql:
                    await connection.execute(sql)
                    return []
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def flags(self) -> list[str]:
        parts = urlsplit(self.url)
        return [
            *("--db-host", str(parts.hostname), "--db-port", str(parts.port)),
            *("--db-user", str(parts.username), "--db-name", parts.path.lstrip("/")),
        ]

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"PGPASSWORD": str(urlsplit(self.url).password)}


@pytest.fixture
def target(server_url: str, request: pytest.FixtureRequest) -> Target:
    name = "d" + request.node.name.removeprefix("test_")[:40].partition("[")[0]
    Target(server_url).ask(f"DROP DATABASE IF EXISTS {name}")
    Target(server_url).ask(f"CREATE DATABASE {name}")
    made = Target(server_url.rpartition("/")[0] + f"/{name}")
    made.ask(SCHEMA.read_text(encoding="utf-8"))
    return made


def command(services: str, target: Target, folder: Path, *flags: str) -> list[str]:
    urls = [f"--{name}-url={services}" for name in ("manager", "worker", "evaluator")]
    own = [f"--output-dir={folder}", "--cycles=1", "--requests=3"]
    return [sys.executable, str(BENCHMARK), *urls, *target.flags(), *own, *flags]


def run(
    words: Sequence[str], target: Target, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        words,
        env=target.environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def codes(result: str) -> set[str]:
    report = json.loads(result)
    return {one["code"] for each in report["dimensions"] for one in each["deductions"]}


def test_nothing_listening_is_told_and_nothing_is_touched(target: Target, tmp_path: Path) -> None:
    done = run(command(NOTHING, target, tmp_path), target)
    assert done.returncode == 1
    assert "No service answers" in done.stderr
    assert "docker compose up -d" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_half_up_system_is_graded_with_nothing_for_end_to_end(
    target: Target, tmp_path: Path
) -> None:
    with stub_services() as url:
        words = command(url, target, tmp_path, "--json", f"--worker-url={NOTHING}")
        done = run([*words, "--optimizer-command=true"], target)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    points = {each["name"]: each["points"] for each in report["dimensions"]}
    assert points["e2e"] == 0
    assert points["performance"] == 10
    assert "service_down" in codes(done.stdout)


def test_a_wrong_password_is_told_without_it(target: Target, tmp_path: Path) -> None:
    with stub_services() as url:
        done = run(command(url, target, tmp_path), target, PGPASSWORD=PASSWORD)
    assert done.returncode == 1
    assert "refuses us" in done.stderr
    assert "--db-password" in done.stderr
    assert PASSWORD not in done.stderr + done.stdout


def test_a_database_that_is_not_there_is_told(target: Target, tmp_path: Path) -> None:
    with stub_services() as url:
        done = run([*command(url, target, tmp_path), "--db-name=nosuch"], target)
        assert (done.returncode, "nosuch" in done.stderr) == (1, True)
        refused = run([*command(url, target, tmp_path), "--db-port=9"], target, PATH="/nonexistent")
    assert refused.returncode == 1
    assert "No database answers at" in refused.stderr


def test_missing_tables_and_columns_are_named(target: Target, tmp_path: Path) -> None:
    target.ask("DROP TABLE optimization_reports; ALTER TABLE prompts DROP COLUMN version")
    with stub_services() as url:
        done = run(command(url, target, tmp_path), target)
    assert done.returncode == 1
    assert "lacks optimization_reports, prompts.version." in done.stderr


@pytest.mark.parametrize(
    ("optimizer", "seconds", "code"),
    [
        ("no-such-command --at all", 60, "optimizer_not_found"),
        ("sh -c 'echo what went wrong; exit 1'", 60, "optimizer_failed"),
        ("sh -c 'sleep 60 & sleep 60'", 0.5, "optimizer_timed_out"),
        ("true", 60, "prompt_not_replaced"),
    ],
)
def test_an_optimizer_that_does_not_do_its_work_costs_healing(
    target: Target, tmp_path: Path, optimizer: str, seconds: float, code: str
) -> None:
    with stub_services() as url:
        words = command(url, target, tmp_path, "--json", f"--optimizer-timeout={seconds}")
        done = run([*words, f"--optimizer-command={optimizer}"], target)
    assert done.returncode == 0, done.stderr
    assert code in codes(done.stdout)
    assert target.ask(PROMPTS.replace("content, ", ""))[0][2:] == (1, True)


def test_ctrl_c_in_the_middle_puts_the_prompts_back(target: Target, tmp_path: Path) -> None:
    target.ask(SEED_AND_LATER)
    before = target.ask(PROMPTS)
    in_the_middle, go_on = threading.Event(), threading.Event()
    sent = []

    def hold() -> None:
        sent.append(1)
        if len(sent) == 5:
            in_the_middle.set()
            go_on.wait(30)

    with stub_services(hold) as url:
        words = command(url, target, tmp_path, "--optimizer-command=true")
        process = subprocess.Popen(
            words, env=target.environment(), stderr=subprocess.PIPE, text=True
        )
        assert in_the_middle.wait(30)
        assert target.ask(PROMPTS) != before
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        go_on.set()
    assert process.returncode == 130
    assert "the prompts are what they were (active: version 7)" in said
    assert "Traceback" not in said
    assert target.ask(PROMPTS) == before
    (script,) = tmp_path.glob("backup-*/restore.sql")
    target.ask(script.read_text(encoding="utf-8"))
    assert target.ask(PROMPTS) == before
    assert target.ask("SELECT user_input, evaluation_detail::text FROM execution_logs") == [
        ("an old request", '{"a": 1}')
    ]
    target.ask("INSERT INTO prompts (task_type, content) VALUES ('t', 'takes the next id')")


@pytest.mark.parametrize(
    ("optimizer", "signals"),
    [
        pytest.param("exec sleep 60", [signal.SIGTERM], id="asked to end"),
        pytest.param("exec sleep 60", [signal.SIGHUP], id="terminal closed"),
        # One that won't end when it is asked to, and somebody who doesn't wait for it.
        pytest.param(
            'trap "" TERM; while :; do sleep 1; done',
            [signal.SIGINT, signal.SIGINT],
            id="Ctrl-C twice",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_whatever_ends_it_ends_the_optimizer_and_puts_the_prompts_back(
    target: Target, tmp_path: Path, optimizer: str, signals: list[signal.Signals]
) -> None:
    target.ask(SEED_AND_LATER)
    before = target.ask(PROMPTS)
    mark = tmp_path / "started"
    with stub_services() as url:
        flag = f"--optimizer-command=sh -c 'echo $$ > {mark}; {optimizer}'"
        process = subprocess.Popen(
            [*command(url, target, tmp_path), flag],
            env=target.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = ""
        while "running the Optimizer" not in said:
            said += process.stderr.readline()
        while not mark.exists() or not mark.read_text().strip():
            os.sched_yield()
        asked = psutil.Process(process.pid)
        for number in signals:
            process.send_signal(number)
            wait_until_taken(asked, number)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert wait_until(lambda: has_ended(int(mark.read_text())), timeout_seconds=10)
    assert target.ask(PROMPTS) == before


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits for nothing but to be reaped."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_taken(process: psutil.Process, number: signal.Signals) -> None:
    """Wait until a signal is no longer pending, so that the next one isn't the same one."""
    bit = 1 << (number - 1)
    pending = re.compile(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", re.MULTILINE)
    status = Path(f"/proc/{process.pid}/status")
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, or this isn't Linux
        while any(int(mask, 16) & bit for mask in pending.findall(status.read_text())):
            os.sched_yield()


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "INSERT INTO prompts (task_type, content) VALUES ('translation', 'theirs');",
            "1 prompts of task types other than code_generation",
        ),
        (
            (
                "INSERT INTO execution_logs (request_id, task_type, user_input) SELECT "
                "gen_random_uuid(), 'code_generation', 'x' FROM generate_series(1, 1001);"
            ),
            "1001 rows of execution_logs",
        ),
    ],
)
def test_data_that_are_no_tests_need_a_yes(
    target: Target, tmp_path: Path, sql: str, reason: str
) -> None:
    target.ask(sql)
    everything = "SELECT (SELECT count(*) FROM prompts), (SELECT count(*) FROM execution_logs)"
    before = target.ask(everything)
    with stub_services() as url:
        words = [*command(url, target, tmp_path, "--json"), "--optimizer-command=true"]
        refused = run(words, target)
        assert refused.returncode == 3
        assert reason in refused.stderr
        assert "--yes" in refused.stderr
        assert target.ask(everything) == before
        done = run([*words, "--yes"], target)
    assert done.returncode == 0, done.stderr
    (script,) = tmp_path.glob("backup-*/restore.sql")
    target.ask(script.read_text(encoding="utf-8"))
    assert target.ask(everything) == before


def test_logs_are_kept_where_that_is_asked_for(target: Target, tmp_path: Path) -> None:
    target.ask(SEED_AND_LATER)
    with stub_services() as url:
        words = command(url, target, tmp_path, "--json", "--keep-logs")
        done = run([*words, "--optimizer-command=true"], target)
    assert done.returncode == 0, done.stderr
    assert target.ask("SELECT user_input FROM execution_logs") == [("an old request",)]


def test_without_the_driver_it_says_how_to_install_it(target: Target, tmp_path: Path) -> None:
    words = command(NOTHING, target, tmp_path)
    isolated = [words[0], "-S", *words[1:]]
    done = run(isolated, target, PATH="/nonexistent")
    assert done.returncode == 1
    assert "python -m pip install -r scripts/requirements.txt" in done.stderr


def test_a_wrong_flag_is_a_usage_error(target: Target, tmp_path: Path) -> None:
    done = run([*command(NOTHING, target, tmp_path), "--cycles=0"], target)
    assert done.returncode == 2
    assert "--cycles" in done.stderr


def test_an_output_folder_that_cannot_be_written_is_told(target: Target, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with stub_services() as url:
        done = run(command(url, target, taken), target)
    assert done.returncode == 1
    assert "--output-dir" in done.stderr
