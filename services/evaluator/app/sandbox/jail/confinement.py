"""Confines a forked child: every layer in order, each proven by trying what it must prevent.

None of the layers needs a privilege, a namespace or a setting of the machine. Root gives up being
root first. What is required: an ordinary user's rights, no capabilities, limits, no_new_privs and
the seccomp filter. Landlock is a second lock on files, which the filter keeps shut as well; where
the kernel has none, the layers say so by leaving it out.
"""

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from . import kernel, landlock, rlimits
from .seccomp_filter import build_filter, encode
from .syscall_numbers import Architecture

_CAPABILITY_VERSION_3 = 0x20080522
_AT_FDCWD = -100
_PROT_READ_WRITE_EXEC = 7
_MAP_PRIVATE_ANONYMOUS = 0x22
_PAGE = 4096
_AF_INET = 2
_SOCK_STREAM = 1
_RLIMIT_CPU = 0
_PTRACE_TRACEME = 0
_SIGNALS_NONE = 0
_ANY_FILE = b"/proc/self/status"


class ConfinementError(Exception):
    """A layer is missing or doesn't hold, so nothing may be run."""

    def __init__(self, layer: str, problem: str) -> None:
        super().__init__(f"{layer}: {problem}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The user and the limits that a child is confined with.

    Attributes:
        uid: User to become where this process is root; no other run has it at the same time.
        memory_bytes: Largest address space, in bytes.
        cpu_seconds: Largest processor time, in seconds.
        lifetime_ms: When the kernel ends the process at the latest, in ms from now.
        without: Names of layers to treat as missing, so that tests see what a poorer machine gets.
    """

    uid: int
    memory_bytes: int
    cpu_seconds: int
    lifetime_ms: int
    without: frozenset[str] = frozenset()


class Confinement:
    """The layers, prepared once before forking: building the filter is the slow part."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._filter = encode(build_filter(architecture))

    def enter(self, plan: Plan) -> list[str]:
        """Confine this process; nothing can undo it.

        Returns:
            The layers in force: `uid`, `capabilities`, `limits`, `no_new_privs`, `landlock7`,
            `seccomp`. `uid` only where this process was root and gave it up.

        Raises:
            ConfinementError: If a required layer is missing or a probe gets through.
        """
        layers = []
        _volunteer_for_the_oom_killer()
        if os.geteuid() == 0:
            self._layer(plan, "uid", lambda: _become(plan.uid))
            layers.append("uid")
        _check_not_root()
        # After the change of user, which would clear it.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        self._layer(plan, "capabilities", self._drop_capabilities)
        self._layer(plan, "limits", lambda: self._limit(plan))
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        self._layer(plan, "no_new_privs", _forbid_new_privileges)
        layers += ["capabilities", "limits", "no_new_privs"]
        version = self._lock_files(plan)
        if version:
            layers.append(f"landlock{version}")
        self._layer(plan, "seccomp", lambda: kernel.install_filter(self._filter))
        layers.append("seccomp")
        self._probe()
        return layers

    @staticmethod
    def _layer(plan: Plan, name: str, enter: Callable[[], object]) -> None:
        try:
            if name in plan.without:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            enter()
        except (OSError, ValueError) as error:
            raise ConfinementError(name, str(error)) from error

    def _drop_capabilities(self) -> None:
        header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
        kernel.syscall(self._architecture.numbers["capset"], header, bytes(24))

    def _limit(self, plan: Plan) -> None:
        rlimits.kill_self_after(self._architecture, plan.lifetime_ms)
        rlimits.set_limits(memory_bytes=plan.memory_bytes, cpu_seconds=plan.cpu_seconds)

    def _lock_files(self, plan: Plan) -> int:
        """Put Landlock in force; return its version, 0 where the kernel has none."""
        if "landlock" in plan.without:
            return 0
        try:
            version = landlock.deny_everything(self._architecture)
        except OSError:
            return 0
        # Now, since the filter will hide from a later probe what Landlock does.
        if _answer_to_opening(self._architecture, b"/") != errno.EACCES:
            raise ConfinementError("landlock", "a directory could still be opened")
        return version

    def _probe(self) -> None:
        """Try everything that must be impossible now."""
        numbers = self._architecture.numbers
        own_id = os.getpid()
        attempts: tuple[tuple[str, int, tuple[kernel.Argument, ...]], ...] = (
            ("socket", errno.EPERM, (_AF_INET, _SOCK_STREAM, 0)),
            ("execve", errno.EPERM, (b"/bin/true", None, None)),
            ("kill", errno.EPERM, (own_id, _SIGNALS_NONE)),
            ("ptrace", errno.EPERM, (_PTRACE_TRACEME, 0, None, None)),
            ("prlimit64", errno.EPERM, (0, _RLIMIT_CPU, bytes(16), None)),
            ("setresuid", errno.EPERM, (-1, -1, -1)),
            (
                "mmap",
                errno.EPERM,
                (None, _PAGE, _PROT_READ_WRITE_EXEC, _MAP_PRIVATE_ANONYMOUS, -1, 0),
            ),
        )
        for name, expected, arguments in attempts:
            if kernel.answer_of(numbers[name], *arguments) != expected:
                raise ConfinementError("seccomp", f"{name} was let through")
        if _answer_to_opening(self._architecture, _ANY_FILE) != errno.ENOENT:
            raise ConfinementError("seccomp", "a file could still be opened")
        self._probe_fork()

    def _probe_fork(self) -> None:
        try:
            child = kernel.syscall(self._architecture.numbers["clone"], signal.SIGCHLD, 0, 0, 0, 0)
        except OSError as error:
            if error.errno == errno.EPERM:
                return
            raise ConfinementError("seccomp", "clone was not refused by the filter") from error
        if child == 0:
            os._exit(0)
        raise ConfinementError("seccomp", "clone was let through")


def _volunteer_for_the_oom_killer() -> None:
    """Ask the kernel to end this process first where memory runs out."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as score:
            score.write(b"1000")
    except OSError:
        return  # no /proc here; the limit on memory still holds


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _check_not_root() -> None:
    if 0 in os.getresuid():
        raise ConfinementError("uid", "this process is still root")


def _forbid_new_privileges() -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS, 0) != 1:
        raise ConfinementError("no_new_privs", "the kernel didn't set it")


def _answer_to_opening(architecture: Architecture, path: bytes) -> int:
    return kernel.answer_of(architecture.numbers["openat"], _AT_FDCWD, path, os.O_RDONLY, 0)
