"""Nobody is there at night: whatever is broken, a run ends with a clear line and an exit code, and
no prompt changes that wasn't proven."""

import asyncio
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from support.http_server import JsonHandler, serving
from support.provider.server import serving_provider
from support.running_system import GUIDE_INJECTION, RunningSystem

from benchmarks.own_ports import take_port
from selfheal.runtime.waiting import wait_until

REQUEST = "Write a binary search function"
REQUESTS = [
    REQUEST,
    "Write a function to sort a list",
    "Write a function that checks whether a word is a palindrome",
    "Write a function that counts the vowels in a text",
    "Write a function that merges two sorted lists",
]
BAD_PROMPT = "just say hello world to everything"
MILLION = 1_000_000

FORGET = """
    DELETE FROM selfheal.watches;
    DELETE FROM selfheal.healing_runs;
    DELETE FROM selfheal.candidates;
"""
# Failures as the Manager logs them, without the way through three services.
INSERT_FAILURES = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, prompt_version, worker_output,
        evaluation_score, evaluation_passed, evaluation_detail
    )
    SELECT '00000000-0000-4000-8000-000000000000', $1, input, input, $2, $3, 0.36, FALSE, $4
    FROM (SELECT ($6::text[])[1 + n % cardinality($6)] AS input
          FROM generate_series(1, $5::int) AS n) AS requests
"""
INSERT_PROMPT = """
    INSERT INTO prompts (task_type, content, version, created_by) VALUES ($1, $2, $3, 'mentor')
"""
INSERT_PASSES = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, prompt_version, worker_output, evaluation_score,
        evaluation_passed
    ) SELECT gen_random_uuid(), 'code_generation', input, $1, 'passed', 0.9, TRUE
    FROM unnest($2::text[]) AS input
"""
INSERT_WATCH = """
    INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id)
    SELECT after.task_type, after.id, before.id FROM prompts before, prompts after
    WHERE before.version = 1 AND after.version = $1
"""
INSERT_SEED = """
    INSERT INTO prompts (task_type, content, change_reason, created_by)
    VALUES ('code_generation', $1, $2, $3)
"""
DEACTIVATE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1"
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'selfheal'
"""
SELECT_ACTIVE = "SELECT version, content FROM prompts WHERE task_type = $1 AND is_active"
SELECT_PROMOTIONS = """
    SELECT o.after_prompt_version AS version, r.detail -> 'verdict' ->> 'promote' AS proven
    FROM selfheal.healing_runs r JOIN optimization_reports o ON o.id = r.report_id
    WHERE r.decision = 'promoted'
