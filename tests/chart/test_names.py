"""Names, selectors and ports: each finds what is meant, and nothing of another release."""

import re
from typing import Any

import helm_python
import pytest

from .conftest import (
    COMBINATIONS,
    EXTERNAL,
    NAMESPACE,
    Document,
    component_of,
    find,
    pods_of,
    render_documents,
    render_texts,
)

# A Service's name begins with a letter.
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# A Job's pods and a StatefulSet's revisions add eleven characters.
LONGEST_WORKLOAD = 52


def labels_of(pod: dict[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = pod["metadata"]["labels"]
    return labels


def matching(selector: dict[str, str], documents: list[Document]) -> set[str]:
    """The components of the pods that a selector finds."""
    return {
        component_of(pod)
        for _, pod in pods_of(documents)
        if selector.items() <= labels_of(pod).items()
    }


def test_no_two_objects_have_the_same_name(documents: list[Document]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in documents]
    assert len(names) == len(set(names))
    assert {one["metadata"]["namespace"] for one in documents} == {NAMESPACE}


@pytest.mark.parametrize("release", ["a", "selfheal", "my.app", "x" * 53])
def test_names_are_labels_whatever_the_release_is_called(release: str) -> None:
    for values in COMBINATIONS.values():
        for one in render_documents(values, release):
            name = one["metadata"]["name"]
            assert LABEL.fullmatch(name), name
            if one["kind"] in ("CronJob", "StatefulSet", "Job", "Deployment"):
                assert len(name) <= LONGEST_WORKLOAD


def test_a_release_whose_name_no_service_may_have_is_told_of_another() -> None:
    with pytest.raises(helm_python.HelmError, match="set fullnameOverride"):
        render_documents(EXTERNAL, "1st")
    assert render_documents(EXTERNAL | {"fullnameOverride": "first"}, "1st")


def test_two_long_releases_that_begin_alike_share_no_name() -> None:
    one, other = (
        {(a["kind"], a["metadata"]["name"]) for a in render_documents(EXTERNAL, "x" * 52 + end)}
        for end in "ab"
    )
    assert not one & other


def test_two_releases_in_one_namespace_share_no_object_and_no_pod(combination: str) -> None:
    one, other = (render_documents(COMBINATIONS[combination], name) for name in ("one", "other"))
    names = [{(a["kind"], a["metadata"]["name"]) for a in documents} for documents in (one, other)]
    assert not names[0] & names[1]
    for document in one:
        for selector in selectors_in(document):
            if "app.kubernetes.io/name" in selector:
                assert matching(selector, other) == set()


def selectors_in(node: object) -> list[dict[str, str]]:
    """Every selector of pods in an object: labels of ours that stand below `matchLabels`."""
    found: list[dict[str, str]] = []
    if isinstance(node, list):
        for item in node:
            found += selectors_in(item)
    if isinstance(node, dict):
        if isinstance(node.get("matchLabels"), dict):
            found.append(node["matchLabels"])
        if node.get("kind") == "Service":
            found.append(node["spec"]["selector"])
        for value in node.values():
            found += selectors_in(value)
    return found


def test_every_selector_of_ours_finds_exactly_one_component(documents: list[Document]) -> None:
    without_pods = {"toolbox", "optimizer"}  # which may be left out
    for document in documents:
        for selector in selectors_in(document):
            if "app.kubernetes.io/component" not in selector:
                continue
            component = selector["app.kubernetes.io/component"]
            found = matching(selector, documents)
            # A ServiceMonitor looks for Services, which have the labels of their pods.
            assert found == {component} or (not found and component in without_pods)


def test_a_workload_selects_its_own_pods_and_never_by_the_version(
    documents: list[Document],
) -> None:
    for one in documents:
        if one["kind"] in ("Deployment", "StatefulSet"):
            selector = one["spec"]["selector"]["matchLabels"]
            assert selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()
            assert "app.kubernetes.io/version" not in selector
            assert "helm.sh/chart" not in selector


def test_a_service_leads_to_a_port_that_its_pods_have(documents: list[Document]) -> None:
    services = [one for one in documents if one["kind"] == "Service"]
    assert len(services) >= 3
    for service in services:
        (port,) = service["spec"]["ports"]
        for _, pod in pods_of(documents):
            if service["spec"]["selector"].items() <= labels_of(pod).items():
                (container,) = pod["spec"]["containers"]
                (listened,) = container["ports"]
                assert port["targetPort"] == listened["name"]
                assert port["port"] == listened["containerPort"]


def test_urls_and_routes_lead_to_services_that_are_there(documents: list[Document]) -> None:
    served = {
        one["metadata"]["name"]: one["spec"]["ports"][0]["port"]
        for one in documents
        if one["kind"] == "Service"
    }
    checked = 0
    for _, pod in pods_of(documents):
        for container in pod["spec"]["containers"]:
            for variable in container["env"]:
                if variable["name"] in ("WORKER_URL", "EVALUATOR_URL", "MANAGER_URL"):
                    host, _, port = variable["value"].removeprefix("http://").partition(":")
                    assert served[host] == int(port)
                    checked += 1
    for one in documents:
        for backend in backends_in(one):
            assert served[backend[0]] == backend[1]
    assert checked >= 2


def backends_in(document: Document) -> list[tuple[str, int]]:
    if document["kind"] == "Ingress":
        paths = [path for rule in document["spec"]["rules"] for path in rule["http"]["paths"]]
        services = [path["backend"]["service"] for path in paths]
        return [(service["name"], service["port"]["number"]) for service in services]
    if document["kind"] == "HTTPRoute":
        rules = document["spec"]["rules"]
        return [(ref["name"], ref["port"]) for rule in rules for ref in rule["backendRefs"]]
    return []


def test_what_scales_names_what_there_is(documents: list[Document]) -> None:
    workloads = {(one["kind"], one["metadata"]["name"]) for one in documents}
    for one in documents:
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = one["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in workloads


def test_the_evaluator_is_capped_and_scaled_by_one_thing_alone(documents: list[Document]) -> None:
    (scaler,) = (
        one
        for one in documents
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
        and one["spec"]["scaleTargetRef"]["name"].endswith("-evaluator")
    )
    spec = scaler["spec"]
    assert spec.get("maxReplicas", spec.get("maxReplicaCount")) == 4
    assert "replicas" not in find(documents, "Deployment", "evaluator")["spec"]


def test_the_services_are_scraped_by_the_names_that_the_rules_know() -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    for component in ("manager", "worker", "evaluator"):
        monitor = find(documents, "ServiceMonitor", component)["spec"]
        (endpoint,) = monitor["endpoints"]
        service = find(documents, "Service", component)
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert service["metadata"]["labels"][monitor["jobLabel"]] == component
        assert endpoint["path"] == "/metrics/"
        assert endpoint["honorLabels"] is True
        assert endpoint["port"] == service["spec"]["ports"][0]["name"]


def test_the_notes_name_what_there_is(combination: str) -> None:
    notes = render_texts(COMBINATIONS[combination])["NOTES.txt"]
    documents = render_documents(COMBINATIONS[combination])
    assert "helm test prod --namespace apps" in notes
    there = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in documents}
    for kind, name in re.findall(r"\b(deploy|service)/([\w-]+)", notes):
        assert f"{kind.replace('deploy', 'deployment')}/{name}" in there


def test_the_name_holds_the_chart_once() -> None:
    assert (
        find(render_documents(EXTERNAL, "selfheal"), "Service", "worker")["metadata"]["name"]
        == "selfheal-worker"
    )
