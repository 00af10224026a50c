"""The rules of Kubernetes' Pod Security Standard `restricted`, on the Optimizer's pods."""

from collections.abc import Callable
from typing import Any

import pytest
from support.pods import Pod, containers_of, violations


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
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    for container in containers_of(pod):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


def test_the_pod_gets_no_way_into_the_cluster(pod: Pod) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
