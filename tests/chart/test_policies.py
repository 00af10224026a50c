"""Who may talk to whom: what compose.yaml's networks allow, and no more."""

from typing import Any

from .conftest import (
    COMBINATIONS,
    EXTERNAL,
    Document,
    component_of,
    find,
    pods_of,
    render_documents,
)

# Who calls whom, by the ports that are called.
CALLS = {
    ("console", 8000), ("toolbox", 8000), ("test", 8000),
    ("manager", 8001), ("optimizer", 8001), ("toolbox", 8001),
    ("manager", 8002), ("optimizer", 8002), ("toolbox", 8002),
}  # fmt: skip
PORTS = {"manager": 8000, "worker": 8001, "evaluator": 8002, "console": 8003}


def policies(documents: list[Document]) -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]
        for one in documents
        if one["kind"] == "NetworkPolicy"
    }


def ports_of(rule: dict[str, Any]) -> set[int]:
    return {port["port"] for port in rule["ports"]}


def components_of(peers: list[dict[str, Any]]) -> set[str]:
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in peers
        if "app.kubernetes.io/component" in peer.get("podSelector", {}).get("matchLabels", {})
    }


def test_every_pod_has_a_policy_for_both_ways(documents: list[Document], combination: str) -> None:
    found = policies(documents)
    if combination == "open":
        assert found == {}
        return
    for _, pod in pods_of(documents):
        policy = found[component_of(pod)]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_who_calls_whom_is_let_out_there_and_in_here() -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    found = policies(documents)
    out = {
        (caller, PORTS[called])
        for caller, policy in found.items()
        for rule in policy["egress"]
        for called in components_of(rule.get("to", []))
        if ports_of(rule) == {PORTS[called]}
    }
    let_in = {
        (caller, PORTS[called])
        for called in PORTS
        for rule in found[called]["ingress"]
        for caller in components_of(rule.get("from", []))
        if ports_of(rule) == {PORTS[called]}
    }
    assert out == CALLS
    assert let_in == CALLS


def test_nothing_that_runs_models_code_reaches_the_console_or_the_database() -> None:
    for values in COMBINATIONS.values():
        evaluator = policies(render_documents(values)).get("evaluator")
        if evaluator is None:
            continue
        reached = {port for rule in evaluator["egress"] for port in ports_of_any(rule)}
        assert not reached & {5432, 8000, 8001, 8003}


def ports_of_any(rule: dict[str, Any]) -> set[int]:
    return ports_of(rule) if "ports" in rule else set()


def test_where_no_hosted_model_judges_the_evaluator_has_no_way_out_and_no_names(
    default: list[Document],
) -> None:
    assert find(default, "NetworkPolicy", "evaluator")["spec"]["egress"] == []


def test_who_goes_anywhere_may_look_names_up(documents: list[Document]) -> None:
    for component, policy in policies(documents).items():
        if policy["egress"] and component not in ("db", "db-pooler"):
            dns = policy["egress"][0]
            assert {(one["protocol"], one["port"]) for one in dns["ports"]} == {
                ("UDP", 53), ("TCP", 53),
            }  # fmt: skip
            assert dns["to"]


def test_only_the_manager_and_the_console_are_for_anybody(default: list[Document]) -> None:
    for component, policy in policies(default).items():
        anybody = [rule for rule in policy["ingress"] if not rule.get("from")]
        assert bool(anybody) == (component == "manager")


def test_who_may_call_can_be_named() -> None:
    (rule,) = policies(render_documents(COMBINATIONS["hosted"]))["manager"]["ingress"]
    assert {"podSelector": {"matchLabels": {"app": "chatbot"}}} in rule["from"]


def test_models_are_asked_at_the_ports_of_their_urls_over_both_families() -> None:
    outside = [
        rule
        for rule in policies(render_documents(COMBINATIONS["hosted"]))["worker"]["egress"]
        if any("ipBlock" in peer for peer in rule.get("to", []))
    ]
    assert [ports_of(rule) for rule in outside] == [{443, 8080, 4318}]
    assert {peer["ipBlock"]["cidr"] for peer in outside[0]["to"]} == {"0.0.0.0/0", "::/0"}


def test_the_migrations_have_their_policy_before_they_run(default: list[Document]) -> None:
    policy = find(default, "NetworkPolicy", "migrate")["metadata"]["annotations"]
    runs = find(default, "Job", "migrate")["metadata"]["annotations"]
    assert policy["helm.sh/hook"] == runs["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(policy["helm.sh/hook-weight"]) < int(runs["helm.sh/hook-weight"])


def test_of_the_tests_the_pod_alone_is_a_hook(default: list[Document]) -> None:
    """`helm test --logs` takes every hook of the tests for a pod that wrote something."""
    hooks = [one["metadata"].get("annotations", {}).get("helm.sh/hook") for one in default]
    assert hooks.count("test") == 1
    assert "annotations" not in find(default, "NetworkPolicy", "test")["metadata"]


def test_a_clouds_metadata_are_on_nobodys_way_out(documents: list[Document]) -> None:
    """They give a node's credentials to who asks, and LLM_BASE_URL may open port 80."""
    for component, policy in policies(documents).items():
        for rule in policy["egress"]:
            for peer in rule.get("to", []):
                cidr = peer.get("ipBlock", {}).get("cidr")
                forbidden = {"0.0.0.0/0": "169.254.0.0/16", "::/0": "fd00:ec2::254/128"}.get(cidr)
                assert forbidden is None or forbidden in peer["ipBlock"]["except"], component


def test_names_are_looked_up_at_the_ports_of_the_pods_that_answer() -> None:
    values = EXTERNAL | {"networkPolicy": {"dnsPorts": [53, 5353]}}
    dns = policies(render_documents(values))["worker"]["egress"][0]
    assert ports_of(dns) == {53, 5353}


def test_a_database_of_the_release_lets_in_who_has_a_way_into_it() -> None:
    found = policies(render_documents(COMBINATIONS["cluster"]))
    clients = components_of(found["db-pooler"]["ingress"][0]["from"])
    assert clients == components_of(found["db"]["ingress"][0]["from"])
    through = found["db-pooler"]["podSelector"]
    assert {"podSelector": through} in found["db"]["ingress"][1]["from"]
    assert clients == {"manager", "worker", "console", "toolbox", "migrate", "test"}
    for client in clients:
        assert any(5432 in ports_of_any(rule) for rule in found[client]["egress"])
