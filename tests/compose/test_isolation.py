"""What a container may do, seen from inside it and from Docker."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from support.containers import Containers, fetch

SERVICES = ("manager", "worker", "evaluator")
USER = 10001
# "The internet": a host of its own (a network namespace), which knows no way back to the
# containers' private addresses, as no host out there does.
OUTSIDE = "selfheal-outside"
OUTSIDE_ADDRESS = "198.51.100.2"
OUTSIDE_PORT = 8080
CONNECT = f"""
import socket
try:
    socket.create_connection(("{OUTSIDE_ADDRESS}", {OUTSIDE_PORT}), 3)
    print("reached")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module", autouse=True)
def running(containers: Containers) -> None:
    containers.up()


@pytest.fixture(scope="module")
def outside() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("only root can make a network namespace to stand for the internet")
    commands = [
        f"ip netns add {OUTSIDE}",
        "ip link add selfheal-out type veth peer name selfheal-in",
        f"ip link set selfheal-in netns {OUTSIDE}",
        "ip addr add 198.51.100.1/30 dev selfheal-out",
        "ip link set selfheal-out up",
        f"ip -n {OUTSIDE} addr add {OUTSIDE_ADDRESS}/30 dev selfheal-in",
        f"ip -n {OUTSIDE} link set selfheal-in up",
    ]
    for command in commands:
        subprocess.run(command.split(), check=True)
    program = (
        "import socket; s = socket.create_server(('', 8080)); print('up', flush=True)\n"
        "while True: s.accept()[0].close()"
    )
    server = subprocess.Popen(
        ["ip", "netns", "exec", OUTSIDE, "python3", "-c", program], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"up\n"
    yield
    server.kill()
    server.wait()
    server.stdout.close()
    subprocess.run(["ip", "link", "del", "selfheal-out"], check=True)
    subprocess.run(["ip", "netns", "del", OUTSIDE], check=True)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_with_no_rights_to_speak_of(containers: Containers, service: str) -> None:
    status = containers.execute(service, "cat", "/proc/self/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == [str(USER)] * 4
    assert {fields[name].strip("0") for name in ("CapEff", "CapPrm", "CapBnd")} == {""}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


@pytest.mark.parametrize("service", SERVICES)
def test_the_file_system_is_read_only_but_for_tmp(containers: Containers, service: str) -> None:
    refused = containers.execute(service, "touch", "/app/new", "/srv/new", check=False)
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr
    containers.execute(service, "touch", "/tmp/new")


@pytest.mark.parametrize("service", ["postgres", *SERVICES])
def test_ports_are_published_on_loopback_alone(containers: Containers, service: str) -> None:
    bindings = containers.inspect(service)["NetworkSettings"]["Ports"]
    hosts = {binding["HostIp"] for found in bindings.values() for binding in found or []}
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize("service", ["postgres", *SERVICES])
def test_each_container_has_limits_and_comes_back(containers: Containers, service: str) -> None:
    host = containers.inspect(service)["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert 0 < host["Memory"] <= 2 * 2**30
    assert host["NanoCpus"] > 0
    assert 0 < host["PidsLimit"] <= 512
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not host["Privileged"]


def test_an_init_process_reaps_what_the_sandbox_leaves(containers: Containers) -> None:
    for service in SERVICES:
        command = containers.execute(service, "cat", "/proc/1/cmdline").stdout
        assert "init" in command.split("\0")[0]


def test_the_evaluator_holds_no_way_into_the_database(containers: Containers) -> None:
    variables = containers.python("evaluator", "import os; print(*os.environ.values())")
    for secret in ("agent", "postgres", "5432"):
        assert secret not in variables
    reached = containers.python(
        "evaluator",
        "import socket\n"
        "try:\n    print(socket.getaddrinfo('postgres', 5432))\n"
        "except OSError: print('unknown')",
    )
    assert reached == "unknown"


def test_the_token_reaches_the_services_which_can_only_read_it(containers: Containers) -> None:
    read = "print(open('/var/lib/selfheal-token/internal-token').read())"
    token = containers.python("worker", read)
    assert len(token) >= 32
    assert containers.python("evaluator", read) == token
    assert containers.python("manager", read) == token
    for service in SERVICES:
        written = containers.execute(service, "touch", "/var/lib/selfheal-token/new", check=False)
        assert written.returncode != 0


def test_the_evaluator_has_no_way_out_and_still_answers(
    containers: Containers, outside: None
) -> None:
    assert containers.python("worker", CONNECT) == "reached"
    assert containers.python("evaluator", CONNECT) != "reached"
    body = {
        "request_id": "9920952d-083e-4374-9359-32ba8eb0a43a",
        "task_type": "code_generation",
        "user_input": "Write a function to add two numbers",
        "refined_input": "Write a function to add two numbers",
        "worker_output": "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```",
    }
    status, answer = fetch(8002, "/api/v1/evaluate", body)
    assert status == 200
    assert 0 <= answer["score"] <= 1


def test_a_hosted_judge_opens_the_evaluators_way_out(containers: Containers, outside: None) -> None:
    hosted = containers.having(JUDGE_MODEL="openai:no-model", OPENAI_API_KEY="not-a-key")
    hosted.up()
    try:
        assert hosted.python("evaluator", CONNECT) == "reached"
    finally:
        hosted.compose("down", "--timeout", "5")  # with the network of this judge
        containers.up()
    assert containers.python("evaluator", CONNECT) != "reached"


def test_a_key_reaches_no_evaluator_whose_judge_needs_none(
    containers: Containers, outside: None
) -> None:
    keyed = containers.having(JUDGE_MODEL="rubric", LLM_API_KEY="not-a-key")
    keyed.up("evaluator")
    try:
        assert keyed.python("evaluator", CONNECT) != "reached"
        assert "not-a-key" not in keyed.python("evaluator", "import os; print(os.environ)")
    finally:
        containers.up()


def test_answers_code_runs_in_the_sandbox() -> None:
    _, ready = fetch(8002, "/health/ready")
    sandbox = ready["sandbox"]
    assert (sandbox["backend"], sandbox["problem"]) == ("jail", "")
    assert {"no_new_privs", "seccomp"} <= set(sandbox["layers"])
