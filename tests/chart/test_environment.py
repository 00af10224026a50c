"""The containers' environment: from the one list, as the services read it, secrets by reference."""

import json
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from services.common.config import (
    ConsoleSettings,
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    WorkerSettings,
)
from services.common.settings.process import ProcessSettings

from .conftest import (
    CHART,
    COMBINATIONS,
    EXTERNAL,
    Document,
    component_of,
    environment_of,
    find,
    find_pod,
    pods_of,
    render_documents,
)

LIST: dict[str, Any] = yaml.safe_load((CHART / "files/settings.yaml").read_text(encoding="utf-8"))
READ_BY: dict[str, type[ProcessSettings]] = {
    "manager": ManagerSettings,
    "worker": WorkerSettings,
    "evaluator": EvaluatorSettings,
    "console": ConsoleSettings,
    "optimizer": OptimizerSettings,
}
ANYTHING = dict.fromkeys(LIST["settings"], "1")


def readers(section: str, service: str) -> set[str]:
    return {name for name, services in LIST[section].items() if service in services.split()}


def our_services(documents: list[Document]) -> dict[str, dict[str, dict[str, Any]]]:
    pods = {component_of(pod): pod for _, pod in pods_of(documents)}
    return {name: environment_of(pods[name]) for name in READ_BY if name in pods}


def test_each_service_gets_the_settings_that_it_reads() -> None:
    values = COMBINATIONS["hosted"] | {"settings": ANYTHING | {"JUDGE_MODEL": "openai:gpt-4.1"}}
    values |= {"database": {"existingSecret": "our-database", "pooler": True}}
    values |= {"prices": {"configMap": "our-prices"}}
    for service, given in our_services(render_documents(values)).items():
        sections = ("settings", "credentials", "made", "wired")
        listed = set().union(*(readers(section, service) for section in sections))
        assert set(given) == listed, service


def test_prices_are_read_where_they_are_mounted() -> None:
    for component in ("manager", "optimizer", "toolbox"):
        pod = find_pod(render_documents(COMBINATIONS["hosted"]), component)
        (container,) = pod["spec"]["containers"]
        (place,) = (one for one in container["volumeMounts"] if one["name"] == "prices")
        given = environment_of(pod)["PRICES_FILE"]["value"]
        assert given == f"{place['mountPath']}/prices.toml"
    assert "PRICES_FILE" not in environment_of(find_pod(render_documents(EXTERNAL), "manager"))


def test_what_runs_the_tests_has_no_more_than_it_takes() -> None:
    given = environment_of(find_pod(render_documents(COMBINATIONS["hosted"]), "test"))
    assert set(given) == {"MANAGER_URL", "SELFHEAL_HOME", "SELFHEAL_API_KEY", "DATABASE_URL"}


@pytest.mark.parametrize("kind", ["autopilot", "cronjob"])
def test_a_setting_of_zero_or_nothing_is_handed_on(kind: str) -> None:
    settings = {"LLM_SEED": 0, "LLM_TEMPERATURE": 0.0, "CANARY_STEPS": "", "LLM_PROVIDER": ""}
    values = EXTERNAL | {"settings": settings, "optimizer": {"kind": kind}}
    given = environment_of(find_pod(render_documents(values), "optimizer"))
    assert {name: given[name]["value"] for name in settings} == {
        "LLM_SEED": "0",
        "LLM_TEMPERATURE": "0",
        "CANARY_STEPS": "",
        "LLM_PROVIDER": "",
    }


def test_what_it_gets_is_valid(documents: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHART)
    for service, given in our_services(documents).items():
        plain = {
            name.lower(): one["value"]
            for name, one in given.items()
            if "value" in one and not name.endswith("_FILE") and name.lower() != "database_url"
        }
        READ_BY[service](_env_file=None, **plain)


def test_what_is_secret_comes_from_a_secret_and_nothing_else_does() -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    for service, given in our_services(documents).items():
        secret = {
            name.upper()
            for name, field in READ_BY[service].model_fields.items()
            if "SecretStr" in str(field.annotation) or isinstance(field.default, SecretStr)
        }
        referred = {name for name, one in given.items() if "valueFrom" in one}
        assert referred == secret & set(given)


def test_each_comes_into_the_database_by_a_url_of_its_own(default: list[Document]) -> None:
    keys = {
        component_of(pod): variable["valueFrom"]["secretKeyRef"]
        for _, pod in pods_of(default)
        for variable in environment_of(pod).values()
        if variable["name"] in ("DATABASE_URL", "CONSOLE_DATABASE_URL")
        and component_of(pod) != "migrate"
    }
    assert {one: ref["key"] for one, ref in keys.items()} == {
        "manager": "MANAGER_DATABASE_URL",
        "worker": "WORKER_DATABASE_URL",
        "optimizer": "OPTIMIZER_DATABASE_URL",
        "toolbox": "DATABASE_URL",
        "test": "DATABASE_URL",
    }
    assert {ref["name"] for ref in keys.values()} == {"our-database"}


