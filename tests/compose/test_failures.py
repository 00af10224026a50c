"""What breaks from outside: a process is killed from the host, a port is taken, a key is wrong.

`docker kill` counts as a stop by hand, after which Docker restarts nothing; a process that dies by
itself is another matter, and is what happens in earnest.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from support.containers import Containers, ask, fetch, is_ready, poll_until
from support.http_server import JsonHandler, serving

PORTS = {"manager": 8000, "worker": 8001, "evaluator": 8002}
KEY = "sk-not-a-right-key"
REQUESTS = 60

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="a container's process can be killed from the host by root alone"
)


@pytest.fixture(scope="module", autouse=True)
def running(containers: Containers) -> None:
    containers.up()


def kill_service(containers: Containers, service: str) -> psutil.Process:
    """Kill what a container's init started; the init then ends, as it would by itself."""
    init = psutil.Process(containers.host_process_id(service))
    (process,) = init.children()
    process.send_signal(signal.SIGKILL)
    return init


@needs_root
@pytest.mark.parametrize("service", PORTS)
def test_a_service_that_is_killed_comes_back(containers: Containers, service: str) -> None:
    gone = kill_service(containers, service)
    assert poll_until(lambda: not gone.is_running())
    assert poll_until(lambda: is_ready(PORTS[service]))
    assert containers.inspect(service)["RestartCount"] >= 1
    assert poll_until(lambda: ask()[0] == 200)


@needs_root
def test_no_acknowledged_request_is_lost_when_postgresql_is_killed(containers: Containers) -> None:
    before = containers.host_process_id("postgres")
    acknowledged: set[str] = set()
    refused: list[tuple[int, str]] = []
    killed = threading.Event()

    def send(number: int) -> None:
        if number == REQUESTS // 3:
            os.kill(before, signal.SIGKILL)
            killed.set()
        status, answer = ask()
        if status == 200:
            acknowledged.add(answer["request_id"])
        else:
            refused.append((status, answer["code"]))

    with ThreadPoolExecutor(4) as pool:
        for sent in [pool.submit(send, number) for number in range(REQUESTS)]:
            sent.result()
    assert killed.is_set()
    assert poll_until(lambda: ask()[0] == 200)
    assert containers.host_process_id("postgres") != before
    assert acknowledged
    containers.compose("up", "--detach", "--wait", "--no-recreate", "postgres")

    def has_landed() -> bool:
        """Tell whether what waited on the Manager's disk is in the log."""
        logged = containers.psql("SELECT request_id FROM execution_logs").split()
        return acknowledged <= set(logged)

    assert poll_until(has_landed)
    # Whoever wasn't served was told so by a stable code, not by a closed connection.
    assert all(status >= 500 and code for status, code in refused)


@pytest.mark.parametrize(("service", "setting"), [("manager", "MANAGER_PORT")])
def test_a_port_that_is_taken_is_named_and_its_setting_helps(
    containers: Containers, service: str, setting: str
) -> None:
    containers.compose("rm", "--stop", "--force", service)
    with socket.create_server(("127.0.0.1", PORTS[service])):
        refused = containers.compose("up", "--detach", service, check=False)
        assert refused.returncode != 0
        assert f"127.0.0.1:{PORTS[service]}" in refused.stderr
        free = free_port()
        containers.having(**{setting: str(free)}).up(service)
        assert poll_until(lambda: fetch(free, "/health")[0] == 200)
    containers.up()


def test_a_wrong_key_is_answered_with_what_to_do_and_never_logged(containers: Containers) -> None:
    with refusing_endpoint(containers) as url:
        hosted = containers.having(
            LLM_API_KEY=KEY, LLM_BASE_URL=url, JUDGE_MODEL="rubric", OPTIMIZER_MODEL="rules"
        )
        hosted.up()
        status, answer = ask()
        assert status >= 500
        assert answer["code"] == "worker_failed"
        assert "refused" in answer["message"]
        assert "LLM_API_KEY" in answer["message"]
        assert answer["request_id"]
        logs = hosted.compose("logs", "--no-color")
        assert KEY not in json.dumps(answer) + logs.stdout + logs.stderr
    containers.up()
    assert ask()[0] == 200


def test_a_wrong_setting_is_named_in_the_log(containers: Containers) -> None:
    wrong = containers.having(LLM_TEMPERATURE="hot")
    failed = wrong.compose("up", "--detach", "--wait", "worker", check=False)
    assert failed.returncode != 0
    log = wrong.compose("logs", "--no-color", "worker").stdout
    assert "setting LLM_TEMPERATURE" in log
    assert "Traceback" not in log
    containers.up()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port: int = opened.getsockname()[1]
    return port


@contextmanager
def refusing_endpoint(containers: Containers) -> Iterator[str]:
    """A vendor's endpoint on the host that refuses every key."""

    class Refuse(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            refusal = b'{"error": {"message": "Incorrect API key provided", "type": "invalid"}}'
            self.answer(401, refusal)

    network = containers.inspect("worker")["NetworkSettings"]["Networks"]
    (gateway,) = (found["Gateway"] for name, found in network.items() if name.endswith("_default"))
    with serving(Refuse, gateway) as url:
        yield f"{url}/v1"
