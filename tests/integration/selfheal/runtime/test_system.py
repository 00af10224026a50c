import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from selfheal.runtime import system as system_module
from selfheal.runtime.errors import (
    BusyError,
    InterruptedStartError,
    PortTakenError,
    ProcessFailedError,
)
from selfheal.runtime.foreground import ForegroundWatch, in_foreground
from selfheal.runtime.locking import exclusive
from selfheal.runtime.process_plan import Credentials, Stages
from selfheal.runtime.processes.readiness import find_obstacle
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.system import System
from selfheal.runtime.waiting import wait_until

MakeSpec = Callable[..., ProcessSpec]


LATER = ("manager", "console")


class StubDatabase:
    """A database that is a flag."""

    name = "postgres"
    database_url = "postgresql://stub"
    service_urls: ClassVar[dict[str, str]] = {}
    exit_code = None
    log_file = Path(os.devnull)

    def __init__(self) -> None:
        self.runs = False

    def start(self, **_: object) -> bool:
        started, self.runs = not self.runs, True
        return started

    def stop(self) -> bool:
        ran, self.runs = self.runs, False
        return ran

    def status(self) -> ProcessStatus:
        return ProcessStatus(self.name, State.RUNNING if self.runs else State.STOPPED)

    def is_running(self) -> bool:
        return self.runs

    def was_asked_to_stop(self) -> bool:
        return True

    def destroy(self) -> None:
        self.runs = False


class Stubs:
    """Builds systems over stub processes, one directory and one database for all of them."""

    def __init__(self, home: Path, processes: ProcessTable, make_spec: MakeSpec) -> None:
        self.home = home
        self.processes = processes
        self.database = StubDatabase()
        self.make_spec = make_spec
        self.specs = {name: make_spec(name) for name in ("worker", "evaluator", "manager")}
        self.seen: list[Credentials] = []

    def change(self, name: str, behaviour: str = "ok", **environment: str) -> None:
        port = self.specs[name].port
        self.specs[name] = self.make_spec(name, behaviour, port=port, **environment)

    def system(self, *, as_another_command: bool = False) -> System:
        def plan(credentials: Credentials) -> Stages:
            self.seen.append(credentials)
            first = [spec for name, spec in self.specs.items() if name not in LATER]
            last = [[self.specs["console"]]] if "console" in self.specs else []
            return [first, [self.specs["manager"]], *last]

        table = self.processes
        if as_another_command:
            table = ProcessTable(self.home, working_directory=self.home.parent, inherited={})
        return System(
            self.home,
            database=self.database,
            processes=table,
            plan=plan,
            service_files=[self.home / "measured.json", self.home / "spool"],
        )

    def pid(self, name: str) -> int:
        record = self.processes.process(name).record
        assert record is not None
        return record.pid


@pytest.fixture
def stubs(home: Path, processes: ProcessTable, make_spec: MakeSpec) -> Stubs:
    return Stubs(home, processes, make_spec)


def states(system: System) -> list[tuple[str, str]]:
    return [(status.name, status.state.value) for status in system.status()]


def ends(system: System, name: str) -> bool:
    process = system.processes.process(name)
    return wait_until(lambda: not process.is_running(), timeout_seconds=5)


def test_up_starts_in_order_and_down_stops_in_the_reverse_order(stubs: Stubs) -> None:
    system = stubs.system()
    assert system.up() == ["postgres", "worker", "evaluator", "manager"]
    assert states(system) == [
        (name, "running") for name in ("postgres", "worker", "evaluator", "manager")
    ]
    assert system.down() == ["manager", "evaluator", "worker", "postgres"]
    assert {state for _, state in states(system)} == {"stopped"}
    assert system.down() == []


def test_a_reset_removes_what_was_measured_and_keeps_what_is_not_the_systems(
    stubs: Stubs,
) -> None:
    system = stubs.system()
    system.up()
    for name in ("measured.json", "kept.json"):
        (stubs.home / name).touch()
    (stubs.home / "spool").mkdir()
    (stubs.home / "spool" / "1.spool").touch()
    system.reset()
    assert {state for _, state in states(system)} == {"stopped"}
    # By the key people are found in a database that isn't ours to remove.
    left = {path.name for path in stubs.home.iterdir()}
    assert left == {"lock", "kept.json", "end-user-key"}


def test_up_does_nothing_where_everything_runs(stubs: Stubs) -> None:
    stubs.system().up()
    before = stubs.pid("worker")
    assert stubs.system(as_another_command=True).up() == []
    assert stubs.pid("worker") == before


