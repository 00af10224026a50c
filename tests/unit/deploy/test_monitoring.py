import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from selfheal.cli.main import app as command_line
from services.common.config import Settings
from services.common.metrics import ServiceMetrics
from services.common.record.outcomes import DECISIONS
from services.evaluator.app.main import create_evaluator
from services.manager.app.main import create_manager
from services.manager.app.metrics import DatabaseCounter
from services.worker.app.main import create_worker

FOLDER = Path(__file__).parents[3] / "deploy" / "monitoring"
SEVERITIES = {"critical", "warning"}
OPERATORS = {"and", "or", "unless", "bool"}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()(?:\s*\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|=)\s*"([^"]*)"')


@dataclass(frozen=True)
class Sample:
    """What Prometheus knows of a value: its metric and its labels."""

    metric: str
    labels: dict[str, str]


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def load_rules() -> list[dict[str, Any]]:
    return [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]


RULES = load_rules()
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
DASHBOARD = json.loads((FOLDER / "grafana/dashboards/selfheal.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
MOST_BYTES = 900_000  # a ConfigMap takes a megabyte


def metrics_of(app: FastAPI) -> ServiceMetrics:
    """What an application of ours counts with."""
    (found,) = [one.kwargs["metrics"] for one in app.user_middleware if "metrics" in one.kwargs]
    assert isinstance(found, ServiceMetrics)
    return found


def show_every_label(registry: CollectorRegistry) -> None:
    """Give each metric that has labels, and no series yet, one."""
    for collector in list(registry._collector_to_names):
        if isinstance(collector, DatabaseCounter):
            collector.counts = {
                tuple(decision if name == "decision" else name for name in collector.labels): 1
                for decision in DECISIONS
            }
        elif isinstance(collector, MetricWrapperBase) and not any(
            metric.samples for metric in collector.collect()
        ):
            collector.labels(*collector._labelnames)


@cache
def scraped() -> list[Sample]:
    """Every series that Prometheus gets from the services, as their own code registers it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        settings = Settings(_env_file=None)
        apps = {
            "manager": create_manager(settings),
            "worker": create_worker(settings),
            "evaluator": create_evaluator(settings),
        }
    samples = []
    for job, app in apps.items():
        registry = metrics_of(app).registry
        show_every_label(registry)
        target = {"job": job, "instance": f"{job}:1"}
        samples.append(Sample("up", target))
        samples += [
            Sample(sample.name, {**sample.labels, **target})
            for metric in registry.collect()
            for sample in metric.samples
        ]
    return samples


def selectors_in(expression: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """The metrics that an expression reads, each with its label matchers."""
    plain = re.sub(r"\[\w+\]", "", GROUPING.sub("", expression))
    for found in SELECTOR.finditer(plain):
        if found[1] not in OPERATORS:
            yield found[1], MATCHER.findall(found[2] or "")


def matches(sample: Sample, metric: str, matchers: list[tuple[str, str, str]]) -> bool:
    return sample.metric == metric and all(
        re.fullmatch(value if operator == "=~" else re.escape(value), sample.labels.get(name, ""))
        for name, operator, value in matchers
    )


def test_selectors_are_found_among_functions_operators_and_numbers() -> None:
    expression = 'sum by (le, a) (rate(b_total{c="d", e=~"f|g"}[15m])) > 1e3 unless on (h) i == 0'
    assert list(selectors_in(expression)) == [
        ("b_total", [("c", "=", "d"), ("e", "=~", "f|g")]),
        ("i", []),
    ]


@each_rule
def test_a_rule_reads_only_what_the_services_expose(rule: dict[str, Any]) -> None:
    samples = scraped()
    selectors = list(selectors_in(rule["expr"]))
    assert selectors
    nowhere = [one for one in selectors if not any(matches(sample, *one) for sample in samples)]
    assert nowhere == []


def test_the_dashboard_reads_only_what_the_services_expose() -> None:
    samples = scraped()
    notes = [note["target"]["expr"] for note in DASHBOARD["annotations"]["list"]]
    for expression in notes + [one["expr"] for panel in PANELS for one in panel["targets"]]:
        filled = expression.replace("$task_type", ".*").replace("$__rate_interval", "1m")
        selectors = list(selectors_in(filled))
        assert selectors
        nowhere = [one for one in selectors if not any(matches(sample, *one) for sample in samples)]
        assert nowhere == [], expression


def test_panels_lie_side_by_side_and_each_says_what_it_shows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert columns.stop <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_fits_into_a_config_map() -> None:
    assert (FOLDER / "grafana/dashboards/selfheal.json").stat().st_size < MOST_BYTES


def test_grafana_finds_prometheus_and_the_dashboards(compose: dict[str, Any]) -> None:
    services = compose["services"]
    (source,) = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    port = services["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    assert set(services["grafana"]["networks"]) & set(services["prometheus"]["networks"])
    assert source["jsonData"]["timeInterval"] == read("prometheus.yml")["global"]["scrape_interval"]
    (provider,) = read("grafana/provisioning/dashboards/selfheal.yaml")["providers"]
    mounts = dict(one.split(":", 1) for one in services["grafana"]["volumes"])
    folder = mounts["./deploy/monitoring/grafana"].removesuffix(":ro")
    assert provider["options"]["path"] == f"{folder}/dashboards"
    provisioning = services["grafana"]["environment"]["GF_PATHS_PROVISIONING"]
    assert provisioning == f"{folder}/provisioning"


@each_rule
def test_a_rule_groups_by_labels_that_its_metrics_have(rule: dict[str, Any]) -> None:
    metrics = {metric for metric, _ in selectors_in(rule["expr"])}
    labels = {label for one in scraped() if one.metric in metrics for label in one.labels}
    grouped = {
        label.strip() for names in GROUPING.findall(rule["expr"]) for label in names.split(",")
    }
    mentioned = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert grouped | mentioned <= labels


@each_rule
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", rule["alert"])
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "action"}
    assert all(text.endswith(".") for text in annotations.values())
    assert len(annotations["summary"]) <= 100


@each_rule
def test_commands_that_an_alert_names_exist(rule: dict[str, Any], compose: dict[str, Any]) -> None:
    action = rule["annotations"]["action"].replace("{{ $labels.job }}", "worker")
    services = re.findall(r"docker compose (?:logs|up -d|ps|run --rm) ([\w-]+)", action)
    assert set(services) <= set(compose["services"])
    for names in re.findall(r"selfheal ([a-z]+ [a-z]+)", action):
        command: Any = typer.main.get_command(command_line)
        for name in names.split():
            command = command.commands[name]


def test_names_of_alerts_differ() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


@each_rule
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(
    rule: dict[str, Any],
) -> None:
    cases = [case for test in read("alerts_test.yml")["tests"] for case in test["alert_rule_test"]]
    own = [bool(case.get("exp_alerts")) for case in cases if case["alertname"] == rule["alert"]]
    assert set(own) == {True, False}


def test_every_case_is_of_an_alert_that_there_is() -> None:
    cases = [case for test in read("alerts_test.yml")["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases} == {rule["alert"] for rule in RULES}


def test_the_readme_lists_the_alerts_with_their_urgency() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(rf"^\| `(\w+)` \| ({'|'.join(SEVERITIES)}) \|", readme, re.M)
    assert listed == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]


def test_the_services_of_compose_are_scraped_and_nothing_else(compose: dict[str, Any]) -> None:
    configuration = read("prometheus.yml")
    scraped_services = {}
    for job in configuration["scrape_configs"]:
        assert job["metrics_path"] == "/metrics/"
        ((target,),) = [static["targets"] for static in job["static_configs"]]
        scraped_services[job["job_name"]] = target
    services = compose["services"]
    assert scraped_services == {
        name: f"{name}:{services[name]['ports'][0].rpartition(':')[2]}"
        for name in ("manager", "worker", "evaluator")
    }


def test_compose_mounts_the_folder_where_prometheus_looks_for_it(compose: dict[str, Any]) -> None:
    assert "./deploy/monitoring:/etc/prometheus:ro" in compose["services"]["prometheus"]["volumes"]
    for name in read("prometheus.yml")["rule_files"]:
        assert (FOLDER / name).is_file()
