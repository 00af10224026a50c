"""The rules of Kubernetes' Pod Security Standard `restricted`, on the Optimizer's pods."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

Pod = dict[str, Any]

VOLUME_TYPES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
SECCOMP_TYPES = {"RuntimeDefault", "Localhost"}


def containers_of(pod: Pod) -> list[dict[str, Any]]:
    return [
        container
        for kind in ("containers", "initContainers", "ephemeralContainers")
        for container in pod.get(kind, [])
    ]


def effective(pod: Pod, container: dict[str, Any], key: str) -> Any:
    """A field of the security context; the container's own goes before the pod's."""
    own = container.get("securityContext", {})
    return own[key] if key in own else pod.get("securityContext", {}).get(key)


def pod_violations(pod: Pod) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    for volume in pod.get("volumes", []):
        if not volume.keys() - {"name"} <= VOLUME_TYPES:
            yield "volumes"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def container_violations(pod: Pod, container: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    seccomp = effective(pod, container, "seccompProfile") or {}
    windows = effective(pod, container, "windowsOptions") or {}
    broken = {
        "privileged": own.get("privileged", False),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "runAsNonRoot": effective(pod, container, "runAsNonRoot") is not True,
        "runAsUser": effective(pod, container, "runAsUser") == 0,
        "seccompProfile": seccomp.get("type") not in SECCOMP_TYPES,
        "drop": "ALL" not in capabilities.get("drop", []),
        "add": not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "procMount": own.get("procMount", "Default") != "Default",
        "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
        "hostProcess": windows.get("hostProcess", False),
        "appArmorProfile": (effective(pod, container, "appArmorProfile") or {}).get("type")
        == "Unconfined",
        "seLinuxOptions": bool(
            (effective(pod, container, "seLinuxOptions") or {}).keys() & {"user", "role"}
        ),
    }
    yield from (rule for rule, is_broken in broken.items() if is_broken)


def violations(pod: Pod) -> set[str]:
    found = set(pod_violations(pod))
    for container in containers_of(pod):
        found.update(container_violations(pod, container))
    return found


def own_context(pod: Pod) -> dict[str, Any]:
    context: dict[str, Any] = pod["containers"][0]["securityContext"]
    return context


def test_the_pod_is_restricted(pod: Pod) -> None:
    assert violations(pod) == set()


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda pod: pod.update(hostNetwork=True), "hostNetwork"),
        (lambda pod: pod.update(hostPID=True), "hostPID"),
        (lambda pod: pod.update(hostIPC=True), "hostIPC"),
        (
            lambda pod: pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
            "volumes",
        ),
        (
            lambda pod: pod["securityContext"].update(sysctls=[{"name": "a", "value": "1"}]),
            "sysctls",
        ),
        (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
        (lambda pod: own_context(pod).update(runAsNonRoot=False), "runAsNonRoot"),
        (lambda pod: pod["securityContext"].update(runAsUser=0), "runAsUser"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (
            lambda pod: own_context(pod).update(seccompProfile={"type": "Unconfined"}),
            "seccompProfile",
        ),
        (lambda pod: own_context(pod).update(privileged=True), "privileged"),
        (
            lambda pod: own_context(pod).pop("allowPrivilegeEscalation"),
            "allowPrivilegeEscalation",
        ),
        (lambda pod: own_context(pod)["capabilities"].update(drop=["NET_RAW"]), "drop"),
        (lambda pod: own_context(pod)["capabilities"].update(add=["SYS_ADMIN"]), "add"),
        (lambda pod: own_context(pod).update(procMount="Unmasked"), "procMount"),
        (
            lambda pod: pod["containers"][0].update(ports=[{"containerPort": 1, "hostPort": 1}]),
            "hostPort",
        ),
        (
            lambda pod: own_context(pod).update(windowsOptions={"hostProcess": True}),
            "hostProcess",
        ),
        (
            lambda pod: own_context(pod).update(appArmorProfile={"type": "Unconfined"}),
            "appArmorProfile",
        ),
        (lambda pod: own_context(pod).update(seLinuxOptions={"user": "root"}), "seLinuxOptions"),
        (
            lambda pod: pod.update(
                initContainers=[
                    {
                        "name": "first",
                        "securityContext": {
                            "allowPrivilegeEscalation": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    }
                ]
            ),
            "allowPrivilegeEscalation",
        ),
    ],
)
def test_each_rule_notices_that_it_is_broken(
    pod: Pod, spoil: Callable[[Pod], object], rule: str
) -> None:
    spoil(pod)
    assert violations(pod) == {rule}


def test_beyond_the_standard_nothing_can_be_written_but_a_small_tmp(pod: Pod) -> None:
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


def test_the_pod_gets_no_way_into_the_cluster(pod: Pod) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
