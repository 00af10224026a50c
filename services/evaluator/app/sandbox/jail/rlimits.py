"""Limits what a confined process may use: rlimits, and a timer of its own that ends it."""

import ctypes
import resource
import signal
import struct

from . import kernel
from .syscall_numbers import Architecture

_MIB = 1 << 20
_STACK_BYTES = 8 * _MIB
_OPEN_FILES = 32
_PENDING_SIGNALS = 32
# The resource module doesn't name these two; <asm-generic/resource.h>.
_RLIMIT_SIGPENDING = 11
_RLIMIT_MSGQUEUE = 12

_CLOCK_MONOTONIC = 1
_SIGEVENT_BYTES = 64
_SIGEV_SIGNAL = 0


def set_limits(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Set hard limits on this process, which only root could raise again.

    The processor's limit is soft and hard at once: the kernel then sends SIGKILL, where a lower
    soft limit would send SIGXCPU first, which a program can ignore.

    Raises:
        OSError: If the kernel refuses one that matters.
        ValueError: Likewise.
    """
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_STACK, _STACK_BYTES),
    ):
        _lower(limit, value)
    for limit, value in (
        # Counted over all processes of the user: 0 forbids this process to fork, and no other.
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (_RLIMIT_SIGPENDING, _PENDING_SIGNALS),
        (_RLIMIT_MSGQUEUE, 0),
    ):
        try:
            _lower(limit, value)
        except (OSError, ValueError):  # gVisor knows fewer; the filter forbids all four anyway
            continue


def kill_self_after(architecture: Architecture, milliseconds: int) -> None:
    """Have the kernel end this process in time, even where its parent can't.

    A POSIX timer that sends SIGKILL. The filter allows no call that could set or delete it.

    Raises:
        OSError: If the kernel refuses.
    """
    event = struct.pack("=Qii", 0, signal.SIGKILL, _SIGEV_SIGNAL).ljust(_SIGEVENT_BYTES, b"\0")
    timer = ctypes.create_string_buffer(4)
    kernel.syscall(architecture.numbers["timer_create"], _CLOCK_MONOTONIC, event, timer)
    seconds, rest = divmod(milliseconds, 1000)
    once = struct.pack("=qqqq", 0, 0, seconds, rest * 1_000_000)
    number = int.from_bytes(timer.raw, "little")
    kernel.syscall(architecture.numbers["timer_settime"], number, 0, once, None)


def _lower(limit: int, value: int) -> None:
    """Set soft and hard limit, below the hard limit that is in force where that is lower."""
    hard = resource.getrlimit(limit)[1]
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (lowest, lowest))