"""


@dataclass(frozen=True)
class Run:
    """A run of `selfheal optimize --json`: its exit code, its log, what it told the user."""

    exit_code: int
    log: list[dict[str, Any]]
    message: str

    def has(self, event: str) -> bool:
        return any(entry["event"] == event for entry in self.log)

    def entry(self, event: str) -> dict[str, Any]:
        return next(entry for entry in self.log if entry["event"] == event)


class Night:
    """The running system, with the database at hand, and without a person."""

    def __init__(self, system: RunningSystem) -> None:
        self.system = system
        home = system.directory / ".selfheal"
        self._address = system.database.address
        self.internal_token = (home / "internal-token").read_text(encoding="utf-8").strip()
        self.database_url = self._address.url()

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async def fetch() -> list[tuple[Any, ...]]:
            connection = await self._address.connect()
            try:
                if not arguments and ";" in statement:
                    await connection.execute(statement)
                    return []
                return [tuple(row) for row in await connection.fetch(statement, *arguments)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def deploy(self, content: str = BAD_PROMPT, version: int = 99, task_type: str = "") -> None:
        task_type = task_type or "code_generation"
        self.sql(DEACTIVATE, task_type)
        self.sql(INSERT_PROMPT, task_type, content, version)

    def fail(
        self,
        times: int = 5,
        *,
        version: int = 99,
        task_type: str = "code_generation",
        output: str = "Hello World",
        detail: str | None = None,
    ) -> None:
        self.sql(INSERT_FAILURES, task_type, version, output, detail, times, REQUESTS)

    def optimize(self, **settings: str) -> Run:
        environment = self.system.environment | settings
        system = replace(self.system, environment=environment)
        done = system.selfheal("optimize", "--json", check=False)
        log = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Run(done.returncode, log, done.stderr)

    def active(self, task_type: str = "code_generation") -> list[tuple[int, str]]:
        return [(version, text) for version, text in self.sql(SELECT_ACTIVE, task_type)]

    def assert_failed(self, run: Run, *, code: str, says: str) -> None:
        """Exit code 1, one clear line, and the prompt as it was."""
        assert run.exit_code == 1, run
        failed = run.entry("optimization_failed")
        assert failed["code"] == code
        assert says in failed["message"]
        assert "no prompt was changed" in " ".join(run.message.split())
        assert "Traceback" not in run.message
        assert self.active() == [(99, BAD_PROMPT)]

    def assert_healed(self, run: Run, version: int) -> None:
        """Exit code 0, one prompt serves, and it was proven."""
        assert run.exit_code == 0, run.log
        assert run.entry("prompt_patched")["after_version"] == version
        assert [number for number, _ in self.active()] == [version]
        assert (version, "true") in self.sql(SELECT_PROMOTIONS)


@pytest.fixture
def night(system: RunningSystem) -> Iterator[Night]:
    """The system with the seed prompt alone, before and afterwards."""
    night = Night(system)
    night.sql(FORGET)
    yield night
    night.sql("DELETE FROM prompts WHERE task_type <> $1", "code_generation")


@contextmanager
def in_between(night: Night, act: Callable[[int], None]) -> Iterator[str]:
    """Stand between the Optimizer and the Worker, and act at each call; gives the address."""
    worker = f"http://127.0.0.1:{night.system.port('worker')}"
    numbers = iter(range(1, MILLION))

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            body = self.body()
            act(next(numbers))
            request = urllib.request.Request(worker + self.path, body, dict(self.headers))
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    self.answer(response.status, response.read())
            except urllib.error.HTTPError as error:
                self.answer(error.code, error.read())

    with serving(Handler) as url:
        yield url


@pytest.mark.parametrize("service", ["worker", "evaluator"])
def test_a_service_that_is_down(night: Night, service: str) -> None:
    night.deploy()
    night.fail()
    port = take_port()
    run = night.optimize(**{f"{service.upper()}_URL": f"http://127.0.0.1:{port}"})
    night.assert_failed(run, code=f"{service}_failed", says=f"The {service} can't be reached")


def test_a_database_that_goes_in_mid_run(night: Night) -> None:
    night.deploy()
    night.fail()

    def end_connections(call: int) -> None:
        if call == 10:
            night.sql(END_CONNECTIONS)

    with in_between(night, end_connections) as worker_url:
        run = night.optimize(WORKER_URL=worker_url)
    night.assert_failed(run, code="database_unavailable", says="Check that PostgreSQL runs")


def test_a_model_that_hangs(night: Night) -> None:
    night.deploy()
    night.fail()
    with (
        hanging_model() as model_url,
        worker_with_model(night, model_url, timeout_seconds=0.3) as worker_url,
    ):
        run = night.optimize(WORKER_URL=worker_url)
    night.assert_failed(run, code="worker_failed", says="no answer")


def test_a_provider_that_withholds_answers_is_at_fault_and_costs_no_call(night: Night) -> None:
    """Six filtered answers after good ones: the model hasn't changed, and nothing is replayed."""
    night.sql(INSERT_PASSES, 1, REQUESTS)
    with (
        serving_provider() as provider,
        worker_with_model(night, provider.base_url("a filter's stop")) as worker_url,
        manager_before(night, worker_url) as manager_url,
    ):
        assert [ask(manager_url) for _ in range(6)] == ["model_content_filtered"] * 6
        run = night.optimize(WORKER_URL=worker_url)
        asked = len(provider.bodies["a filter's stop"])
    assert run.exit_code == 0
    held = run.entry("optimization_held")
    assert (held["verdict"], held["worker_calls"]) == ("provider", 0)
    assert asked == 6


