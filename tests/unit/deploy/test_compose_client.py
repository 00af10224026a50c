"""The compose file, read by the real client where there is one; no engine is asked."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
KEPT_VARIABLES = ("PATH", "HOME", "DOCKER_CONFIG")
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"


def run_compose(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return subprocess.run(
        ["docker", "compose", *arguments],
        cwd=ROOT,
        env=kept | {"COMPOSE_DISABLE_ENV_FILE": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def has_client() -> bool:
    return shutil.which("docker") is not None and run_compose("version").returncode == 0


pytestmark = pytest.mark.skipif(not has_client(), reason="needs the compose client")


def read_config(**variables: str) -> dict[str, Any]:
    """The configuration with all its profiles, as Compose understands it."""
    done = run_compose("--profile=*", "config", "--format=json", **variables)
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


@pytest.mark.parametrize(
    ("setting", "published"),
    [
        ("BIND_HOST", "manager"),
        ("POSTGRES_BIND_HOST", "postgres"),
        ("WORKER_BIND_HOST", "worker"),
        ("EVALUATOR_BIND_HOST", "evaluator"),
        ("PROMETHEUS_BIND_HOST", "prometheus"),
        ("GRAFANA_BIND_HOST", "grafana"),
        ("CONSOLE_BIND_HOST", "console"),
    ],
)
def test_what_is_published_publishes_nothing_else(setting: str, published: str) -> None:
    services = read_config(**{setting: "0.0.0.0"})["services"]
    hosts = {
        name: {port["host_ip"] for port in service["ports"]}
        for name, service in services.items()
        if "ports" in service
    }
    assert len(hosts) == 7
    assert hosts.pop(published) == {"0.0.0.0"}
    assert set.union(*hosts.values()) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("variables", "is_open"),
    [
        ({}, False),
        ({"LLM_API_KEY": "key", "JUDGE_MODEL": "rubric"}, False),
        ({"LLM_API_KEY": "key", "LLM_PROVIDER": "local"}, False),
        ({"LLM_API_KEY": "key"}, True),
        ({"LLM_API_KEY": "key", "LLM_PROVIDER": "anthropic"}, True),
        ({"LLM_API_KEY": "key", "JUDGE_MODEL": "openai:org/model"}, True),
    ],
)
def test_the_evaluators_key_and_way_out_follow_the_judge(
    variables: dict[str, str], is_open: bool
) -> None:
    config = read_config(**variables, OPENAI_API_KEY="other key")
    environment = config["services"]["evaluator"]["environment"]
    keys = (environment["LLM_API_KEY"], environment["OPENAI_API_KEY"])
    assert keys == ((variables["LLM_API_KEY"], "other key") if is_open else ("", ""))
    assert set(config["services"]["evaluator"]["networks"]) == {"evaluator"}
    network = config["networks"]["evaluator"]
    assert network["driver_opts"][MASQUERADE] == ("true" if is_open else "false")
    assert network["name"].endswith("_hosted") == is_open
    worker = config["services"]["worker"]["environment"]
    assert worker["LLM_API_KEY"] == variables.get("LLM_API_KEY", "")


def test_the_operator_can_open_the_evaluators_network_by_hand() -> None:
    by_hand = {"EVALUATOR_MASQUERADE": "true", "EVALUATOR_NETWORK_SUFFIX": "_hosted"}
    config = read_config(JUDGE_MODEL="rubric", LLM_API_KEY="key", **by_hand)
    network = config["networks"]["evaluator"]
    assert network["driver_opts"][MASQUERADE] == "true"
    assert network["name"].endswith("_hosted")
    assert config["services"]["evaluator"]["environment"]["LLM_API_KEY"] == ""


@pytest.mark.parametrize(
    ("setting", "service"),
    [
        ("BIND_HOST", "manager"),
        ("WORKER_BIND_HOST", "worker"),
        ("EVALUATOR_BIND_HOST", "evaluator"),
    ],
)
@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0", "192.0.2.7"])
def test_a_service_is_told_where_it_is_published(setting: str, service: str, host: str) -> None:
    described = read_config(**{setting: host})["services"][service]
    (port,) = described["ports"]
    assert described["environment"]["PUBLISHED_HOST"] == port["host_ip"] == (host or "127.0.0.1")
