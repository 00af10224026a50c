"""The monitoring folder under Prometheus' own tools, and under a Prometheus that runs."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.prometheus import INTERVAL, MISSING, Prometheus, expose, run_prometheus, wait_for

from services.common.database import Database
from services.common.metrics import ServiceMetrics
from services.evaluator.app.metrics import EvaluationMetrics, EvaluatorMetrics
from services.worker.app.metrics import PromptMetrics
from services.worker.app.services.prompt_memory import PromptMemory

FOLDER = Path(__file__).parents[3] / "deploy" / "monitoring"
SERVICES = ("manager", "worker", "evaluator")
THRESHOLD = re.compile(r"(?<=[>=] )(?:[1-9]\d*|0\.\d+)\b(?=$|\s|\))")

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{' and '.join(MISSING)} missing: apt-get install prometheus"
)


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


RULES: list[dict[str, Any]] = [
    rule for group in read("alerts.yml")["groups"] for rule in group["rules"]
]


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(
            ("check", "config", "--lint=all", "--lint-fatal", "--syntax-only", "prometheus.yml"),
            id="configuration",
        ),
        pytest.param(("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"), id="rules"),
        # Every rule in every test; below, each alert is tried in its own.
        pytest.param(("test", "rules", "alerts_test.yml"), id="tests", marks=pytest.mark.slow),
    ],
)
def test_promtool_finds_nothing_to_complain_about(arguments: tuple[str, ...]) -> None:
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def spoilt_rules() -> list[Any]:
    """Each alert with one decision changed: it waits for nothing, or a threshold is halved."""
    spoilt = []
    for rule in RULES:
        name = rule["alert"]
        if "for" in rule:
            spoilt.append(pytest.param({**rule, "for": "0s"}, id=f"{name}, at once"))
        for threshold in THRESHOLD.finditer(rule["expr"]):
            half = f"{float(threshold[0]) / 2:g}"
            expression = rule["expr"][: threshold.start()] + half + rule["expr"][threshold.end() :]
            label = f"{name}, {half} for {threshold[0]}"
            spoilt.append(pytest.param({**rule, "expr": expression}, id=label))
    return spoilt


def try_alone(rule: dict[str, Any], folder: Path) -> str:
    """What the tests of one alert come to, with no other rule."""
    cases = read("alerts_test.yml")
    for test in cases["tests"]:
        test["alert_rule_test"] = [
            case for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]
        ]
    cases["tests"] = [test for test in cases["tests"] if test["alert_rule_test"]]
    rules = {"groups": [{"name": "alone", "rules": [rule]}]}
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (folder / "alerts_test.yml").write_text(yaml.safe_dump(cases), encoding="utf-8")
    done = promtool("test", "rules", "alerts_test.yml", folder=folder)
    return done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_passes_its_tests_alone(tmp_path: Path, rule: dict[str, Any]) -> None:
    assert "SUCCESS" in try_alone(rule, tmp_path)


@pytest.mark.parametrize("rule", spoilt_rules())
def test_the_rules_own_tests_notice_a_changed_decision(
    tmp_path: Path, rule: dict[str, Any]
) -> None:
    output = try_alone(rule, tmp_path)
    # What was expected and what came, and not that the rule can't be read.
    assert re.search(r"exp:\[.*got:\[", output, re.S), output


def hurried_copy(folder: Path, targets: dict[str, list[str]]) -> Path:
    """The deployed files with other targets, looked at all the time; no alert waits."""
    configuration, rules = read("prometheus.yml"), read("alerts.yml")
    configuration["global"] = dict.fromkeys(configuration["global"], INTERVAL)
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        job["authorization"] = {"credentials_file": "token"}
    (folder / "token").write_text("the-token\n", encoding="utf-8")
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return folder / "prometheus.yml"


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, list[str]]]:
    """What the services expose, by their own code; a second Manager is gone.

    The Evaluator says that it is degraded.
    """
    services = {name: ServiceMetrics(name) for name in SERVICES}
    # No database: how long ago prompts were read isn't known, as at a start.
    prompts = PromptMemory(Database("postgresql://", timeout_seconds=1), max_age_seconds=1)
    PromptMetrics(services["worker"].registry, prompts).set_versions({"code_generation": 3})
    evaluator = services["evaluator"].registry
    EvaluationMetrics(evaluator, ["code_generation"]).set_sandbox_available(is_available=True)
    EvaluatorMetrics(evaluator).set_canary(agreement=0.5, degraded=True)
    with ExitStack() as stack, socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))  # and never listens, so that nobody else does
        found = {name: [stack.enter_context(expose(one))] for name, one in services.items()}
        found["manager"].append(f"127.0.0.1:{gone.getsockname()[1]}")
        yield found


@pytest.fixture(scope="module")
def prometheus(
    targets: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    configuration = hurried_copy(tmp_path_factory.mktemp("prometheus"), targets)
    with run_prometheus(configuration, targets) as running:
        wait_for(lambda: len(running.query("up")) == len(SERVICES) + 1, "the first scrapes")
        yield running


@pytest.mark.slow  # Prometheus waits five seconds before it scrapes
def test_every_service_is_scraped(prometheus: Prometheus) -> None:
    up = prometheus.query("up")
    manager, gone = prometheus.targets["manager"]
    (worker,), (evaluator,) = prometheus.targets["worker"], prometheus.targets["evaluator"]
    assert up == {manager: 1, worker: 1, evaluator: 1, gone: 0}
    assert prometheus.query("agent_prompt_version") == {worker: 3}


@pytest.mark.slow  # Prometheus waits five seconds before it scrapes
def test_every_rule_is_loaded_and_can_be_judged(prometheus: Prometheus) -> None:
    def judged() -> list[dict[str, Any]] | None:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return None if any(rule["health"] == "unknown" for rule in rules) else rules

    rules = wait_for(judged, "a first judgement of every rule")
    health = {rule["name"]: rule["health"] for rule in rules}
    assert health == {rule["alert"]: "ok" for rule in RULES}


@pytest.mark.slow  # Prometheus waits five seconds before it scrapes
def test_the_alerts_that_are_due_fire_and_no_others(prometheus: Prometheus) -> None:
    def both() -> dict[str, dict[str, Any]] | None:
        firing = prometheus.firing()
        return firing if len(firing) >= 2 else None

    firing = wait_for(both, "two alerts")
    assert set(firing) == {"EvaluatorDegraded", "ServiceDown"}
    degraded, down = firing["EvaluatorDegraded"], firing["ServiceDown"]
    assert degraded["labels"]["severity"] == "critical"
    assert degraded["labels"]["instance"] == prometheus.targets["evaluator"][0]
    assert "no longer judges as it did" in degraded["annotations"]["summary"]
    assert down["labels"]["instance"] == prometheus.targets["manager"][1]
    assert down["annotations"]["summary"] == "The manager is down."
    assert "docker compose up -d manager" in down["annotations"]["action"]
