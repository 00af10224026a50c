"""The compose file and the Dockerfile, read as text: what Docker would only find out later."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfheal.runtime.schema.roles import name_role
from services.common.config import (
    ConsoleSettings,
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    Settings,
    WorkerSettings,
)
from services.common.settings.process import ProcessSettings
from services.common.version import package_version
from services.console.app.pages.workshop import REPORT

ROOT = Path(__file__).parents[3]
JUDGES = ROOT / "deploy/judges"
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "selfheal/" in service["image"]]
READ_BY: dict[str, type[ProcessSettings]] = {
    "manager": ManagerSettings,
    "worker": WorkerSettings,
    "evaluator": EvaluatorSettings,
    "console": ConsoleSettings,
    "optimizer": OptimizerSettings,
    "autopilot": OptimizerSettings,
}
# Inside a container, ports, address, folders and its name are its own: only what is published can
# be set.
FIXED_INSIDE = {
    "MANAGER_PORT", "WORKER_PORT", "EVALUATOR_PORT", "LOCAL_MODEL_PORT", "SELFHEAL_HOME",
    "TASK_TYPES_DIR", "OTEL_SERVICE_NAME", "BIND_HOST", "CONSOLE", "CONSOLE_PORT",
}  # fmt: skip
# The console has an address of its own, and is never open to whoever reaches it.
NOT_HEEDED = {"console": {"ALLOW_OPEN", "PUBLISHED_HOST"}}
SECRETS = {
    "PGPASSWORD": {"migrate", "selfheal"},
    "INTERNAL_TOKEN": {"manager", "worker", "evaluator", "optimizer", "autopilot", "selfheal"},
    "OIDC_CLIENT_SECRET": {"manager"},
    "END_USER_KEY": {"manager", "selfheal"},
    "NOTIFY_WEBHOOK_URL": {"optimizer", "autopilot", "selfheal"},
    "LLM_API_KEY": {"worker", "evaluator", "manager", "optimizer", "autopilot", "selfheal"},
    "OPENAI_API_KEY": {"worker", "evaluator", "manager", "optimizer", "autopilot", "selfheal"},
}


def read_env_file(service: str) -> dict[str, str]:
    """What a service's first env file, which must be there, says."""
    first, *_ = SERVICES[service].get("env_file", [None])
    lines = (ROOT / first).read_text(encoding="utf-8").splitlines() if first else []
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize(("service", "read_by"), READ_BY.items())
def test_a_container_gets_the_settings_that_its_service_reads(
    service: str, read_by: type[ProcessSettings]
) -> None:
    given = set(SERVICES[service]["environment"]) | set(read_env_file(service))
    read = {name.upper() for name in read_by.model_fields}
    assert read - FIXED_INSIDE - NOT_HEEDED.get(service, set()) <= given
    of_others = {name.upper() for name in Settings.model_fields} - read
    assert {name for name in given & of_others if not name.startswith("OTEL_")} == set()


@pytest.mark.parametrize(("secret", "holders"), SECRETS.items())
def test_a_secret_goes_to_those_who_need_it(secret: str, holders: set[str]) -> None:
    given = {
        name: {**SERVICES[name].get("environment", {}), **read_env_file(name)} for name in OURS
    }
    assert {name for name in OURS if secret in given[name]} == holders


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


@pytest.mark.parametrize("service", [*OURS, "prometheus", "grafana"])
def test_each_container_but_the_databases_is_hardened(service: str) -> None:
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["init"] is True
    assert described["pids_limit"] <= 512
    assert "mem_limit" in described
    assert "privileged" not in described
    assert "cap_add" not in described


def test_each_port_is_published_on_loopback_unless_it_is_asked_for_by_itself() -> None:
    hosts = {
        name: port.removeprefix("${").partition(":")
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
    }
    assert {host for host, _, _ in hosts.values()} == {
        "BIND_HOST", "POSTGRES_BIND_HOST", "WORKER_BIND_HOST", "EVALUATOR_BIND_HOST",
        "PROMETHEUS_BIND_HOST", "GRAFANA_BIND_HOST", "CONSOLE_BIND_HOST",
    }  # fmt: skip
    assert hosts["manager"][0] == "BIND_HOST"
    assert all(rest.startswith("-127.0.0.1}:") for _, _, rest in hosts.values())


