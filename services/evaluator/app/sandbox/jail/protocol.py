"""The messages between the Evaluator and the zygote, over a socket that keeps them apart.

The zygote is told how to run, never what: code goes straight to the child, through a file in
memory, and results come straight back, through pipes.
"""

import json
from dataclasses import astuple, dataclass
from enum import IntEnum

MAX_MESSAGE = 4096
# Each may take six bytes.
_MAX_PROBLEM_CHARACTERS = 600
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
class StartRun:
    """Evaluator to zygote: fork a child."""

    run_id: int
    uid: int
    wall_ms: int
    cpu_seconds: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class StopRun:
    """Evaluator to zygote: kill that run's child, if it is still there."""

    run_id: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Zygote to Evaluator: the child is gone and reaped.

    `exit_code` is minus the signal where one ended it; times are the processor's, user and system,
    and what passed since the fork.
    """

    run_id: int
    ending: Ending
    exit_code: int
    cpu_ms: int
    wall_ms: int
    peak_memory_kb: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Zygote to Evaluator, once: its modules are loaded, or `problem` says why it can't serve."""

    problem: str = ""


Message = StartRun | StopRun | RunEnded | Ready
_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (StartRun, StopRun, RunEnded, Ready)
}


def encode(message: Message) -> bytes:
    """Encode a message for the socket."""
    if isinstance(message, Ready):
        message = Ready(message.problem[:_MAX_PROBLEM_CHARACTERS])
    return json.dumps([type(message).__name__, *astuple(message)], ensure_ascii=False).encode()


def decode(content: bytes) -> Message:
    """Decode a message.

    Raises:
        ValueError: If the other side never sends such a one.
    """
    try:
        name, *fields = json.loads(content)
        if name == RunEnded.__name__:
            fields[1] = Ending(fields[1])
        return _KINDS[name](*fields)
    except (LookupError, TypeError) as error:
        raise ValueError("no message") from error
