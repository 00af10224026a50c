"""Values that can't work are refused, with a sentence that says what to do."""

import copy
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest
import yaml
from support.rows import for_each

from .conftest import CHART, EXTERNAL, NAMESPACE, render_documents

HOST = {"host": "agent.example.com"}


@for_each(
    [
        ({}, "Put the URLs of a PostgreSQL into a Secret and set database.existingSecret"),
        ({"database": {"existingSecret": "a", "cluster": {"enabled": True}}}, "Two databases"),
        ({"database": {"existingSecret": "a", "cluster": {"enable": True}}}, "enable"),
        ({"databse": {}}, "databse"),
        (EXTERNAL | {"worker": {"replcias": 3}}, "replcias"),
        (EXTERNAL | {"worker": {"resources": {"limit": {}}}}, "limit"),
        (EXTERNAL | {"networkPolicy": {"extraEgress": {"managr": []}}}, "managr"),
        (EXTERNAL | {"settings": {"LLM_PROVDER": "openai"}}, "LLM_PROVDER isn't a setting"),
        (EXTERNAL | {"settings": {"LLM_API_KEY": "k"}}, "credentials.existingSecret"),
        (EXTERNAL | {"settings": {"INTERNAL_TOKEN": "t"}}, "is a secret"),
        (EXTERNAL | {"settings": {"DATABASE_URL": "postgresql://"}}, "is a secret"),
        (EXTERNAL | {"settings": {"LOG_WHEN_AWAY": "spool"}}, "filled in by the chart"),
        (EXTERNAL | {"settings": {"PUBLISHED_HOST": "127.0.0.1"}}, "has no use in a cluster"),
        (EXTERNAL | {"settings": {"ALLOW_OPEN": "yes-i-know"}}, "has no use in a cluster"),
        (EXTERNAL | {"settings": {"LLM_MODEL": {"name": "x"}}}, "settings"),
        (EXTERNAL | {"route": {"kind": "ingres"}}, "kind"),
        (EXTERNAL | {"route": {"kind": "ingress"}}, "route.host"),
        (EXTERNAL | {"route": {"kind": "gateway", **HOST}}, "route.gateway.parentRefs"),
        (EXTERNAL | {"console": {"enabled": True}}, "console.publicUrl"),
        (
            EXTERNAL | {"console": {"enabled": True, "publicUrl": "http://a.example.com"}},
            "https://",
        ),
        (
            EXTERNAL
            | {"console": {"enabled": True, "publicUrl": "https://agent.example.com"}}
            | {"route": {"kind": "ingress", **HOST}},
            "a host of its own",
        ),
        (EXTERNAL | {"keda": {"enabled": True}}, "keda.prometheusUrl"),
        (EXTERNAL | {"tests": {"heal": True}, "optimizer": {"kind": "cronjob"}}, "autopilot"),
        (EXTERNAL | {"stopping": {"drainSeconds": 1000}}, "drainSeconds"),
        (EXTERNAL | {"taskTypes": {"Bad-Name": "x"}}, "Bad-Name"),
        (EXTERNAL | {"worker": {"autoscaling": {"min": 5, "max": 3}}}, "worker.autoscaling.min"),
        (EXTERNAL | {"fullnameOverride": "My_App"}, "set fullnameOverride"),
        (EXTERNAL | {"runAsUser": 0}, "runAsUser"),
        (EXTERNAL | {"prices": {"configMap": "Our Prices"}}, "configMap"),
        (EXTERNAL | {"networkPolicy": {"dnsPorts": ["dns"]}}, "dnsPorts"),
        # What `--reuse-values` with a newer chart leaves out, and what somebody sets to null.
        (EXTERNAL | {"image": {"repository": None}}, "missing property 'repository'"),
        (EXTERNAL | {"networkPolicy": None}, "missing property 'networkPolicy'"),
        (EXTERNAL | {"spool": {"persistence": {"enabled": None}}}, "missing property 'enabled'"),
        (EXTERNAL | {"firstKey": {"create": None}}, "missing property 'create'"),
        (EXTERNAL | {"settings": None}, "missing property 'settings'"),
        (EXTERNAL | {"database": {"existingSecret": "Not A Name"}}, "existingSecret"),
    ]
)
def test_it_is_refused(row: tuple[dict[str, Any], str]) -> None:
    values, said = row
    with pytest.raises(helm_python.HelmError, match=said.replace(".", r"\.")):
        render_documents(values)


def nulls() -> Iterator[tuple[str, ...]]:
    """Every value of the chart by its path."""

    def walk(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, value in node.items():
            yield (*path, name)
            if isinstance(value, dict):
                yield from walk(value, (*path, name))

    yield from walk(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), ())


@pytest.mark.parametrize("kind", ["ingress", "gateway"])
def test_a_value_that_is_null_is_refused_by_name_or_does_no_harm(kind: str) -> None:
    """Never does a template run into it, nor does it end up in what is rendered."""
    others: dict[str, Any] = {
        "database": {"existingSecret": "our-database"},
        "route": {"kind": kind, **HOST, "gateway": {"parentRefs": [{"name": "public"}]}},
        "console": {"enabled": True, "publicUrl": "https://heal.example.com"},
        "monitoring": {"enabled": "always"},
    }
    with helm_python.Chart.load(CHART) as chart:
        for path in nulls():
            given = copy.deepcopy(others)
            inner = given
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = None
            try:
                chart.validate_schema(chart.merge_values(given))
                rendered = chart.render(given, name="prod", namespace=NAMESPACE)
            except helm_python.HelmError as error:
                assert "missing property" in str(error) or "execution error at" in str(error), path
            else:
                assert "<nil>" not in str(rendered), path
