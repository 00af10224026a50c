import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from selfheal.runtime.process_plan import (
    Credentials,
    needs_local_model,
    optimizer_environment,
    plan_processes,
)
from services.common.config import (
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    Settings,
    WorkerSettings,
)
from services.common.settings.process import ProcessSettings

CREDENTIALS = Credentials("postgresql://agent:secret@127.0.0.1:5432/agent_system", "token")


class GivenSettings(Settings):
    """Settings of the values given, whatever the environment says."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Any, **_: Any
    ) -> tuple[Any, ...]:
        return (init_settings,)


def make_settings(**values: object) -> Settings:
    return GivenSettings(**{"llm_provider": "simulated", **values})


def plan(settings: Settings) -> dict[str, dict[str, str]]:
    stages = plan_processes(settings, CREDENTIALS)
    return {spec.name: dict(spec.environment) for stage in stages for spec in stage}


def names(settings: Settings) -> list[list[str]]:
    return [[spec.name for spec in stage] for stage in plan_processes(settings, CREDENTIALS)]


def test_the_manager_starts_after_what_it_calls() -> None:
    assert names(make_settings()) == [["worker", "evaluator"], ["manager"], ["console"]]


def test_the_console_is_left_out_where_it_is_off_or_has_no_way_into_the_database() -> None:
    own = {"database_url": "postgresql://own.example/db"}
    for given in ({"console": "off"}, own, own | {"console": "off"}):
        assert "console" not in plan(make_settings(**given))
    given = own | {"console_database_url": "postgresql://reader@own.example/db"}
    assert "console" in plan(make_settings(**given))


def test_the_console_has_a_place_and_a_database_user_of_its_own() -> None:
    settings = make_settings(bind_host="0.0.0.0", console_bind_host="127.0.0.1", console_port=8123)
    credentials = replace(CREDENTIALS, service_urls={"console": "postgresql://reader@127.0.0.1/db"})
    *_, (spec,) = plan_processes(settings, credentials)
    assert spec.is_optional
    assert (spec.host, spec.port, spec.port_setting) == ("127.0.0.1", 8123, "CONSOLE_PORT")
    assert spec.ready_url == "http://127.0.0.1:8123/health/ready"
    assert spec.environment["CONSOLE_DATABASE_URL"] == "postgresql://reader@127.0.0.1/db"
    assert spec.environment["MANAGER_URL"] == settings.manager_url
    assert not {"DATABASE_URL", "INTERNAL_TOKEN", "LLM_API_KEY"} & spec.environment.keys()
    assert {"DATABASE_URL", "INTERNAL_TOKEN", "LLM_API_KEY", "PGPASSWORD"} <= spec.withheld


def test_the_local_model_is_served_only_where_it_is_used() -> None:
    assert names(make_settings(llm_provider="local"))[0] == ["local-model"]
    elsewhere = make_settings(llm_provider="local", llm_base_url="http://127.0.0.1:9999/v1")
    assert not needs_local_model(elsewhere)
    assert needs_local_model(make_settings(refiner_model="local:SmolLM2"))
    assert needs_local_model(make_settings(llm_fallbacks="simulated:simulated, local:SmolLM2"))
    moved = make_settings(llm_provider="local", local_model_port=9999)
    assert needs_local_model(moved)
    in_a_container = "http://local-model:8010/v1"
    for uses in ({"llm_provider": "local"}, {"judge_model": "local:SmolLM2"}):
        assert not needs_local_model(make_settings(local_model_url=in_a_container, **uses))


def test_the_autopilot_starts_after_the_services_and_listens_on_no_port() -> None:
    *_, (optimizer,), _ = plan_processes(make_settings(), CREDENTIALS, autopilot=True)
    assert optimizer.name == "optimizer"
    assert optimizer.command[-1] == "--watch"
    assert (optimizer.port, optimizer.ready_url, optimizer.address) == (None, "", "")
    assert optimizer.environment["OPTIMIZER_TRIGGERED_BY"] == "autopilot"


def test_the_webhook_goes_to_the_optimizer_alone() -> None:
    settings = make_settings(llm_provider="local", notify_webhook_url="https://hooks/secret")
    stages = plan_processes(settings, CREDENTIALS, autopilot=True)
    inherited = {"NOTIFY_WEBHOOK_URL": "mine"}
    got = {spec.name: spec.child_environment(inherited) for stage in stages for spec in stage}
    assert {name: environment.get("NOTIFY_WEBHOOK_URL") for name, environment in got.items()} == {
        "local-model": None,
        "worker": None,
        "evaluator": None,
        "manager": None,
        "console": None,
        "optimizer": "https://hooks/secret",
    }
    assert "hooks" not in repr(stages)


def test_the_key_of_end_users_names_goes_to_the_manager_alone() -> None:
    credentials = replace(CREDENTIALS, end_user_key="keyed")
    stages = plan_processes(make_settings(), credentials, autopilot=True)
    inherited = {"END_USER_KEY": "mine", "END_USER_KEY_FILE": "mine"}
    for spec in (spec for stage in stages for spec in stage):
        got = spec.child_environment(inherited)
        assert got.get("END_USER_KEY") == ("keyed" if spec.name == "manager" else None)
        assert not got.get("END_USER_KEY_FILE")
    assert "keyed" not in repr((stages, credentials))


def test_secrets_go_only_where_they_are_needed() -> None:
    variables = plan(make_settings(llm_provider="local", llm_api_key="key"))
    assert {name for name in variables if "DATABASE_URL" in variables[name]} == {
        "manager",
        "worker",
    }
    assert {name for name in variables if "INTERNAL_TOKEN" in variables[name]} == {
        "manager",
        "worker",
        "evaluator",
    }


def test_each_gets_into_the_database_as_its_own_user() -> None:
    own = {name: f"postgresql://{name}:own@127.0.0.1/db" for name in ("manager", "optimizer")}
    credentials = replace(CREDENTIALS, service_urls=own)
    stages = plan_processes(make_settings(), credentials, autopilot=True)
    urls = {
        spec.name: spec.environment["DATABASE_URL"]
        for stage in stages
        for spec in stage
        if "DATABASE_URL" in spec.environment
    }
    assert urls == {**own, "worker": CREDENTIALS.database_url}
    assert "own" not in repr(credentials)


def test_past_a_pooler_the_optimizer_goes_as_its_own_user() -> None:
    direct = "postgresql://owner:secret@db.example:5432/real"
    settings = make_settings(database_direct_url=direct)
    assert optimizer_environment(settings, CREDENTIALS)["DATABASE_DIRECT_URL"] == direct
    own = {"optimizer": "postgresql://own:pw@pooler.example:6432/alias?passfile=/etc/own"}
    credentials = replace(CREDENTIALS, service_urls=own)
    assert optimizer_environment(settings, credentials)["DATABASE_DIRECT_URL"] == (
        "postgresql://own:pw@db.example:5432/real?passfile=/etc/own"
    )


def test_secrets_that_a_process_does_not_need_are_not_inherited_either() -> None:
    stages = plan_processes(make_settings(llm_provider="local"), CREDENTIALS)
    inherited = {
        "DATABASE_URL": "mine",
        "INTERNAL_TOKEN": "mine",
        "INTERNAL_TOKEN_FILE": "mine",
        "LLM_API_KEY": "mine",
        "OPENAI_API_KEY": "mine",
        "PGPASSWORD": "mine",
        "POSTGRES_PASSWORD": "mine",
        "SELFHEAL_API_KEY": "mine",
    }
    got = {spec.name: spec.child_environment(inherited) for stage in stages for spec in stage}
    assert "DATABASE_URL" not in got["evaluator"]
    assert all("SELFHEAL_API_KEY" not in environment for environment in got.values())
    assert "OPENAI_API_KEY" in got["worker"]
    assert all("INTERNAL_TOKEN_FILE" not in environment for environment in got.values())
    assert got["local-model"] == {}
    of_the_database = {name for name in got if "PGPASSWORD" in got[name]}
    assert of_the_database == {"worker", "manager"}
    assert "POSTGRES_PASSWORD" not in got["evaluator"]


def test_no_secret_is_on_a_command_line() -> None:
    stages = plan_processes(make_settings(llm_api_key="key"), CREDENTIALS)
    words = {word for stage in stages for spec in stage for word in spec.command}
    assert words.isdisjoint({"key", CREDENTIALS.database_url, CREDENTIALS.internal_token})


def test_a_setting_that_is_unset_hides_what_would_be_inherited() -> None:
    variables = plan(make_settings(llm_base_url=""))["worker"]
    assert variables["LLM_BASE_URL"] == ""
    assert variables["LLM_API_KEY"] == ""


@pytest.mark.parametrize(
    ("changes", "concerned"),
    [
        ({"llm_temperature": 0.5}, {"manager", "worker", "evaluator"}),
        ({"judge_model": "rubric"}, {"evaluator"}),
        ({"refiner_model": "openai:gpt"}, {"manager"}),
        ({"optimizer_failure_threshold": 9}, set()),
        ({"worker_port": 9001}, {"worker", "manager"}),
        ({"log_level": "DEBUG"}, {"manager", "worker", "evaluator", "console"}),
    ],
)
def test_a_changed_setting_renews_the_services_that_it_concerns(
    changes: dict[str, object], concerned: set[str]
) -> None:
    before, after = (
        {
            spec.name: spec.config_hash
            for stage in plan_processes(settings, CREDENTIALS)
            for spec in stage
        }
        for settings in (make_settings(), make_settings(**changes))
    )
    assert {name for name in before if before[name] != after[name]} == concerned


def test_ports_come_with_the_setting_that_moves_them() -> None:
    stages = plan_processes(make_settings(llm_provider="local"), CREDENTIALS)
    ports = {spec.port_setting: spec.port for stage in stages for spec in stage}
    assert ports == {
        "LOCAL_MODEL_PORT": 8010,
        "WORKER_PORT": 8001,
        "EVALUATOR_PORT": 8002,
        "MANAGER_PORT": 8000,
        "CONSOLE_PORT": 8003,
    }


def test_the_optimizer_gets_what_it_needs_to_reach_the_system() -> None:
    variables = optimizer_environment(make_settings(optimizer_model="openai:o"), CREDENTIALS)
    assert variables["DATABASE_URL"] == CREDENTIALS.database_url
    assert variables["INTERNAL_TOKEN"] == "token"
    assert variables["WORKER_URL"] == "http://127.0.0.1:8001"
    assert variables["EVALUATOR_URL"] == "http://127.0.0.1:8002"
    assert variables["OPTIMIZER_MODEL"] == "openai:o"


@pytest.mark.parametrize(
    ("process", "read_by"),
    [
        ("manager", ManagerSettings),
        ("worker", WorkerSettings),
        ("evaluator", EvaluatorSettings),
        ("optimizer", OptimizerSettings),
    ],
)
def test_a_process_gets_the_settings_that_it_reads(
    process: str, read_by: type[ProcessSettings]
) -> None:
    stages = plan_processes(make_settings(), CREDENTIALS, autopilot=True)
    (given,) = [set(spec.environment) for stage in stages for spec in stage if spec.name == process]
    read = {name.upper() for name in read_by.model_fields}
    assert given - {"SELFHEAL_ENV_FILE"} <= read
    inherited = {name for name in read - given if name.startswith("OTEL_")}
    assert read - given - inherited <= {"INTERNAL_TOKEN_FILE", "END_USER_KEY_FILE"}


def test_a_changed_key_of_a_vendor_renews_whoever_may_ask_its_models() -> None:
    before, after = (plan(make_settings(openai_api_key=key)) for key in ("one", "two"))
    assert before["evaluator"] != after["evaluator"]
    assert before["worker"] != after["worker"]


def test_what_the_operator_set_is_what_the_optimizer_gets() -> None:
    settings = make_settings(
        optimizer_lookback_minutes=60,
        optimizer_max_calls=None,
        optimizer_mode="propose",
        notify_webhook_url="https://hooks/secret",
        worker_timeout_seconds=120,
    )
    variables = optimizer_environment(settings, CREDENTIALS)
    assert variables["OPTIMIZER_LOOKBACK_MINUTES"] == "60"
    assert variables["OPTIMIZER_MAX_CALLS"] == ""
    assert variables["OPTIMIZER_MODE"] == "propose"
    assert variables["NOTIFY_WEBHOOK_URL"] == "https://hooks/secret"
    assert variables["WORKER_TIMEOUT_SECONDS"] == "120.0"


def read_webhook(environment: Mapping[str, str], directory: Path) -> str:
    """Read the webhook as a program would that runs there: of any class, for any process."""
    program = (
        "from services.common.config import OptimizerSettings; "
        "webhook = OptimizerSettings().notify_webhook_url; "
        "print(webhook.get_secret_value() if webhook else '')"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_no_process_that_we_start_reads_the_file_that_holds_the_secrets_of_all(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("NOTIFY_WEBHOOK_URL=https://hooks/secret\n")
    inherited = {name: os.environ[name] for name in os.environ if "WEBHOOK" not in name}
    stages = plan_processes(make_settings(), CREDENTIALS, autopilot=True)
    started = [spec.child_environment(inherited) for stage in stages for spec in stage]
    started.append(inherited | optimizer_environment(make_settings(), CREDENTIALS))
    assert [read_webhook(environment, tmp_path) for environment in started] == [""] * 6
    assert read_webhook(inherited, tmp_path) == "https://hooks/secret"


def test_credentials_do_not_show_themselves() -> None:
    assert "secret" not in repr(CREDENTIALS)
    assert "token" not in repr(CREDENTIALS).replace("internal_token", "")
