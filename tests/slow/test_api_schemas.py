"""Schemathesis on each service's own OpenAPI description: it answers as it says that it does.

Sent are the description's examples, every field's borders and what lies beyond them, and random
bodies, valid and not: nothing may be a 500, a status or content type that isn't described, or a
body that isn't as described. Not asked is whether all is accepted that the description allows, as
JSON Schema can't say all that is checked.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rows import for_each
from support.running_system import RunningSystem, make_system

SEED = 14
EXAMPLES = 300
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "unsupported_method,allow_header_conformance"
)
INTERNAL_TOKEN = "token-of-the-tests"
# By chance alone no request would come further than to a task type that isn't there.
KNOWN = """
[dictionaries.task_types]
values = ["code_generation", "tool_use"]
[dictionaries.requests]
values = {requests}
[dictionaries.tokens]
values = ["{token}"]

[parameters]
"body.task_type" = {{ dictionary = "task_types", probability = 0.8 }}
"body.model" = {{ dictionary = "task_types", probability = 0.8 }}
"path.model" = {{ dictionary = "task_types", probability = 0.5 }}
"path.task_type" = {{ dictionary = "task_types", probability = 0.8 }}
"path.request_id" = {{ dictionary = "requests", probability = 0.5 }}
"header.x-internal-token" = {{ dictionary = "tokens", probability = 0.5 }}

[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx", "502", "503", "504"]
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    system = make_system(tmp_path_factory.mktemp("described"))
    system.environment["INTERNAL_TOKEN"] = INTERNAL_TOKEN
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


@pytest.fixture(scope="module")
def configuration(system: RunningSystem) -> Path:
    """Write what Schemathesis is to know: task types, requests in the log, the token."""
    asked = "Write a function to sort a list"
    chat = {"model": "code_generation", "messages": [{"role": "user", "content": asked}]}
    answers = (system.request(asked), system.post("manager", "/v1/chat/completions", chat))
    known = json.dumps([answer.headers["x-request-id"] for answer in answers])
    file = system.directory / "schemathesis.toml"
    file.write_text(KNOWN.format(requests=known, token=INTERNAL_TOKEN))
    return file


def run_schemathesis(
    system: RunningSystem, service: str, configuration: Path, *options: str
) -> str:
    """Run it on one service; fails with its report where it finds something."""
    description = system.directory / f"{service}.json"
    description.write_text(system.get(service, "/openapi.json").text)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", configuration),
            *("run", description, "--url", f"http://127.0.0.1:{system.port(service)}"),
            *("--seed", str(SEED), "--checks", CHECKS, "--generation-database", "none"),
            *("--continue-on-failure", "--no-color", *options),
        ],
        cwd=system.directory,
        env=system.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("service", ["manager", "worker", "evaluator"])
def test_a_service_answers_as_it_describes(
    system: RunningSystem, configuration: Path, service: str
) -> None:
    # The admin API refuses before it says which methods there are; it has a test of its own.
    options = ("--max-examples", str(EXAMPLES), "--exclude-path-regex", "/api/v1/admin/")
    told = run_schemathesis(system, service, configuration, *options)

    tested = re.search(r"Selected: (\d+)/\d+\n\s+Tested: (\d+)", told)
    assert tested, told
    assert tested[1] == tested[2], told
    # A 502 of one service may stand for a 500 of another.
    for log in (system.directory / ".selfheal" / "logs").glob("*.log"):
        assert "unexpected_error" not in log.read_text(), log.name


def test_the_admin_api_answers_who_may_as_it_describes(
    system: RunningSystem, configuration: Path
) -> None:
    made = system.selfheal("keys", "create", "x", "--scope", "admin")
    key = re.search(r"sh_\S+", made.stdout)[0]  # type: ignore[index]
    run_schemathesis(
        *(system, "manager", configuration, "--max-examples", "30"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--include-path-regex", "^/api/v1/admin/(?!session|oidc)"),
    )
    log = system.directory / ".selfheal" / "logs" / "manager.log"
    assert "unexpected_error" not in log.read_text()


REFUSED = {
    "no valid key": ("", "sh_0000"),
    "a key for other routes": ("read", ""),
    "a key for another task type": ("serve", ""),
}


@for_each(REFUSED)
def test_a_caller_who_is_refused_is_told_so_as_described(
    name: str, system: RunningSystem, configuration: Path
) -> None:
    scope, key = REFUSED[name]
    if scope:
        bound = ("--task-type", "no_such_type")
        made = system.selfheal("keys", "create", "x", "--scope", scope, *bound)
        key = re.search(r"sh_\S+", made.stdout)[0]  # type: ignore[index]
    header = ("--header", f"Authorization: Bearer {key}", "--max-examples", "20")
    # Which methods there are is told to callers who may know.
    all_methods = ("--exclude-checks", "unsupported_method")
    run_schemathesis(system, "manager", configuration, *header, *all_methods)


def test_the_admin_api_answers_who_may_do_everything_as_it_describes(
    system: RunningSystem, configuration: Path
) -> None:
    made = system.selfheal("keys", "create", "x", "--scope", "admin")
    key = re.search(r"sh_\S+", made.stdout)[0]  # type: ignore[index]
    header = ("--header", f"Authorization: Bearer {key}", "--max-examples", "20")
    narrowed = ("--include-path-regex", "/api/v1/admin/")
    run_schemathesis(system, "manager", configuration, *header, *narrowed)
    for log in (system.directory / ".selfheal" / "logs").glob("manager*.log"):
        assert "unexpected_error" not in log.read_text(), log.name
