"""The compose file and the Dockerfile, read as text: what Docker would only find out later."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from selfheal.runtime.plan import Credentials, optimizer_environment, plan_processes
from services.common.config import Settings
from services.common.version import package_version

ROOT = Path(__file__).parents[3]
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)["services"]
OURS = [name for name, service in SERVICES.items() if "selfheal/" in service["image"]]
# Inside a container, ports and folders are its own: only what is published can be set.
FIXED_INSIDE = {"MANAGER_PORT", "WORKER_PORT", "EVALUATOR_PORT", "SELFHEAL_HOME", "TASK_TYPES_DIR"}
SECRETS = {
    "PGPASSWORD": {"migrate", "worker", "manager", "optimizer", "autopilot", "selfheal"},
    "INTERNAL_TOKEN": {"worker", "evaluator", "optimizer", "autopilot", "selfheal"},
    "NOTIFY_WEBHOOK_URL": {"optimizer", "autopilot", "selfheal"},
    "LLM_API_KEY": {"worker", "evaluator", "manager", "optimizer", "autopilot", "selfheal"},
    "OPENAI_API_KEY": {"evaluator", "manager", "optimizer", "autopilot", "selfheal"},
}


def embedded_variables() -> dict[str, set[str]]:
    """The variables that each process of the embedded system is configured by."""
    settings = Settings(_env_file=None, llm_api_key=SecretStr("key"))
    stages = plan_processes(settings, Credentials("postgresql://db/agent_system", "token"))
    planned = {spec.name: set(spec.environment) for stage in stages for spec in stage}
    optimizer = set(optimizer_environment(settings, Credentials()))
    return planned | {"optimizer": optimizer, "autopilot": optimizer}


@pytest.mark.parametrize("service", ["manager", "worker", "evaluator", "optimizer", "autopilot"])
def test_a_container_takes_the_settings_that_the_embedded_process_takes(service: str) -> None:
    given = set(SERVICES[service]["environment"])
    assert embedded_variables()[service] - FIXED_INSIDE <= given


@pytest.mark.parametrize(("secret", "holders"), SECRETS.items())
def test_a_secret_goes_to_those_who_need_it(secret: str, holders: set[str]) -> None:
    assert {name for name in OURS if secret in SERVICES[name].get("environment", {})} == holders


def test_every_variable_has_a_default_and_is_explained() -> None:
    used = re.findall(r"\$\{(\w+)(:[-+])?", COMPOSE_TEXT)
    assert used
    assert [name for name, default in used if not default] == []
    explained = set(re.findall(r"^# (\w+)=", EXAMPLE, re.M))
    assert {name for name, _ in used} <= explained


def test_every_setting_is_explained() -> None:
    explained = set(re.findall(r"^#\s+(?:export )?(\w+)=", EXAMPLE, re.M))
    optional = {name.upper() for name in Settings.model_fields if name.startswith("otel_")}
    assert {name.upper() for name in Settings.model_fields} - optional <= explained


@pytest.mark.parametrize("service", OURS)
def test_each_of_our_images_has_a_target_and_the_version(service: str) -> None:
    assert SERVICES[service]["image"].endswith(f":{package_version()}")
    if "build" in SERVICES[service]:
        assert re.search(rf"^FROM \S+ AS {SERVICES[service]['build']['target']}$", DOCKERFILE, re.M)


@pytest.mark.parametrize("service", OURS)
def test_each_of_our_containers_is_hardened(service: str) -> None:
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["init"] is True
    assert described["pids_limit"] <= 512
    assert "mem_limit" in described
    assert "privileged" not in described
    assert "cap_add" not in described


def test_every_port_is_published_on_an_address_that_defaults_to_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 5
    assert all(port.startswith("${BIND_HOST:-127.0.0.1}:") for port in ports)


def test_the_evaluator_is_on_no_network_of_the_database() -> None:
    (network,) = SERVICES["evaluator"]["networks"]
    assert network == "${EVALUATOR_NETWORK:-evaluator${LLM_API_KEY:+_open}}"
    assert "database" not in network
    assert "PGPASSWORD" not in SERVICES["evaluator"]["environment"]


@pytest.mark.parametrize("service", sorted(SECRETS["INTERNAL_TOKEN"] - {"selfheal"}))
def test_who_reads_the_token_waits_until_it_is_written_and_cannot_change_it(service: str) -> None:
    described = SERVICES[service]
    folder = str(Path(described["environment"]["INTERNAL_TOKEN_FILE"]).parent)
    assert f"internal-token:{folder}:ro" in described["volumes"]
    assert described["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert f"internal-token:{folder}" in SERVICES["migrate"]["volumes"]


def test_the_dockerfile_is_one_that_every_builder_takes() -> None:
    assert not re.search(r"^# *syntax *=", DOCKERFILE, re.M)
    instructions = re.sub(r"^#.*$", "", DOCKERFILE, flags=re.M)
    assert "<<" not in instructions
    assert "--mount" not in instructions
    bases = set(re.findall(r"^FROM ([\w./-]+:\S+)", DOCKERFILE, re.M))
    assert bases == {"python:3.13-slim-trixie"}


def test_no_image_of_ours_is_made_by_root_alone() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
    users = {stage.split()[2]: "USER 10001:10001" in stage for stage in stages}
    assert users["runtime"]
    assert users["local"]