def test_token_and_key_are_generated_once_and_kept_private(stubs: Stubs) -> None:
    stubs.system().up()
    stubs.system().up()
    tokens = {credentials.internal_token for credentials in stubs.seen if credentials.database_url}
    assert len(tokens) == 1
    assert len(tokens.pop()) >= 32
    keys = {credentials.end_user_key for credentials in stubs.seen if credentials.database_url}
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    for name in ("internal-token", "end-user-key"):
        assert (stubs.home / name).stat().st_mode & 0o777 == 0o600


def test_up_repairs_what_crashed_and_leaves_the_rest_alone(stubs: Stubs) -> None:
    system = stubs.system()
    system.up()
    manager = stubs.pid("manager")
    psutil.Process(stubs.pid("worker")).kill()
    assert ends(system, "worker")
    assert ("worker", "crashed") in states(system)
    assert system.up() == ["worker"]
    assert stubs.pid("manager") == manager


def test_up_restarts_what_is_configured_otherwise(stubs: Stubs) -> None:
    system = stubs.system()
    system.up()
    evaluator = stubs.pid("evaluator")
    stubs.change("worker", LLM_PROVIDER="local")
    assert system.up() == ["worker"]
    assert stubs.pid("evaluator") == evaluator


def test_up_stops_what_is_no_longer_planned(stubs: Stubs) -> None:
    stubs.specs["local-model"] = stubs.make_spec("local-model")
    system = stubs.system()
    system.up()
    del stubs.specs["local-model"]
    assert ("local-model", "running") in states(system)
    system.up()
    assert "local-model" not in dict(states(system))


PORTLESS = """
import sys, time
if sys.argv[1] == "fail":
    sys.exit("RuntimeError: there is no hope")
time.sleep(600)
"""


def make_portless(behaviour: str = "ok") -> ProcessSpec:
    """A process that listens nowhere, as the Optimizer's continuous mode."""
    return ProcessSpec(
        name="optimizer",
        command=(sys.executable, "-c", PORTLESS, behaviour),
        environment={},
    )


