"""What every pod of the chart is held to."""

from decimal import Decimal
from typing import Any

import pytest
import yaml
from support.pods import containers_of, parse_quantity, violations

from services.common.settings.process import STOP_MARGIN_SECONDS

from .conftest import (
    CHART,
    COMBINATIONS,
    EXTERNAL,
    ROOT,
    Document,
    component_of,
    environment_of,
    find,
    find_pod,
    pods_of,
    render_documents,
)

SERVING = {"manager": 8000, "worker": 8001, "evaluator": 8002, "console": 8003}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def serving(documents: list[Document]) -> list[tuple[str, dict[str, Any]]]:
    return [(component_of(p), p) for _, p in pods_of(documents) if component_of(p) in SERVING]


def test_every_pod_is_restricted_and_gets_no_way_into_the_cluster(
    documents: list[Document],
) -> None:
    pods = list(pods_of(documents))
    assert len(pods) >= 5
    for name, pod in pods:
        assert violations(pod["spec"]) == set(), name
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        for container in containers_of(pod["spec"]):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_every_mount_has_its_volume_and_every_volume_its_mount(documents: list[Document]) -> None:
    for one in documents:
        claims = {
            claim["metadata"]["name"]
            for claim in one.get("spec", {}).get("volumeClaimTemplates", [])
        }
        for _, pod in pods_of([one]):
            volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
            assert not volumes & claims
            mounts = {
                mount["name"]
                for container in containers_of(pod["spec"])
                for mount in container["volumeMounts"]
            }
            assert mounts == volumes | claims


def test_requests_stay_within_limits_and_have_the_unit_that_is_meant(
    documents: list[Document],
) -> None:
    for name, pod in pods_of(documents):
        for container in containers_of(pod["spec"]):
            resources = container["resources"]
            assert resources["requests"].keys() == resources["limits"].keys(), name
            for what, limit in resources["limits"].items():
                assert 0 < parse_quantity(resources["requests"][what]) <= parse_quantity(limit)
            # 512m of memory is half a byte.
            assert parse_quantity(resources["requests"]["memory"]) >= 64 * 1024**2
            assert Decimal("0.01") <= parse_quantity(resources["requests"]["cpu"]) <= 1
            room = sum(
                (
                    parse_quantity(volume["emptyDir"]["sizeLimit"])
                    for volume in pod["spec"]["volumes"]
                    if "emptyDir" in volume
                ),
                start=Decimal(0),
            )
            if container in pod["spec"]["containers"]:
                assert room <= parse_quantity(resources["limits"]["ephemeral-storage"])


@pytest.mark.parametrize("service", SERVING)
def test_limits_are_composes(service: str) -> None:
    documents = render_documents(COMBINATIONS["hosted"])
    (container,) = find_pod(documents, service)["spec"]["containers"]
    memory = COMPOSE["services"][service]["mem_limit"]
    limits = container["resources"]["limits"]
    assert parse_quantity(limits["memory"]) == parse_quantity(memory.upper() + "i")
    assert parse_quantity(limits["cpu"]) == COMPOSE["services"][service]["cpus"]


def test_the_default_values_ask_for_what_the_page_says() -> None:
    documents = render_documents(EXTERNAL)
    replicas = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"]
        for one in documents
        if one["kind"] == "HorizontalPodAutoscaler"
    }
    sums = {"cpu": Decimal(0), "memory": Decimal(0)}
    for one in documents:
        if one["kind"] == "Deployment":
            count = replicas.get(one["metadata"]["name"]) or one["spec"]["replicas"]
            (container,) = one["spec"]["template"]["spec"]["containers"]
            for what in sums:
                sums[what] += count * parse_quantity(container["resources"]["requests"][what])
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    assert f"{sums['cpu'].normalize():f} cores and {sums['memory'] / 1024**2:.0f} MiB" in page


def test_probes_ask_whether_it_lives_and_whether_it_could_serve(documents: list[Document]) -> None:
    for component, pod in serving(documents):
        (container,) = pod["spec"]["containers"]
        (port,) = container["ports"]
        assert port == {"name": "http", "containerPort": SERVING[component], "protocol": "TCP"}
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
        ready = container["readinessProbe"]
        if "exec" in ready:
            continue
        assert ready["httpGet"] == {"path": "/health/ready", "port": "http"}


