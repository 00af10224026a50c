"""What the rest of the Evaluator sees of sandboxes, and which of them it gets."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from services.evaluator.app.sandbox.host.jail_sandbox import JailSandbox
from services.evaluator.app.sandbox.run.execution import Availability, Execution
from services.evaluator.app.sandbox.run.records import unavailable
from services.evaluator.app.sandbox.wasm.wasm_sandbox import WasmSandbox

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


class FirstAvailable:
    """The first of several sandboxes that works on this machine, found at the start."""

    def __init__(self, sandboxes: Sequence[Sandbox]) -> None:
        self._sandboxes = sandboxes
        self._chosen: Sandbox = NoSandbox("the sandbox hasn't been started")

    @property
    def availability(self) -> Availability:
        """That of the chosen one, or what is wrong with each."""
        return self._chosen.availability

    async def start(self) -> Availability:
        """Try them in turn."""
        problems = []
        for sandbox in self._sandboxes:
            availability = await sandbox.start()
            if availability.is_available:
                self._chosen = sandbox
                return availability
            problems.append(availability.problem)
            await sandbox.close()
        self._chosen = NoSandbox(". ".join(problems))
        return self.availability

    async def run(self, source: str, steps: Sequence[str]) -> Execution:
        """Run it in the chosen one."""
        return await self._chosen.run(source, steps)

    async def close(self) -> None:
        """End the chosen one."""
        await self._chosen.close()


def create_sandbox(backend: str, slots: int) -> Sandbox:
    """The sandbox of that name, not started yet.

    Args:
        backend: `jail`, `wasm`, `auto` for the first of them that works, or `off`.
        slots: How many runs may be under way at once.

    Raises:
        ValueError: If there is no such backend.
    """
    match backend:
        case "auto":
            return FirstAvailable([JailSandbox(slots), WasmSandbox(slots)])
        case "jail":
            return JailSandbox(slots)
        case "wasm":
            return WasmSandbox(slots)
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