def test_the_evaluator_is_on_no_network_of_the_database() -> None:
    assert SERVICES["evaluator"]["networks"] == ["evaluator"]
    assert "PGPASSWORD" not in SERVICES["evaluator"]["environment"]


@pytest.mark.parametrize("service", sorted(SECRETS["INTERNAL_TOKEN"] - {"selfheal"}))
def test_who_reads_the_token_waits_until_it_is_written_and_cannot_change_it(service: str) -> None:
    described = SERVICES[service]
    folder = str(Path(described["environment"]["INTERNAL_TOKEN_FILE"]).parent)
    assert f"internal-token:{folder}:ro" in described["volumes"]
    assert described["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert f"internal-token:{folder}" in SERVICES["migrate"]["volumes"]


@pytest.mark.parametrize("of", ["manager", "worker", "optimizer", "console"])
def test_a_database_users_password_is_in_a_volume_that_its_service_alone_reads(of: str) -> None:
    folder = f"/var/lib/selfheal-{of}"
    holders = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if str(volume).startswith(f"{of}-password:")
    }
    assert holders.pop("migrate") == f"{of}-password:{folder}"
    assert f"--{of}-password-file={folder}/passfile" in SERVICES["migrate"]["command"]
    assert folder in DOCKERFILE
    own = {of, "autopilot"} if of == "optimizer" else {of}
    assert holders == dict.fromkeys(own, f"{of}-password:{folder}:ro")


@pytest.mark.parametrize("service", ["manager", "worker", "optimizer", "autopilot"])
def test_each_comes_in_as_its_own_user(service: str) -> None:
    of = "optimizer" if service == "autopilot" else service
    url = SERVICES[service]["environment"]["DATABASE_URL"]
    assert url.startswith(f"postgresql://{name_role('agent_system', of)}@")
    assert url.endswith(f"?passfile=/var/lib/selfheal-{of}/passfile")


def test_the_console_comes_in_as_a_user_who_only_reads_and_holds_no_other_secret() -> None:
    console = SERVICES["console"]
    url = console["environment"]["CONSOLE_DATABASE_URL"]
    assert url.startswith(f"postgresql://{name_role('agent_system', 'console')}@")
    assert url.endswith("?passfile=/var/lib/selfheal-console/passfile")
    assert "console-password:/var/lib/selfheal-console:ro" in console["volumes"]
    assert not {"DATABASE_URL", *SECRETS} & console["environment"].keys()
    assert console["profiles"] == ["console"]


def test_by_its_token_the_manager_knows_the_console_alone() -> None:
    folder = "/var/lib/selfheal-console-token"
    mounts = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if str(volume).startswith("console-token:")
    }
    assert mounts == {
        "migrate": f"console-token:{folder}",
        "manager": f"console-token:{folder}:ro",
        "console": f"console-token:{folder}:ro",
    }
    assert folder in DOCKERFILE
    assert f"--console-token-file={folder}/token" in SERVICES["migrate"]["command"]
    for name in ("manager", "console"):
        assert SERVICES[name]["environment"]["CONSOLE_TOKEN_FILE"] == f"{folder}/token"


def test_names_of_end_users_are_hashed_with_what_the_manager_and_the_operator_alone_have() -> None:
    folder = "/var/lib/selfheal-end-users"
    mounts = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if str(volume).startswith("end-user-key:")
    }
    assert mounts == {
        "migrate": f"end-user-key:{folder}",
        "manager": f"end-user-key:{folder}:ro",
        "selfheal": f"end-user-key:{folder}:ro",
    }
    assert folder in DOCKERFILE
    assert f"--end-user-key-file={folder}/key" in SERVICES["migrate"]["command"]
    # The command line erases from the Manager's spool as well.
    for name in ("manager", "selfheal"):
        given = SERVICES[name]["environment"]
        assert given["END_USER_KEY_FILE"] == f"{folder}/key"
        assert given["SPOOL_DIR"] == "/var/lib/selfheal/spool"
        assert "manager-spool:/var/lib/selfheal" in SERVICES[name]["volumes"]


