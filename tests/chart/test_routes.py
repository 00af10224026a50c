"""The ways in from beyond the cluster: /v1, and never the admin API."""

from typing import Any

import pytest

from .conftest import COMBINATIONS, EXTERNAL, Document, render_documents


def paths(documents: list[Document]) -> dict[str, list[tuple[str, str]]]:
    """Kind of match and path, by host."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in documents:
        if one["kind"] == "Ingress":
            (rule,) = one["spec"]["rules"]
            found[rule["host"]] = [(p["pathType"], p["path"]) for p in rule["http"]["paths"]]
        elif one["kind"] == "HTTPRoute":
            (host,) = one["spec"]["hostnames"]
            (rule,) = one["spec"]["rules"]
            matches = [match["path"] for match in rule["matches"]]
            found[host] = [(m["type"], m["value"]) for m in matches]
    return found


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"kind": "none"}, []),
        ({"kind": "ingress"}, [("Prefix", "/v1")]),
        (
            {"kind": "ingress", "request": True},
            [("Prefix", "/v1"), ("Exact", "/api/v1/request"), ("Prefix", "/api/v1/requests")],
        ),
        ({"kind": "gateway"}, [("PathPrefix", "/v1")]),
        (
            {"kind": "gateway", "request": True},
            [
                ("PathPrefix", "/v1"),
                ("Exact", "/api/v1/request"),
                ("PathPrefix", "/api/v1/requests"),
            ],
        ),
    ],
)
def test_what_is_reached_from_outside(
    route: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    given = {"host": "agent.example.com", "gateway": {"parentRefs": [{"name": "public"}]}, **route}
    found = paths(render_documents(EXTERNAL | {"route": given}))
    assert found == ({"agent.example.com": expected} if expected else {})


def test_the_admin_api_is_below_no_path_of_the_managers_host(documents: list[Document]) -> None:
    for kind, path in paths(documents).get("agent.example.com", []):
        below = "/api/v1/admin/prompts".startswith(path)
        assert not (below and kind != "Exact")


def test_the_console_has_a_host_of_its_own() -> None:
    for name, kind in (("hosted", "Prefix"), ("cluster", "PathPrefix")):
        found = paths(render_documents(COMBINATIONS[name]))
        assert found["heal.example.com"] == [(kind, "/")]
        assert len(found) == 2


def test_a_gateway_gives_a_stream_its_time() -> None:
    routes = [
        one for one in render_documents(COMBINATIONS["cluster"]) if one["kind"] == "HTTPRoute"
    ]
    assert len(routes) == 2
    for one in routes:
        assert one["spec"]["rules"][0]["timeouts"] == {"request": "180s"}


def test_streams_are_not_held_back() -> None:
    ingresses = [
        one for one in render_documents(COMBINATIONS["hosted"]) if one["kind"] == "Ingress"
    ]
    for one in ingresses:
        annotations = one["metadata"]["annotations"]
        assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
        # The Manager may take the two services' time together: 90 s and 60 s.
        assert int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 150
