"""Outlines of what is rendered, as they were looked at last; SNAPSHOTS=new writes them anew."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pods import containers_of

from .conftest import (
    CHART,
    COMBINATIONS,
    NAMESPACE,
    ROOT,
    Document,
    pods_of,
    render_documents,
    render_texts,
)

OUTLINES = Path(__file__).parent / "snapshots"
MANIFEST = ROOT / "deploy/kubernetes/optimizer-cronjob.yaml"
VALUES = ROOT / "deploy/kubernetes/values.yaml"
# Rules ask for the series of their own namespace, whatever else is called a worker.
SERIES = re.compile(r"\b(?:agent|process)_\w+|\bup\b")
HERE = f'{{namespace="{NAMESPACE}"'
HEAD = """\
# The Optimizer as a CronJob, as the chart renders it (deploy/helm/selfheal); README.md says how.
# Written by `SNAPSHOTS=new make test-chart`: change the chart, and not this file.
"""


def outline(documents: list[Document]) -> str:
    """What there is, by kind and name, and of pods the containers with their variables' names."""
    lines = []
    for one in sorted(documents, key=lambda one: (one["kind"], one["metadata"]["name"])):
        hook = one["metadata"].get("annotations", {}).get("helm.sh/hook", "")
        lines.append(f"{one['kind']} {one['metadata']['name']} {hook}".rstrip())
        for _, pod in pods_of([one]):
            for container in containers_of(pod["spec"]):
                lines.append(f"  {container['name']}: {container['image']}")
                names = " ".join(sorted(variable["name"] for variable in container["env"]))
                lines.append(f"    {names}")
    return "\n".join(lines) + "\n"


def compare(file: Path, text: str) -> None:
    if os.environ.get("SNAPSHOTS") == "new":
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["default", "hosted", "cluster"])
def test_the_outline_is_the_one_that_was_looked_at(name: str) -> None:
    compare(OUTLINES / f"{name}.txt", outline(render_documents(COMBINATIONS[name])))


def standalone() -> str:
    values: dict[str, Any] = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    return render_texts(values, "selfheal", namespace="selfheal")["optimizer.yaml"]


def test_the_manifest_of_the_cronjob_alone_is_the_charts() -> None:
    compare(MANIFEST, HEAD + standalone().lstrip())


def test_alerts_are_those_of_the_monitoring_folder() -> None:
    source = ROOT / "deploy/monitoring/alerts.yml"
    assert (CHART / "files/alerts.yml").resolve() == source
    (rule,) = (
        one for one in render_documents(COMBINATIONS["hosted"]) if one["kind"] == "PrometheusRule"
    )
    groups = yaml.safe_load(source.read_text(encoding="utf-8"))["groups"]
    assert [group["name"] for group in rule["spec"]["groups"]] == [one["name"] for one in groups]
    rendered = [one for group in rule["spec"]["groups"] for one in group["rules"]]
    for was, now in zip((r for group in groups for r in group["rules"]), rendered, strict=True):
        left_out = {"annotations": None, "expr": None}
        assert was | left_out == now | left_out
        assert now["expr"].replace(HERE + ", ", "{").replace(HERE + "}", "") == was["expr"]
        assert now["expr"].count(HERE) == len(SERIES.findall(now["expr"])) > 0
        assert "docker compose" not in str(now)
