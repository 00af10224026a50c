"""What the rest of the Evaluator sees of sandboxes, and which of them it gets."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from services.evaluator.app.sandbox.execution import Availability, Execution
from services.evaluator.app.sandbox.jail_sandbox import JailSandbox
from services.evaluator.app.sandbox.run_records import unavailable

_OFF = "running code is switched off (SANDBOX=off)"
_BACKENDS = ("auto", "jail", "wasm", "off")


class Sandbox(Protocol):
    """Runs untrusted code."""

    @property
    def availability(self) -> Availability:
        """Whether it does, as found at the start."""

    async def start(self) -> Availability:
        """Make ready, and try with a real run. Nothing is run where that fails."""

    async def run(self, source: str, steps: Sequence[str]) -> Execution:
        """Load a program and take the steps; always answers and never raises."""

    async def close(self) -> None:
        """End all that was started."""


class NoSandbox:
    """Runs nothing, and says why."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    @property
    def availability(self) -> Availability:
        """None."""
        return Availability("none", problem=self._problem)

    async def start(self) -> Availability:
        """Nothing to start."""
        return self.availability

    async def run(self, source: str, steps: Sequence[str]) -> Execution:  # noqa: ARG002
        """Nothing is run."""
        return unavailable(self._problem, len(steps))

    async def close(self) -> None:
        """Nothing to end."""


def create_sandbox(backend: str, slots: int) -> Sandbox:
    """The sandbox of that name, not started yet.

    Args:
        backend: `auto`, `jail`, `wasm` or `off`.
        slots: How many runs may be under way at once.

    Raises:
        ValueError: If there is no such backend.
    """
    match backend:
        case "auto" | "jail":
            return JailSandbox(slots)
        case "wasm":
            return NoSandbox("there is no WebAssembly backend; set SANDBOX=auto")
        case "off":
            return NoSandbox(_OFF)
        case _:
            raise ValueError(f"no sandbox {backend!r}: there are {', '.join(_BACKENDS)}")


def probe_sandbox(backend: str) -> Availability:
    """Start a sandbox, try it and end it: for the command line, outside of any event loop."""

    async def probe() -> Availability:
        sandbox = create_sandbox(backend, slots=1)
        try:
            return await sandbox.start()
        finally:
            await sandbox.close()

    return asyncio.run(probe())
