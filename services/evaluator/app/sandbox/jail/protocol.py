"""The messages between the Evaluator and the zygote, over a socket that keeps them apart.

The zygote is told how to run, never what: code goes straight to the child, through a file in
memory, and results come straight back, through pipes.
"""

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import ClassVar

MAX_MESSAGE = 4096
# Descriptors that come with a StartRun: code and steps; what is printed; results.
PASSED_DESCRIPTORS = 3


class Ending(IntEnum):
    """Why a run ended."""

    EXITED = 0  # by itself, or by a signal of the kernel's
    WALL = 1  # its time was up
    STOPPED = 2  # the Evaluator said so
    NOT_STARTED = 3  # no process could be made
    STARVED = 4  # its time was up, and it had hardly been let run


@dataclass(frozen=True, slots=True)
class _Packed:
    """A message of fixed layout: its tag, then its fields in order."""

    LAYOUT: ClassVar[struct.Struct]
    TAG: ClassVar[bytes]

    def encode(self) -> bytes:
        """Encode the message for the socket."""
        return self.LAYOUT.pack(self.TAG, *astuple(self))


@dataclass(frozen=True, slots=True)
class StartRun(_Packed):
    """Evaluator to zygote: fork a child."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("=cIIIII")
    TAG: ClassVar[bytes] = b"R"

    run_id: int
    uid: int
    wall_ms: int
    cpu_seconds: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class StopRun(_Packed):
    """Evaluator to zygote: kill that run's child, if it is still there."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("=cI")
    TAG: ClassVar[bytes] = b"S"

    run_id: int


@dataclass(frozen=True, slots=True)
class RunEnded(_Packed):
    """Zygote to Evaluator: the child is gone and reaped.

    `exit_code` is minus the signal where one ended it; times are the processor's, user and system,
    and what passed since the fork.
    """

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("=cIBiIII")
    TAG: ClassVar[bytes] = b"E"

    run_id: int
    ending: Ending
    exit_code: int
    cpu_ms: int
    wall_ms: int
    peak_memory_kb: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Zygote to Evaluator, once: its modules are loaded, or `problem` says why it can't serve."""

    TAG: ClassVar[bytes] = b"H"

    problem: str = ""

    def encode(self) -> bytes:
        """Encode the message for the socket."""
        return self.TAG + self.problem.encode()[: MAX_MESSAGE - 1]


class ProtocolError(Exception):
    """A message that the other side never sends."""


def read_order(message: bytes) -> StartRun | StopRun:
    """Decode an order of the Evaluator.

    Raises:
        ProtocolError: If it is neither order.
    """
    for order in (StartRun, StopRun):
        if message[:1] == order.TAG and len(message) == order.LAYOUT.size:
            return order(*order.LAYOUT.unpack(message)[1:])
    raise ProtocolError("not an order")


def read_notice(message: bytes) -> RunEnded | Ready:
    """Decode a message of the zygote.

    Raises:
        ProtocolError: If it is neither message.
    """
    if message[:1] == Ready.TAG:
        return Ready(message[1:].decode(errors="replace"))
    if message[:1] == RunEnded.TAG and len(message) == RunEnded.LAYOUT.size:
        _, run_id, ending, *rest = RunEnded.LAYOUT.unpack(message)
        return RunEnded(run_id, Ending(ending), *rest)
    raise ProtocolError("not a notice")
