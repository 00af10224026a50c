"""The chart's one list of settings, beside what the services read and what Compose hands on."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.common.config import (
    ConsoleSettings,
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    WorkerSettings,
)
from services.common.settings.process import ProcessSettings

ROOT = Path(__file__).parents[3]
LIST: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy/helm/selfheal/files/settings.yaml").read_text(encoding="utf-8")
)
SECTIONS = ("settings", "credentials", "made", "wired")
READ_BY: dict[str, type[ProcessSettings]] = {
    "manager": ManagerSettings,
    "worker": WorkerSettings,
    "evaluator": EvaluatorSettings,
    "console": ConsoleSettings,
    "optimizer": OptimizerSettings,
}
UNUSED = set(LIST["unused"].split())
# It runs and ends: it listens nowhere, and OpenTelemetry's SDK reads these by itself.
BESIDE: dict[str, tuple[set[str], set[str]]] = {
    "optimizer": ({"BIND_HOST"}, {name for name in LIST["settings"] if name.startswith("OTEL_")}),
    "console": ({"BIND_HOST"}, set()),
}
# Compose has files in volumes, a model of its own, and ports that are published on its host.
COMPOSES_OWN = {
    "INTERNAL_TOKEN_FILE", "END_USER_KEY_FILE", "PUBLISHED_HOST", "CONSOLE_PUBLISHED_HOST",
    "ALLOW_OPEN", "REQUIRE_KEYS",
}  # fmt: skip


def listed(service: str) -> set[str]:
    return {
        name
        for section in SECTIONS
        for name, services in LIST[section].items()
        if service in services.split()
    }


@pytest.mark.parametrize("service", READ_BY)
def test_the_list_has_what_a_service_reads(service: str) -> None:
    read = {name.upper() for name in READ_BY[service].model_fields}
    without, beside = BESIDE.get(service, (set(), set()))
    assert listed(service) == (read - UNUSED - without) | beside


@pytest.mark.parametrize("service", READ_BY)
def test_compose_hands_on_what_the_list_has(compose: dict[str, Any], service: str) -> None:
    described = compose["services"][service]
    given = set(described["environment"])
    if service == "evaluator":  # its keys come from a file, where a hosted model judges
        given |= {"LLM_API_KEY", "OPENAI_API_KEY"}
    assert given - COMPOSES_OWN == listed(service)


def test_a_name_stands_in_one_section_alone() -> None:
    names = [name for section in SECTIONS for name in LIST[section]] + sorted(UNUSED)
    assert sorted(names) == sorted(set(names))


def test_a_line_names_services_that_there_are() -> None:
    named = {one for section in SECTIONS for text in LIST[section].values() for one in text.split()}
    assert named == {*READ_BY, "toolbox"}


def test_the_command_line_gets_what_composes_has(compose: dict[str, Any]) -> None:
    given = set(compose["services"]["selfheal"]["environment"])
    # Its key and its database user are wired in the template, and no pod mounts another's spool.
    beside = {"PGPASSWORD", "SELFHEAL_API_KEY", "SPOOL_DIR"}
    assert given - COMPOSES_OWN - beside == listed("toolbox") | listed("optimizer")