def test_helm_test_runs_the_file_that_the_end_to_end_tests_run() -> None:
    text = (CHART / "files/helm_test.py").read_text(encoding="utf-8")
    for values, arguments in ((EXTERNAL, None), (COMBINATIONS["spool"], ["--heal"])):
        (container,) = find_pod(render_documents(values), "test")["spec"]["containers"]
        assert container["command"] == ["python", "-P", "-c", text]
        assert container.get("args") == arguments


def test_a_pod_has_the_time_that_its_service_takes_to_end(documents: list[Document]) -> None:
    for _, pod in serving(documents):
        given = environment_of(pod)
        drain, grace = (int(given[name]["value"]) for name in ("DRAIN_SECONDS", "GRACE_SECONDS"))
        unready = pod["spec"]["containers"][0]["readinessProbe"]
        # What balances load sees that it is unready before nobody is taken in any more.
        assert drain >= unready["periodSeconds"] * unready["failureThreshold"]
        ends = pod["spec"]["terminationGracePeriodSeconds"]
        assert ends > drain + grace + STOP_MARGIN_SECONDS


def test_services_wait_for_their_schema_as_their_own_user(documents: list[Document]) -> None:
    for component, pod in serving(documents):
        waiting = [one for one in pod["spec"].get("initContainers", []) if one["name"] == "schema"]
        if component == "evaluator":
            assert waiting == []  # it has no way into the database
            continue
        (schema,) = waiting
        assert schema["args"][0] == "migrate"
        assert schema["args"][1].startswith("--wait=")
        own = environment_of(pod)
        variable = "CONSOLE_DATABASE_URL" if component == "console" else "DATABASE_URL"
        expected = [{**own[variable], "name": "DATABASE_URL"}]
        expected += [own["PGPASSWORD"]] if "PGPASSWORD" in own else []
        assert schema["env"] == expected


def test_pods_spread_and_go_one_at_a_time(documents: list[Document]) -> None:
    for component, pod in serving(documents):
        keys = {one["topologyKey"] for one in pod["spec"]["topologySpreadConstraints"]}
        assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        budget = find(documents, "PodDisruptionBudget", component)
        assert budget["spec"]["maxUnavailable"] == 1


def test_without_a_disk_of_its_own_the_manager_refuses_rather_than_forgets() -> None:
    for values, kind, when_away in (
        (EXTERNAL, "Deployment", "refuse"),
        (COMBINATIONS["spool"], "StatefulSet", "spool"),
    ):
        documents = render_documents(values)
        manager = find(documents, kind, "manager")
        given = environment_of(manager["spec"]["template"])
        assert given["LOG_WHEN_AWAY"]["value"] == when_away
        (container,) = manager["spec"]["template"]["spec"]["containers"]
        (place,) = (one for one in container["volumeMounts"] if one["name"] == "data")
        assert given["SPOOL_DIR"]["value"].startswith(place["mountPath"] + "/")


def test_migrations_come_before_all_else_or_beside_a_database_of_the_release() -> None:
    hook = find(render_documents(EXTERNAL), "Job", "migrate")
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # A hook runs before anything of the release is there, so it needs nothing of it.
    made = {
        one["metadata"]["name"]
        for one in render_documents(EXTERNAL)
        if one["kind"] in ("Secret", "ConfigMap", "ServiceAccount")
    }
    assert made
    assert not any(name in str(hook) for name in made)

    plain = [render_documents(COMBINATIONS["cluster"], revision=number) for number in (1, 2)]
    jobs = [find(one, "Job", "migrate") for one in plain]
    assert all("annotations" not in job["metadata"] for job in jobs)
    assert jobs[0]["metadata"]["name"] != jobs[1]["metadata"]["name"]


def test_images_are_those_that_compose_builds(default: list[Document]) -> None:
    built = {one["image"] for one in COMPOSE["services"].values() if "build" in one}
    used = {
        container["image"]
        for _, pod in pods_of(default)
        for container in containers_of(pod["spec"])
    }
    assert used <= built


def test_user_and_group_are_the_images(documents: list[Document], combination: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for _, pod in pods_of(documents):
        context = pod["spec"]["securityContext"]
        if combination == "cronjob":  # its user is left to the cluster, as OpenShift wants it
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(context)
            continue
        assert f"USER {context['runAsUser']}:{context['runAsGroup']}\n" in dockerfile
        assert context["fsGroup"] == context["runAsGroup"]
