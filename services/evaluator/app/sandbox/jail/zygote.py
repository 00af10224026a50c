"""The zygote: has every module loaded, and forks a child for each run that the Evaluator asks for.

One process, one thread, an event loop. It sees no code and no result, only descriptors on their
way to a child, so there is nothing in its memory that one run could find of another. It ends with
the Evaluator, and its children end with it.
"""

import contextlib
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from . import child, kernel
from .clock import CLOCK
from .confinement import Confinement, Plan
from .preload import preload
from .program import Preparations
from .protocol import (
    MAX_MESSAGE,
    PASSED_DESCRIPTORS,
    Ending,
    Ready,
    RunEnded,
    StartRun,
    StopRun,
    decode,
    encode,
)
from .syscall_numbers import UnknownArchitectureError, this_architecture
from .third_party import ModuleProblemError, import_named

# A run that takes longer than this yields to those that don't: a loop is no reason to wait.
PATIENCE_SECONDS = 0.1
LOWEST_PRIORITY = 19
# How much longer than its time a child lives where it can't be killed from here.
_GRACE_MS = 500
_MIB = 1 << 20
_NANOSECONDS = 1_000_000_000
# Of 3 s, forty times what a plain run takes; a loop gets it even beside 15 others on two cores.
_FAIR_SHARE = 1 / 15


@dataclass(slots=True)
class _Child:
    """A run under way."""

    run_id: int
    pid: int
    started: float
    deadline: float
    ending: Ending = Ending.EXITED
    is_niced: bool = False
    is_killed: bool = False

    @property
    def next_moment(self) -> float:
        """When the child is to be niced or killed next, in seconds of the monotonic clock."""
        patience_ends = self.started + PATIENCE_SECONDS
        return self.deadline if self.is_niced else min(self.deadline, patience_ends)


def _why_late(running: _Child) -> Ending:
    """Tell a run that used its time from one that was hardly let run, as beside many loops.

    Linux tells in nanoseconds how long a process ran and how long it waited for a processor
    (proc(5), schedstat). Where it doesn't, the run is to blame.
    """
    try:
        with open(f"/proc/{running.pid}/schedstat", encoding="ascii") as file:
            ran, waited, _ = (int(number) for number in file.read().split())
    except (OSError, ValueError):
        return Ending.WALL
    allotted = (running.deadline - running.started) * _NANOSECONDS
    is_starved = ran < allotted * _FAIR_SHARE and waited > allotted / 2
    return Ending.STARVED if is_starved else Ending.WALL