def test_a_process_that_listens_nowhere_is_a_part_like_any_other(
    stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selfheal.runtime.processes.process.SETTLING_SECONDS", 0.1)
    stubs.specs = {"worker": stubs.specs["worker"], "manager": stubs.specs["manager"]}
    stubs.specs["optimizer"] = make_portless()
    system = stubs.system()
    assert system.up() == ["postgres", "worker", "optimizer", "manager"]
    assert ("optimizer", "running") in states(system)
    assert {status.name: status.address for status in system.status()}["optimizer"] == ""
    assert stubs.system(as_another_command=True).up() == []
    psutil.Process(stubs.pid("optimizer")).kill()
    assert ends(system, "optimizer")
    assert ("optimizer", "crashed") in states(system)
    assert system.up() == ["optimizer"]
    assert "optimizer" in system.down()


def test_a_process_that_listens_nowhere_and_ends_at_once_is_reported(stubs: Stubs) -> None:
    stubs.specs = {"manager": stubs.specs["manager"], "optimizer": make_portless("fail")}
    system = stubs.system()
    with pytest.raises(ProcessFailedError, match="optimizer ended while it was starting"):
        system.up()
    status = next(status for status in system.status() if status.name == "optimizer")
    assert status.state is State.CRASHED
    assert "there is no hope" in status.detail


def test_a_service_that_ends_at_once_is_reported_with_its_log(stubs: Stubs) -> None:
    stubs.change("worker", "fail")
    system = stubs.system()
    with pytest.raises(ProcessFailedError) as raised:
        system.up()
    assert raised.value.message == "worker ended while it was starting (exit code 1)."
    assert "there is no hope" in raised.value.log_tail
    assert dict(states(system))["worker"] == "crashed"
    stubs.change("worker")
    assert "worker" in system.up()


@pytest.mark.parametrize(
    ("behaviour", "seconds", "why"),
    [("unready", 2, "answers 503 "), ("slow", 0.2, "gives no answer (")],
)
def test_a_service_that_does_not_get_ready_is_reported_with_what_it_says(
    stubs: Stubs, monkeypatch: pytest.MonkeyPatch, behaviour: str, seconds: float, why: str
) -> None:
    monkeypatch.setattr(system_module, "READY_TIMEOUT_SECONDS", seconds)
    del stubs.specs["worker"]  # it would have to be ready in that time as well
    stubs.change("evaluator", behaviour)
    with pytest.raises(ProcessFailedError) as raised:
        stubs.system().up()
    said = f"evaluator wasn't ready within {seconds:g} s: http://127.0.0.1:"
    assert raised.value.message.startswith(said)
    assert why in raised.value.message
    log = stubs.system().processes.process("evaluator").log_file
    assert raised.value.log_tail == log.read_text().strip()


def test_a_port_that_another_program_holds_is_refused_with_its_setting(stubs: Stubs) -> None:
    address = ("127.0.0.1", stubs.specs["manager"].port)
    with socket.create_server(address), pytest.raises(PortTakenError) as raised:
        stubs.system().up()
    assert "MANAGER_PORT" in raised.value.remedy
    assert str(stubs.specs["manager"].port) in raised.value.message


@pytest.mark.parametrize("behaviour", ["ok", "fail"])
def test_all_else_runs_where_the_console_cannot(stubs: Stubs, behaviour: str) -> None:
    spec = replace(stubs.make_spec("console", behaviour), is_optional=True)
    stubs.specs["console"] = spec
    system = stubs.system()
    place = ("127.0.0.1", spec.port if behaviour == "ok" else 0)
    with socket.create_server(place), in_foreground(system) as watch:
        assert ("manager", "running") in states(system)
        assert ("console", "running") not in states(system)
        (error,) = system.left_out
        assert "CONSOLE_PORT" in error.remedy or "console" in error.message
        assert watch.check() is True
    assert system.up()[-1] == "console"
    assert bool(system.left_out) == (behaviour == "fail")


@pytest.mark.parametrize("patience", [0, 2, 4, 8])
def test_an_interrupted_up_stops_what_it_started(stubs: Stubs, patience: int) -> None:
    asked = 0

    def lose_patience() -> bool:
        nonlocal asked
        asked += 1
        return asked > patience

    stubs.change("manager", "slow")
    system = stubs.system()
    with pytest.raises(InterruptedStartError):
        system.up(interrupted=lose_patience)
    assert {state for _, state in states(system)} == {"stopped"}
    assert all(find_obstacle(spec.ready_url) for spec in stubs.specs.values())


def test_two_ups_take_turns(stubs: Stubs) -> None:
    started: list[str] = []
    ups = [
        threading.Thread(target=lambda: started.extend(stubs.system(as_another_command=True).up()))
        for _ in range(2)
    ]
    for up in ups:
        up.start()
    for up in ups:
        up.join()
    assert sorted(started) == ["evaluator", "manager", "postgres", "worker"]


def test_a_lock_that_stays_taken_is_reported(tmp_path: Path) -> None:
    first = exclusive(tmp_path / "lock")
    second = exclusive(tmp_path / "lock", timeout_seconds=0)
    with first, pytest.raises(BusyError), second:
        pass
    with exclusive(tmp_path / "lock", timeout_seconds=0):
        pass


def test_the_watch_tells_a_crash_from_a_stop(stubs: Stubs) -> None:
    system = stubs.system()
    with in_foreground(system):
        watch = ForegroundWatch(system)
        assert watch.check() is True
        psutil.Process(stubs.pid("worker")).kill()
        assert ends(system, "worker")
        with pytest.raises(ProcessFailedError, match=r"worker ended unexpectedly \(killed by sig"):
            watch.wait()
        system.up()
        assert stubs.system(as_another_command=True).processes.process("worker").stop() is True
        watch.wait()
    assert {state for _, state in states(system)} == {"stopped"}


FOREGROUND = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_system import StubDatabase
from selfheal.runtime.foreground import in_foreground
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.system import System

home = Path({home!r})
stages = [[ProcessSpec(name=name, command=(sys.executable, {stub!r}, str(port), behaviour),
    environment={{}}, ready_url=f"http://127.0.0.1:{{port}}/", port=port, port_setting="PORT")]
    for name, port, behaviour in {processes!r}]
table = ProcessTable(home, working_directory=home.parent, inherited={{}})
system = System(home, database=StubDatabase(), processes=table, plan=lambda _: stages)
with in_foreground(system, lambda message: print(message, flush=True)) as watch:
    print("up", flush=True)
    watch.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("behaviour", "moment"), [("ok", "up"), ("slow", "starting manager")])
def test_a_signal_ends_the_foreground_and_leaves_nothing_behind(
    stubs: Stubs, number: signal.Signals, behaviour: str, moment: str
) -> None:
    stub = Path(__file__).with_name("stub_service.py")
    processes = [("worker", stubs.specs["worker"].port, "parent")]
    processes.append(("manager", stubs.specs["manager"].port, behaviour))
    program = textwrap.dedent(FOREGROUND).format(
        tests=str(stub.parent), home=str(stubs.home), stub=str(stub), processes=processes
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == moment:
            break
    family = psutil.Process(child.pid).children(recursive=True)
    assert family
    child.send_signal(number)
    output, errors = child.communicate(timeout=60)
    assert "stopped worker" in output
    assert "KeyboardInterrupt" in errors or "Interrupted" in errors
    assert not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family
    )
    assert list((stubs.home / "run").iterdir()) == []
