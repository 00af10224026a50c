"""The interface of every sandbox, and the choice of the one that serves on this machine."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from services.evaluator.app.sandbox.host.jail_sandbox import JailSandbox
from services.evaluator.app.sandbox.run.execution import Availability, Execution
from services.evaluator.app.sandbox.run.records import unavailable
from services.evaluator.app.sandbox.run.request import Step
from services.evaluator.app.sandbox.wasm.wasm_sandbox import WasmSandbox

_OFF = "running code is switched off (SANDBOX=off)"
_BACKENDS = ("auto", "jail", "wasm", "off")


class Sandbox(Protocol):
    """Runs untrusted code."""

    @property
    def availability(self) -> Availability:
        """Whether code is run here, and in what; found out by `start`."""

    async def start(self) -> Availability:
        """Make ready and try a real run; where that fails, no code is run until a later start."""

    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        """Load a program and take the steps; always answers and never raises."""

    async def close(self) -> None:
        """End every process that was started."""


class NoSandbox(Sandbox):
    """Runs no code, and gives the reason for it."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    @property
    @override
    def availability(self) -> Availability:
        return Availability("none", problem=self._problem)

    @override
    async def start(self) -> Availability:
        return self.availability

    @override
    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        return unavailable(self._problem, len(steps))

    @override
    async def close(self) -> None:
        pass


class FirstAvailable(Sandbox):
    """Runs code in the first of several sandboxes that works on this machine."""

    def __init__(self, sandboxes: Sequence[Sandbox]) -> None:
        self._sandboxes = sandboxes
        self._chosen: Sandbox = NoSandbox("the sandbox hasn't been started")

    @property
    @override
    def availability(self) -> Availability:
        return self._chosen.availability

    @override
    async def start(self) -> Availability:
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

    @override
    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        return await self._chosen.run(source, steps)

    @override
    async def close(self) -> None:
        await self._chosen.close()


def create_sandbox(backend: str, slots: int, modules: Sequence[str] = ()) -> Sandbox:
    """Create the sandbox of that name; it isn't started yet.

    Args:
        backend: `jail`, `wasm`, `auto` for the first of them that works, or `off`.
        slots: How many runs may be under way at once.
        modules: Modules beyond the standard library that programs may import. WebAssembly has
            none, so that `auto` is the jail then.

    Raises:
        ValueError: If there is no such backend.
    """
    match backend:
        case "auto" if not modules:
            return FirstAvailable([JailSandbox(slots), WasmSandbox(slots)])
        case "auto" | "jail":
            return JailSandbox(slots, modules=modules)
        case "wasm":
            return WasmSandbox(slots, modules=modules)
        case "off":
            return NoSandbox(_OFF)
        case _:
            raise ValueError(f"no sandbox {backend!r}: there are {', '.join(_BACKENDS)}")


def probe_sandbox(backend: str, modules: Sequence[str] = ()) -> Availability:
    """Start a sandbox, try it and end it; for callers outside of any event loop."""

    async def probe() -> Availability:
        sandbox = create_sandbox(backend, slots=1, modules=modules)
        try:
            return await sandbox.start()
        finally:
            await sandbox.close()

    return asyncio.run(probe())