@pytest.mark.parametrize(
    ("settings", "hosted"),
    [
        ({}, False),
        ({"LLM_PROVIDER": "openai"}, True),
        ({"LLM_PROVIDER": "openai", "JUDGE_MODEL": "rubric"}, False),
        ({"LLM_PROVIDER": "OpenAI"}, True),
        ({"LLM_PROVIDER": "local"}, False),
        ({"LLM_PROVIDER": "local", "JUDGE_MODEL": "openai:gpt-4.1"}, True),
        ({"LLM_PROVIDER": "simulated", "JUDGE_MODEL": "anthropic:claude"}, True),
    ],
)
def test_key_and_way_out_go_to_the_evaluator_where_a_hosted_model_judges(
    settings: dict[str, str], hosted: bool
) -> None:
    values = EXTERNAL | {"settings": settings, "credentials": {"existingSecret": "ours"}}
    documents = render_documents(values)
    given = environment_of(find_pod(documents, "evaluator"))
    assert {"LLM_API_KEY", "OPENAI_API_KEY"} & set(given) == (
        {"LLM_API_KEY", "OPENAI_API_KEY"} if hosted else set()
    )
    policy = find(documents, "NetworkPolicy", "evaluator")["spec"]
    assert "Egress" in policy["policyTypes"]
    assert bool(policy["egress"]) == hosted


def test_secrets_of_the_chart_are_made_anew_for_each_release_and_are_long() -> None:
    documents = render_documents(EXTERNAL), render_documents(EXTERNAL, "other")
    made = [
        {one["metadata"]["name"]: one["data"] for one in of if one["kind"] == "Secret"}
        for of in documents
    ]
    values = [value for secrets in made for data in secrets.values() for value in data.values()]
    assert len(values) == len(set(values)) == 8
    assert set(made[0]) == {"prod-selfheal-internal", "prod-selfheal-first-key"}
    assert set(made[0]["prod-selfheal-internal"]) == {*LIST["made"], "CONSOLE_TOKEN"}
    assert min(len(value) for value in values) >= 43


def test_the_first_key_is_one_that_the_command_takes(default: list[Document]) -> None:
    from base64 import b64decode

    from services.common.access.keys import read_key

    secret = find(default, "Secret", "first-key")
    assert read_key(b64decode(secret["data"]["KEY"]).decode()) is not None
    manager = find_pod(default, "manager")
    (taking,) = (one for one in manager["spec"]["initContainers"] if one["name"] == "first-key")
    file = taking["args"][-1].removeprefix("--from-file=")
    (mount,) = (one for one in taking["volumeMounts"] if one["name"] == "first-key")
    (volume,) = (one for one in manager["spec"]["volumes"] if one["name"] == "first-key")
    (item,) = volume["secret"]["items"]
    assert file == f"{mount['mountPath']}/{item['path']}"
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]


def test_secrets_of_the_users_take_the_place_of_ours() -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    assert [one for one in documents if one["kind"] == "Secret"] == []
    text = json.dumps(documents)
    assert all(name in text for name in ("our-token", "our-key", "our-credentials"))


def test_numbers_reach_the_environment_as_they_are_written() -> None:
    settings = {"SPOOL_MAX_BYTES": 268435456, "LLM_TEMPERATURE": 0.2, "KEEP_BINARY_PARTS": True}
    given = environment_of(find_pod(render_documents(EXTERNAL | {"settings": settings}), "manager"))
    assert {name: given[name]["value"] for name in settings} == {
        "SPOOL_MAX_BYTES": "268435456",
        "LLM_TEMPERATURE": "0.2",
        "KEEP_BINARY_PARTS": "true",
    }


def test_manager_and_console_know_one_another() -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    manager, console = (environment_of(find_pod(documents, one)) for one in ("manager", "console"))
    host = console["MANAGER_URL"]["value"].removeprefix("http://").partition(":")[0]
    assert host in manager["ALLOWED_HOSTS"]["value"].split(",")
    headless = {
        one["metadata"]["name"]
        for one in documents
        if one["kind"] == "Service" and one["spec"].get("clusterIP") == "None"
    }
    trusted = manager["TRUSTED_PROXIES"]["value"].split(",")
    assert set(trusted) == headless | {"10.0.0.0/8"}
    assert console["TRUSTED_PROXIES"]["value"] == "10.0.0.0/8"
    for name in ("PUBLIC_URL", "CONSOLE_TOKEN_FILE"):
        assert manager[name] == console[name]


def test_the_toolbox_has_the_command_lines_settings_and_the_owners_way_in() -> None:
    settings = {"REQUIRE_SECOND_PERSON": "yes", "OPTIMIZER_MODE": "propose", "SANDBOX": "off"}
    given = environment_of(find_pod(render_documents(EXTERNAL | {"settings": settings}), "toolbox"))
    assert {name for name in settings if name in given} == {
        "REQUIRE_SECOND_PERSON",
        "OPTIMIZER_MODE",
    }
    assert given["DATABASE_URL"]["valueFrom"]["secretKeyRef"]["key"] == "DATABASE_URL"
    assert given["SELFHEAL_API_KEY"]["valueFrom"]["secretKeyRef"]["key"] == "KEY"
    assert "OPTIMIZER_TRIGGERED_BY" not in given