class Zygote:
    """Forks a child for each order, kills those whose time is up, and reports how each ended."""

    def __init__(
        self,
        channel: socket.socket,
        preparations: Preparations,
        confinement: Confinement,
        without: frozenset[str],
        *,
        module_bytes: int = 0,
    ) -> None:
        self._preparations = preparations
        self._channel = channel
        self._confinement = confinement
        self._without = without
        self._module_bytes = module_bytes
        self._children: dict[int, _Child] = {}
        self._nothing = os.open(os.devnull, os.O_RDONLY)
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Serve until the Evaluator hangs up."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(self._milliseconds_to_wait())}
            if self._woken in ready:
                os.read(self._woken, 4096)
            self._reap()
            if self._channel.fileno() in ready and not self._obey():
                self._end_all()
                return
            self._act_on_time()

    def _milliseconds_to_wait(self) -> float | None:
        moments = [c.next_moment for c in self._children.values() if not c.is_killed]
        if not moments:
            return None
        return max(0, (min(moments) - time.monotonic()) * 1000 + 1)

    def _obey(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._channel, MAX_MESSAGE, PASSED_DESCRIPTORS)
        if not message:
            return False
        match decode(message):
            case StartRun() as order:
                self._start(order, descriptors)
            case StopRun(run_id):
                for running in self._children.values():
                    if running.run_id == run_id:
                        self._kill(running, Ending.STOPPED)
        return True

    def _start(self, order: StartRun, descriptors: list[int]) -> None:
        started = time.monotonic()
        try:
            pid = os.fork()
        except OSError:
            self._notify(RunEnded(order.run_id, Ending.NOT_STARTED, 0, 0, 0, 0))
            return
        else:
            if pid == 0:
                self._be_child(order, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        deadline = started + order.wall_ms / 1000
        self._children[pid] = _Child(order.run_id, pid, started, deadline)

    def _be_child(self, order: StartRun, descriptors: list[int]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            plan = Plan(
                uid=order.uid,
                memory_bytes=order.memory_mib * _MIB + self._module_bytes,
                cpu_seconds=order.cpu_seconds,
                lifetime_ms=order.wall_ms + _GRACE_MS,
                without=self._without,
            )
            child.run(descriptors, self._nothing, self._preparations, self._confinement, plan)
        finally:
            os._exit(child.EXIT_BROKEN)

    def _act_on_time(self) -> None:
        now = time.monotonic()
        for running in self._children.values():
            if running.is_killed:
                continue
            if now >= running.deadline:
                self._kill(running, _why_late(running))
            elif not running.is_niced and now >= running.started + PATIENCE_SECONDS:
                running.is_niced = True
                # Root without CAP_SYS_NICE may not. Then loops compete with everyone.
                with contextlib.suppress(PermissionError):
                    os.setpriority(os.PRIO_PROCESS, running.pid, LOWEST_PRIORITY)

    def _kill(self, running: _Child, ending: Ending) -> None:
        """Kill a child; it isn't reaped yet, so the number is still its own."""
        if running.is_killed:
            return
        running.is_killed = True
        running.ending = ending
        # Root without CAP_KILL may not. Then the child's own timer ends it a moment later.
        with contextlib.suppress(PermissionError):
            os.kill(running.pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for running in self._children.values():
            self._kill(running, Ending.STOPPED)
        while self._children:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            self._reap()

    def _reap(self) -> None:
        for pid in list(self._children):
            reaped, status, usage = os.wait4(pid, os.WNOHANG)
            if reaped == 0:
                continue
            running = self._children.pop(pid)
            self._notify(
                RunEnded(
                    run_id=running.run_id,
                    ending=running.ending,
                    exit_code=os.waitstatus_to_exitcode(status),
                    cpu_ms=round((usage.ru_utime + usage.ru_stime) * 1000),
                    wall_ms=round((time.monotonic() - running.started) * 1000),
                    peak_memory_kb=usage.ru_maxrss,
                )
            )

    def _notify(self, ended: RunEnded) -> None:
        # Where the Evaluator has hung up, the next order says so.
        with contextlib.suppress(ConnectionError):
            self._channel.send(encode(ended))


def _address_space() -> int:
    """Return this process's address space, in bytes; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def main(
    descriptor: int,
    without: frozenset[str] = frozenset(),
    modules: Sequence[str] = (),
    folders: Sequence[str] = (),
) -> None:
    """Serve as the zygote until the Evaluator hangs up.

    Args:
        descriptor: Descriptor of a socket to the Evaluator, which keeps messages apart.
        without: Names of layers to treat as missing, for tests.
        modules: Names of modules beyond the standard library that programs may import.
        folders: Where these are installed.
    """
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    try:
        confinement = Confinement(this_architecture())
    except UnknownArchitectureError as error:
        channel.send(encode(Ready(problem=str(error))))
        return
    CLOCK.install()
    preload()
    before = _address_space()
    if modules:
        try:
            import_named(modules, folders)
        except ModuleProblemError as error:
            channel.send(encode(Ready(problem=f"SANDBOX_MODULES: {error}")))
            return
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # What the modules take isn't taken from programs.
    module_bytes = _address_space() - before
    zygote = Zygote(channel, Preparations(), confinement, without, module_bytes=module_bytes)
    channel.send(encode(Ready()))
    zygote.serve()
