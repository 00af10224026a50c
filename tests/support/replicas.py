"""Several of each service behind HAProxy."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.running_system import RunningSystem, make_system
from support.services import Service, find_service

from benchmarks.own_ports import take_ports
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.processes.readiness import find_obstacle
from selfheal.runtime.waiting import wait_until

COUNTS = {"worker": 3, "evaluator": 2, "manager": 2, "console": 2, "optimizer": 2}
BEHIND_HAPROXY = ("worker", "evaluator", "manager", "console")
START_SECONDS = 60
# Long enough for HAProxy to see that a service is being stopped.
DRAINING = {"DRAIN_SECONDS": "1"}
# Unknown hosts, and a server that is being stopped, are noticed within one look.
CONFIGURATION = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 150s
    timeout server 150s
    option redispatch
    retries 3
    default-server check inter 200ms fall 1 rise 1
"""
PART = """
frontend {name}
    bind {host}:{port}
    default_backend {name}
backend {name}
    balance roundrobin
    option httpchk GET /health/ready
"""


def lacks_haproxy() -> str:
    """Say what is missing to try replicas; empty where nothing is."""
    return "" if shutil.which("haproxy") else "HAProxy is needed: apt install haproxy"


@contextmanager
def haproxy(
    directory: Path, fronts: Mapping[str, int], backs: Mapping[str, Sequence[int]]
) -> Iterator[None]:
    """Run HAProxy with a port for each service, before the ports of its replicas."""
    text = CONFIGURATION
    for name, port in fronts.items():
        text += PART.format(name=name, host=LOOPBACK, port=port)
        for number, back in enumerate(backs[name], 1):
            text += f"    server {name}-{number} {LOOPBACK}:{back}\n"
    file = directory / "haproxy.cfg"
    file.write_text(text)
    with (directory / "haproxy.log").open("ab") as log:
        process = subprocess.Popen(["haproxy", "-f", file, "-db"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def several_of_each(
    directory: Path, *, autopilot: bool = False
) -> Iterator[tuple[RunningSystem, dict[str, list[Service]]]]:
    """Start a system with a console, then more of each; give it, and what was added.

    The first of each is the command line's own. With `autopilot` there are Optimizers as well.
    """
    system = make_system(directory)
    fronts = dict(zip(BEHIND_HAPROXY, take_ports(len(BEHIND_HAPROXY)), strict=True))
    backs = {name: [system.port(name), *take_ports(COUNTS[name] - 1)] for name in BEHIND_HAPROXY}
    system.environment.update(
        DRAINING
        | {
            f"{name.upper()}_URL": f"http://{LOOPBACK}:{fronts[name]}"
            for name in BEHIND_HAPROXY[:3]
        },
        CONSOLE="on",
    )
    services: dict[str, list[Service]] = {}
    with ExitStack() as stack:
        stack.enter_context(haproxy(directory, fronts, backs))
        stack.callback(system.selfheal, "reset", "--yes")
        system.selfheal("up", *(["--autopilot"] if autopilot else []))
        names = [*BEHIND_HAPROXY, *(["optimizer"] if autopilot else [])]
        for name, count in ((name, COUNTS[name]) for name in names):
            first, _ = find_service(system, name)
            ports = backs.get(name, [0] * count)
            services[name] = [first.copy(n, ports[n - 1]) for n in range(2, count + 1)]
            for service in services[name]:
                stack.callback(service.end, signal.SIGKILL)
                service.start()
        for port in [port for ports in backs.values() for port in ports]:
            await_ready(port)
        system.fronts.update(fronts)
        yield system, services


def await_ready(port: int) -> None:
    """Wait until a service can serve."""
    url = f"http://{LOOPBACK}:{port}/health/ready"
    assert wait_until(lambda: not find_obstacle(url), timeout_seconds=START_SECONDS), find_obstacle(
        url
    )
