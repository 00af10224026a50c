"""The Helm chart, rendered by Helm itself with the values that matter, without a cluster."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/selfheal"
NAMESPACE = "apps"
Document = dict[str, Any]
Render = Callable[..., list[Document]]

EXTERNAL = {"database": {"existingSecret": "our-database"}}
HOSTED = {"LLM_PROVIDER": "openai", "LLM_BASE_URL": "http://vllm.models:8080/v1"}
# Each is what somebody installs; together they take every branch of the templates.
COMBINATIONS: dict[str, dict[str, Any]] = {
    "default": EXTERNAL,
    "hosted": {
        **EXTERNAL,
        "settings": {**HOSTED, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.tracing:4318"},
        "credentials": {"existingSecret": "our-credentials"},
        "internalToken": {"existingSecret": "our-token"},
        "firstKey": {"existingSecret": "our-key"},
        "image": {
            "repository": "registry.example.com/team",
            "tag": "0.1.0-arm64",
            "pullSecrets": [{"name": "registry"}],
        },
        "route": {"kind": "ingress", "host": "agent.example.com", "request": True},
        "console": {
            "enabled": True,
            "publicUrl": "https://heal.example.com",
            "trustedProxies": "10.0.0.0/8",
            "allowedHosts": "heal.internal",
        },
        "networkPolicy": {
            "clients": [{"podSelector": {"matchLabels": {"app": "chatbot"}}}],
            "extraEgress": {"evaluator": [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]},
        },
        "monitoring": {"enabled": "always", "labels": {"release": "prometheus"}},
        "podAnnotations": {"example.com/owner": "platform"},
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "high",
        "prices": {"configMap": "our-prices"},
    },
    "spool": {
        **EXTERNAL,
        "settings": {"LLM_PROVIDER": "openai", "JUDGE_MODEL": "rubric"},
        "credentials": {"existingSecret": "our-credentials"},
        "spool": {"persistence": {"enabled": True, "storageClass": "fast"}},
        "keda": {"enabled": True, "prometheusUrl": "http://prometheus.monitoring:9090"},
        "taskTypes": {"support_replies": "support-replies"},
        "tests": {"heal": True},
        "evaluator": {"requireSandbox": True},
        "manager": {"autoscaling": {"enabled": False}},
    },
    "cronjob": {
        "database": {"existingSecret": "our-database", "pooler": True, "tlsSecret": "our-ca"},
        "optimizer": {"kind": "cronjob"},
        "toolbox": {"enabled": False},
        "firstKey": {"create": False},
        "ipFamily": "IPv6",
        "runAsUser": None,
    },
    "cluster": {
        "database": {"cluster": {"enabled": True, "pooler": True, "storageClass": "fast"}},
        "route": {
            "kind": "gateway",
            "host": "agent.example.com",
            "gateway": {"parentRefs": [{"name": "public"}]},
        },
        "console": {"enabled": True, "publicUrl": "https://heal.example.com"},
        "optimizer": {"kind": "none"},
        "networkPolicy": {"enabled": True},
    },
    "open": {**EXTERNAL, "networkPolicy": {"enabled": False}},
}


@cache
def _render(values: str, name: str, revision: int, namespace: str) -> str:
    """Render as `helm install` does: the schema first, then the templates."""
    with helm_python.Chart.load(CHART) as chart:
        given = json.loads(values)
        chart.validate_schema(chart.merge_values(given))
        options = {"name": name, "namespace": namespace, "revision": revision}
        return json.dumps(chart.render(given, **options))


def render_texts(
    values: Any, name: str = "prod", revision: int = 1, namespace: str = NAMESPACE
) -> dict[str, str]:
    """The text of each template, by its path."""
    texts: dict[str, str] = json.loads(_render(json.dumps(values), name, revision, namespace))
    return {path.removeprefix("selfheal/templates/"): text for path, text in texts.items()}


def render_documents(values: Any, name: str = "prod", revision: int = 1) -> list[Document]:
    """The objects of a release."""
    return [
        document
        for path, text in render_texts(values, name, revision).items()
        if path != "NOTES.txt"
        for document in yaml.safe_load_all(text)
        if document
    ]


def pods_of(documents: list[Document]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod with its metadata, by the name of what makes it."""
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "Pod":
            yield document["metadata"]["name"], document
        elif document["kind"] == "CronJob":
            yield document["metadata"]["name"], spec["jobTemplate"]["spec"]["template"]
        elif document["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield document["metadata"]["name"], spec["template"]


def component_of(pod: dict[str, Any]) -> str:
    """What a pod is: manager, worker, ..."""
    component: str = pod["metadata"]["labels"]["app.kubernetes.io/component"]
    return component


def environment_of(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables of a pod's main container, each once."""
    (container,) = pod["spec"]["containers"]
    found = {variable["name"]: variable for variable in container["env"]}
    assert len(found) == len(container["env"]), "a variable is set twice"
    return found


def find(documents: list[Document], kind: str, component: str) -> Document:
    """The one object of a kind and component."""
    label = "app.kubernetes.io/component"
    (found,) = (
        one
        for one in documents
        if one["kind"] == kind and one["metadata"]["labels"][label] == component
    )
    return found


def find_pod(documents: list[Document], component: str) -> dict[str, Any]:
    """The one pod of a component."""
    (found,) = (pod for _, pod in pods_of(documents) if component_of(pod) == component)
    return found


@pytest.fixture(params=COMBINATIONS)
def combination(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def documents(combination: str) -> list[Document]:
    return render_documents(COMBINATIONS[combination])


@pytest.fixture
def default() -> list[Document]:
    return render_documents(EXTERNAL)
