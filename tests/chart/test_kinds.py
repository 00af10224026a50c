"""Every object that the chart renders, strictly against the schema of its kind."""

import json
from functools import cache
from typing import Any

import helm_python
import kubernetes_validate
import kubernetes_validate.utils
import pytest
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor

from .conftest import CHART, COMBINATIONS, EXTERNAL, Document, render_documents

# The oldest that the chart says it takes (Chart.yaml), and the latest that has schemas here.
VERSIONS = ("1.25", kubernetes_validate.latest_version())
OPERATORS: dict[str, type[Any]] = {
    "ServiceMonitor": ServiceMonitor,
    "PrometheusRule": PrometheusRule,
    "ScaledObject": ScaledObject,
}
# Of these no schema is in reach: the chart says so of the first two, docs/deploy.md of all.
UNCHECKED = {"Cluster", "Pooler", "HTTPRoute"}


@pytest.fixture(scope="module", autouse=True)
def _schemas_are_read_once() -> Any:
    """A file of 2 MB is read for each object else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            kubernetes_validate.utils,
            "schema_contents",
            cache(kubernetes_validate.utils.schema_contents),
        )
        yield


def all_objects() -> list[Document]:
    """The objects of all combinations, each that is the same once."""
    texts = {
        json.dumps(document, sort_keys=True)
        for values in COMBINATIONS.values()
        for document in render_documents(values)
    }
    return [json.loads(text) for text in sorted(texts)]


def ours() -> list[Document]:
    return [one for one in all_objects() if one["kind"] not in OPERATORS.keys() | UNCHECKED]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object(version: str) -> None:
    wrong = []
    for document in ours():
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append((document["kind"], document["metadata"]["name"], str(error)[:300]))
    assert wrong == []


def test_a_misspelled_field_would_not_pass() -> None:
    document = next(one for one in ours() if one["kind"] == "PodDisruptionBudget")
    document["spec"]["maxUnavailible"] = document["spec"].pop("maxUnavailable")
    with pytest.raises(kubernetes_validate.ValidationError, match="maxUnavailible"):
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)


def read_by_operator(document: Document) -> Any:
    """What an operator's model reads of an object: a field that it doesn't know is gone."""
    model = OPERATORS[document["kind"]].model_validate(document)
    return json.loads(model.model_dump_json(by_alias=True, exclude_unset=True))


def of_operators() -> list[Document]:
    return [one for one in all_objects() if one["kind"] in OPERATORS]


def test_prometheus_and_keda_read_all_of_theirs() -> None:
    found = of_operators()
    assert {one["kind"] for one in found} == OPERATORS.keys()
    for document in found:
        assert read_by_operator(document) == document


def test_a_field_that_they_do_not_know_would_be_noticed() -> None:
    document = next(one for one in of_operators() if one["kind"] == "ServiceMonitor")
    document["spec"]["endpoints"][0]["honourLabels"] = True
    assert read_by_operator(document) != document


def test_helm_finds_nothing_to_warn_of() -> None:
    report = helm_python.lint(CHART, EXTERNAL, strict=True)
    assert report["errors"] == []
    assert [one for one in report["messages"] if one["severity"] > 1] == []


def test_only_the_kinds_that_are_told_of_go_unchecked() -> None:
    assert {one["kind"] for one in all_objects()} >= UNCHECKED
    validated = {one["apiVersion"].partition("/")[0] for one in ours()}
    assert validated == {
        "v1", "apps", "batch", "autoscaling", "policy", "networking.k8s.io",
    }  # fmt: skip