@contextmanager
def manager_before(night: Night, worker_url: str) -> Iterator[str]:
    """A Manager beside the system's own, which asks another Worker; gives its address."""
    port = take_port()
    settings = {
        "MANAGER_PORT": str(port),
        "DATABASE_URL": night.database_url,
        "WORKER_URL": worker_url,
        "EVALUATOR_PORT": str(night.system.port("evaluator")),
    }
    with a_process("services.manager.app.main", environment=settings):
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: answers(url), timeout_seconds=30)
        yield url


def ask(manager_url: str) -> str:
    """Send a request that fails; gives the code of what failed."""
    request = urllib.request.Request(
        f"{manager_url}/api/v1/request",
        json.dumps({"user_input": REQUEST, "task_type": "code_generation"}).encode(),
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request, timeout=30)
    code: str = json.loads(failure.value.read())["upstream_code"]
    return code


@contextmanager
def hanging_model() -> Iterator[str]:
    """A model that takes requests and never answers; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@contextmanager
def worker_with_model(
    night: Night, model_url: str, *, timeout_seconds: float = 10
) -> Iterator[str]:
    """A Worker beside the system's own, which asks another model; gives its address."""
    port = take_port()
    settings = {
        "WORKER_PORT": str(port),
        "DATABASE_URL": night.database_url,
        "INTERNAL_TOKEN": night.internal_token,
        "LLM_PROVIDER": "openai",
        "LLM_API_KEY": "none",
        "LLM_BASE_URL": model_url,
        "LLM_TIMEOUT_SECONDS": str(timeout_seconds),
    }
    url = f"http://127.0.0.1:{port}"
    with a_process("services.worker.app.main", environment=settings):
        assert wait_until(lambda: answers(url), timeout_seconds=30)
        yield url


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def a_process(
    module: str, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd="/",
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("table", ["prompts", "execution_logs"])
def test_an_empty_table(night: Night, table: str) -> None:
    [seed] = night.sql("SELECT content, change_reason, created_by FROM prompts")
    night.deploy()
    night.fail()
    night.sql(f"DELETE FROM {table} WHERE TRUE OR 1 = $1", 1)
    try:
        run = night.optimize()
        assert run.exit_code == 0
        assert run.has("no task types need optimization")
        assert not run.has("prompt_patched")
    finally:
        night.sql("DELETE FROM prompts WHERE TRUE OR 1 = $1", 1)
        night.sql(INSERT_SEED, *seed)


def test_a_task_type_that_never_went_well(night: Night) -> None:
    night.deploy("rhyme on nothing", version=1, task_type="haiku_writing")
    night.fail(version=1, task_type="haiku_writing")
    run = night.optimize()
    assert run.exit_code == 0
    assert run.entry("optimization_held")["version"] == 1
    assert night.active("haiku_writing") == [(1, "rhyme on nothing")]


def test_a_prompt_row_that_was_edited_by_hand(night: Night) -> None:
    """The same id and version hold another text now."""
    night.deploy("Write Python code.", version=2)
    night.sql("UPDATE prompts SET content = $1 WHERE version = 2", BAD_PROMPT)
    night.fail(version=2)
    night.assert_healed(night.optimize(), version=3)


def test_a_prompt_row_that_is_edited_by_hand_in_mid_run(night: Night) -> None:
    night.deploy()
    night.fail()

    def edit(call: int) -> None:
        if call == 10:
            night.sql("UPDATE prompts SET content = $1 WHERE version = 99", "by hand")

    with in_between(night, edit) as worker_url:
        run = night.optimize(WORKER_URL=worker_url)
    assert run.exit_code == 0
    assert run.entry("optimization_held")["reason"] == "incumbent_changed"
    assert night.active() == [(99, "by hand")]


def test_two_active_rows(night: Night) -> None:
    night.sql(INSERT_PROMPT, "code_generation", BAD_PROMPT, 7)
    night.fail(version=7)
    assert len(night.active()) == 2
    night.assert_healed(night.optimize(), version=8)


def test_no_version_number_is_left(night: Night) -> None:
    highest = 2**31 - 1
    night.deploy(version=highest)
    night.fail(version=highest)
    run = night.optimize()
    assert run.exit_code == 1
    assert run.entry("optimization_failed")["code"] == "versions_exhausted"
    assert night.active() == [(highest, BAD_PROMPT)]


def test_a_rollback_that_fails_keeps_no_other_prompt_from_healing(night: Night) -> None:
    """A promotion that took the last version number does worse than the seed did."""
    highest = 2**31 - 1
    night.sql(INSERT_PASSES, 1, REQUESTS)
    night.deploy(version=highest)
    night.sql(INSERT_WATCH, highest)
    night.fail(20, version=highest)
    night.sql(INSERT_PROMPT, "json_extraction", BAD_PROMPT, 1)
    night.fail(version=1, task_type="json_extraction")
    run = night.optimize()
    assert run.exit_code == 1
    assert run.entry("promotion_watched")["outcome"] == "worse"
    assert run.entry("healing_failed")["code"] == "versions_exhausted"
    assert run.entry("prompt_patched")["task_type"] == "json_extraction"
    assert night.active() == [(highest, BAD_PROMPT)]


@pytest.mark.slow
def test_a_million_failures_in_the_window(night: Night) -> None:
    night.deploy()
    night.sql("ALTER TABLE execution_logs DISABLE TRIGGER USER;")  # a million notifications
    try:
        night.fail(MILLION)
        night.assert_healed(night.optimize(), version=100)
    finally:
        night.sql("TRUNCATE execution_logs; ALTER TABLE execution_logs ENABLE TRIGGER USER;")


def test_nul_and_other_control_characters_in_a_log_row(night: Night) -> None:
    """PostgreSQL keeps no NUL; the Manager spells it out, and so it stands in details."""
    rules = [{"name": "has\\u0000name \x01\x1b[2J", "outcome": "failed"}]
    night.deploy()
    night.fail(
        output="Hello\x01 \x1b[2J\u202eWorld \\u0000",
        detail=json.dumps({"rules": rules, "evaluator": {"fingerprint": "\\u0000"}}),
    )
    night.assert_healed(night.optimize(), version=100)
    shown = night.system.selfheal("reports", "show", "latest").stdout
    assert "\x1b" not in shown


def test_the_guide_s_five_steps_and_the_report_of_them(night: Night) -> None:
    system = night.system
    system.psql(GUIDE_INJECTION)
    for _ in range(5):
        assert system.request(REQUEST).json["evaluation_passed"] is False
    run = system.selfheal("optimize").stdout
    assert "prompt_patched" in run
    newest = system.psql(
        "SELECT version, is_active, LEFT(content, 80) FROM prompts "
        "WHERE task_type='code_generation' ORDER BY version DESC LIMIT 1;"
    )
    assert newest.startswith("100|t|")
    healed = system.request(REQUEST).json
    assert healed["evaluation_passed"] is True
    assert healed["prompt_version"] == 100

    [listed] = json.loads(system.selfheal("reports", "list", "--json").stdout)
    assert listed["decision"] == "promoted"
    shown = system.selfheal("reports", "show", "latest").stdout
    for part in ("version 100 replaced 99", "last good version", "watched now"):
        assert part in shown
