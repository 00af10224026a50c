import json
import os
import stat
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.processes.readiness import find_obstacle
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.states import State
from selfheal.runtime.waiting import wait_until

MakeSpec = Callable[..., ProcessSpec]


def start(processes: ProcessTable, spec: ProcessSpec) -> int:
    record = processes.process(spec.name).spawn(spec)
    assert wait_until(lambda: not find_obstacle(spec.ready_url), timeout_seconds=20)
    return record.pid


def seen_by(home: Path) -> ProcessTable:
    """The same processes as another command sees them, which isn't their parent."""
    return ProcessTable(home, working_directory=home.parent, inherited={})


def test_a_process_runs_with_its_environment_and_is_found_again(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    spec = make_spec("worker", SECRET="x")
    pid = start(processes, spec)
    status = seen_by(home).process("worker").status()
    assert (status.state, status.pid, status.address) == (State.RUNNING, pid, spec.address)
    with urllib.request.urlopen(spec.ready_url) as response:
        environment = json.load(response)
    assert environment["SECRET"] == "x"
    assert environment["INHERITED"] == "yes"
    assert "WITHHELD" not in environment
    assert processes.process("worker").environment["SECRET"] == "x"
    assert os.getsid(pid) == pid


def test_records_and_logs_are_private_and_hold_no_secret(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    start(processes, make_spec("worker", SECRET="s3cr3t"))
    record = home / "run" / "worker.json"
    assert "s3cr3t" not in record.read_text()
    for path in (record, processes.process("worker").log_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_damaged_record_is_no_process_and_is_written_anew(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    record = home / "run" / "worker.json"
    record.parent.mkdir(mode=0o700, parents=True)
    record.write_bytes(b"\xff\x81\x00")
    assert processes.process("worker").status().state is State.STOPPED
    pid = start(processes, make_spec("worker"))
    assert seen_by(home).process("worker").status().pid == pid


def test_stop_ends_it_and_forgets_it(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    pid = start(processes, make_spec("worker"))
    assert seen_by(home).process("worker").stop() is True
    assert wait_until(lambda: not processes.process("worker").is_running(), timeout_seconds=5)
    assert processes.process("worker").status().state is State.STOPPED
    assert processes.process("worker").was_asked_to_stop()
    assert processes.names() == []
    assert processes.process("worker").stop() is False
    assert processes.process("worker").exit_code is not None or not psutil.pid_exists(pid)


def test_stop_kills_what_ignores_it_and_what_it_started(
    processes: ProcessTable, make_spec: MakeSpec
) -> None:
    stubborn = start(processes, make_spec("stubborn", "stubborn"))
    assert processes.process("stubborn").stop(grace_seconds=0.2) is True
    assert not psutil.pid_exists(stubborn)

    parent = start(processes, make_spec("parent", "parent"))
    (child,) = psutil.Process(parent).children()
    assert processes.process("parent").stop() is True
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_crash_is_told_with_its_last_error_and_exit_code(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    spec = make_spec("worker")
    start(processes, spec)
    assert find_obstacle(f"http://127.0.0.1:{spec.port}/crash")
    assert wait_until(lambda: processes.process("worker").exit_code == 7, timeout_seconds=5)
    status = seen_by(home).process("worker").status()
    assert status.state is State.CRASHED
    assert status.detail == "exited unexpectedly: told_to_crash"
    assert status.pid is None
    assert not processes.process("worker").was_asked_to_stop()


def test_a_process_that_is_not_ready_is_starting_while_it_is_young(
    processes: ProcessTable, make_spec: MakeSpec
) -> None:
    processes.process("worker").spawn(make_spec("worker", "unready"))
    assert processes.process("worker").status().state is State.STARTING


def test_a_process_that_served_and_does_not_any_more_is_told_with_its_own_words(
    processes: ProcessTable, make_spec: MakeSpec
) -> None:
    process = processes.process("worker")
    spec = make_spec("worker", "unready")
    process.spawn(spec)
    process.note_ready()
    assert wait_until(lambda: "answers 503" in find_obstacle(spec.ready_url), timeout_seconds=20)
    status = process.status()
    assert status.state is State.UNHEALTHY
    assert status.detail == "runs, but is not ready to serve: The disk is full."


def test_a_record_whose_pid_another_program_got_is_a_crash(
    processes: ProcessTable, make_spec: MakeSpec, home: Path
) -> None:
    pid = start(processes, make_spec("worker"))
    path = home / "run" / "worker.json"
    record = json.loads(path.read_text())
    stranger = {**record, "create_time": record["create_time"] - 100, "command": ["other"]}
    path.write_text(json.dumps(stranger))
    table = seen_by(home)
    assert table.process("worker").status().state is State.CRASHED
    assert table.process("worker").stop() is False
    assert psutil.Process(pid).is_running()
    path.write_text(json.dumps(record))


def test_a_program_that_is_not_there_is_a_friendly_error(
    processes: ProcessTable, make_spec: MakeSpec
) -> None:
    spec = make_spec("worker")
    with pytest.raises(EmbeddedRuntimeError, match="/nonexistent/program"):
        processes.process("worker").spawn(
            ProcessSpec(
                name="worker",
                command=("/nonexistent/program",),
                environment={},
                ready_url=spec.ready_url,
                port=spec.port,
                port_setting=spec.port_setting,
            )
        )
    assert processes.names() == []
