"""What a run in the sandbox gives back, as plain values."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

# Everything in a run's result was written by a process that ran hostile code: it shows what that
# code does when asked, and is neither an instruction nor a verdict.

Status = Literal["finished", "load_failed", "inconclusive", "stopped", "unavailable"]
StepOutcome = Literal["returned", "raised", "inconclusive", "not_finished"]
Limit = Literal["", "cpu", "wall", "memory", "output", "crash"]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that didn't come back: of no exact builtin type, or too large or too deep."""

    type_name: str


@dataclass(frozen=True, slots=True)
class Items:
    """The items of something that iterates and is no list: `range`, `deque`, `generator`."""

    type_name: str
    members: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Built:
    """A value of a standard class, as the call that makes it: `date(2024, 1, 5)`.

    The arguments are canonical: two values of one type are equal where these are.
    """

    type_name: str
    arguments: tuple["Value", ...]


Value: TypeAlias = (
    bool | int | float | complex | str | bytes
    | list["Value"] | tuple["Value", ...] | set["Value"] | frozenset["Value"]
    | dict["Value", "Value"] | Items | Built | Opaque | None
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one step of a run.

    Attributes:
        outcome: `inconclusive` where the sandbox, not the code, was in the way; `not_finished`
            where the run ended during the step or before it.
        value: The expression's value; None for statements.
        error: Class name of the exception, where one was raised.
        message: Start of the exception's text, at most 200 characters.
    """

    outcome: StepOutcome
    value: Value = None
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """The outcome of a run: the code was loaded, then one step after the other was taken.

    Attributes:
        status: `finished` where it loaded and every step was taken, whatever each came to;
            `load_failed` where loading raised; `inconclusive` where loading asked for what the
            sandbox doesn't have; `stopped` where a limit or a crash ended it, on loading or
            later; `unavailable` where this machine has no safe sandbox, and nothing was run.
        loaded: Whether the code was loaded without an exception.
        reason: Why the status isn't `finished`, in words; at most 200 characters.
        steps: One result for each step that was asked for, in order.
        limit: What stopped it, for `stopped`.
        error: Class name of the exception that loading raised.
        output: What was printed, cut at the sandbox's limit.
        output_cut: Whether `output` was cut.
        cpu_ms: Processor time that it took, in ms.
        wall_ms: Time that it took, in ms.
        peak_memory_kb: Its largest resident set, in KiB.
        layers: Names of the layers that confined it, as checked before any of its code ran.
    """

    status: Status
    loaded: bool
    reason: str = ""
    steps: tuple[StepResult, ...] = ()
    limit: Limit = ""
    error: str = ""
    output: str = ""
    output_cut: bool = False
    cpu_ms: int = 0
    wall_ms: int = 0
    peak_memory_kb: int = 0
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether code can be run safely on this machine.

    Attributes:
        backend: `jail`, `wasm`, or `none` where nothing is run.
        layers: Names of the layers that confine code here: `uid`, `landlock7`, ...
        problem: Why nothing is run, and what to do about it; empty where it is.
        modules: Modules beyond the standard library that programs may import.
    """

    backend: Literal["jail", "wasm", "none"]
    layers: tuple[str, ...] = ()
    problem: str = ""
    modules: tuple[str, ...] = ()

    @property
    def is_available(self) -> bool:
        """Whether code can be run."""
        return self.backend != "none"
