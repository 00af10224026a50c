"""What Kubernetes holds pods to: the Pod Security Standard `restricted`, and quantities."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Pod = dict[str, Any]

VOLUME_TYPES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
SECCOMP_TYPES = {"RuntimeDefault", "Localhost"}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
FACTORS: dict[str | None, Decimal] = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    **{suffix: Decimal(1000**power) for power, suffix in enumerate("kMGT", start=1)},
    **{f"{suffix}i": Decimal(1024**power) for power, suffix in enumerate("KMGT", start=1)},
}


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
    """Name the rules of `restricted` that a pod breaks."""
    found = set(pod_violations(pod))
    for container in containers_of(pod):
        found.update(container_violations(pod, container))
    return found


def parse_quantity(text: object) -> Decimal:
    found = QUANTITY.fullmatch(str(text))
    assert found, f"{text!r} is no quantity"
    return Decimal(found[1]) * FACTORS[found[2]]