def test_nothing_that_runs_models_or_their_code_reaches_the_console() -> None:
    reached = set(SERVICES["console"]["networks"])
    beside = {name for name in SERVICES if reached & set(SERVICES[name].get("networks", ()))}
    assert beside.isdisjoint({"evaluator", "local-model", "prometheus"})
    assert "manager" in beside


def test_the_console_reads_the_last_grading_where_it_is_written() -> None:
    assert f"./{REPORT.parent}:/srv/{REPORT.parent}:ro" in SERVICES["console"]["volumes"]


def interpolate(text: str, variables: dict[str, str]) -> str:
    """Do what Compose does with `${A:-b}` and `${A:+b}`, from the innermost outwards."""
    pattern = re.compile(r"\$\{(\w+):([-+])([^${}]*)\}")

    def replace(found: re.Match[str]) -> str:
        value = variables.get(found[1], "")
        return (value or found[3]) if found[2] == "-" else (value and found[3])

    while (replaced := pattern.sub(replace, text)) != text:
        text = replaced
    return text


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"JUDGE_MODEL": "rubric", "LLM_API_KEY": "key"},
        {"JUDGE_MODEL": "rubric", "LLM_PROVIDER": "openai", "LLM_API_KEY": "key"},
        {"JUDGE_MODEL": "local", "LLM_API_KEY": "key"},
        {"LLM_PROVIDER": "local", "LLM_API_KEY": "key"},
        {"LLM_PROVIDER": "simulated", "LLM_API_KEY": "key"},
        {"LLM_API_KEY": "key"},
        {"LLM_PROVIDER": "anthropic", "LLM_API_KEY": "key"},
        {"LLM_PROVIDER": "local", "JUDGE_MODEL": "openai:gpt-4.1", "OPENAI_API_KEY": "key"},
        {"LLM_API_KEY": "key", "JUDGE_MODEL": "openai:org/model"},
    ],
    ids=lambda variables: " ".join(f"{name}={value}" for name, value in variables.items()) or "-",
)
def test_key_and_way_out_go_to_the_evaluator_where_a_hosted_model_judges(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUDGE_MODEL", "LLM_PROVIDER", "LLM_API_KEY", "OPENAI_API_KEY", "LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    provider = Settings(_env_file=None, **{k.lower(): v for k, v in variables.items()}).llm_provider  # type: ignore[arg-type]
    judge = variables.get("JUDGE_MODEL") or provider
    (include,) = COMPOSE["include"]
    _, closing = SERVICES["evaluator"]["env_file"]

    folder = interpolate(include["project_directory"], variables)
    assert interpolate(closing["path"], variables) == f"{folder}/.env"
    is_closed = (ROOT / folder / ".env").is_file()
    assert is_closed == (judge in {"rubric", "simulated", "local"})


def test_each_judge_that_is_not_hosted_takes_the_keys_and_closes_the_network() -> None:
    closing = {file.parent.name: file.read_text(encoding="utf-8") for file in JUDGES.rglob(".env")}
    assert set(closing) == {"judges", "rubric", "simulated", "local"}
    (text,) = set(closing.values())
    lines = set(text.splitlines())
    assert {f"{name}=" for name in read_env_file("evaluator")} <= lines
    network = yaml.safe_load((JUDGES / "network.yaml").read_text(encoding="utf-8"))["networks"]
    options = network["evaluator"]["driver_opts"]
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == (
        "${EVALUATOR_MASQUERADE:-true}"
    )
    assert "EVALUATOR_MASQUERADE=false" in lines


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
