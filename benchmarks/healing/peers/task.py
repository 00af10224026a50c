"""Defines what a peer (GEPA, COPRO) gets to repair a prompt with, and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PeerTask:
    """One bad prompt and the means to repair it.

    Attributes:
        incumbent: The bad prompt that serves.
        train_inputs: Requests that the peer may use as it likes; none is among the held-out
            inputs that the benchmark measures the result on.
        evaluate: Answers an input under a prompt with the model at hand and scores the answer:
            (prompt, input) to (score in [0, 1], the model's output, feedback in words).
        complete: Asks the model at hand with a plain prompt, as the peer's own reflection needs.
        max_calls: How often `evaluate` and `complete` may be called together; one more call
            raises `BudgetSpentError`.
    """

    incumbent: str
    train_inputs: Sequence[str]
    evaluate: Callable[[str, str], Awaitable[tuple[float, str, str]]]
    complete: Callable[[str], Awaitable[str]]
    max_calls: int


@dataclass(frozen=True, slots=True)
class PeerResult:
    """Result of a peer's repair.

    Attributes:
        prompt: The prompt that the peer would put in service; None where it found none.
        calls: Model calls spent, `evaluate` and `complete` together.
        seconds: Wall time.
        note: One line on how it ended.
    """

    prompt: str | None
    calls: int
    seconds: float
    note: str


class Peer(Protocol):
    """A prompt optimiser of somebody else's, behind one call."""

    @property
    def name(self) -> str:
        """Name of the peer."""
        ...

    async def repair(self, task: PeerTask) -> PeerResult:
        """Repair the task's prompt."""
        ...


class BudgetSpentError(Exception):
    """The peer asked for one more model call than its budget has."""
