"""The sandbox for machines that can't confine a process: CPython compiled to WebAssembly.

Its package, pyeryx, is the extra `wasm`. The machine has no files, network, processes or threads
to give away, and each run gets one of its own. See docs/decisions/0012.
"""

import asyncio
import base64
import contextlib
import importlib.util
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.evaluator.app.sandbox.jail.child import EXIT_BROKEN, EXIT_FINISHED
from services.evaluator.app.sandbox.jail.protocol import Ending, RunEnded
from services.evaluator.app.sandbox.run.execution import Availability, Execution
from services.evaluator.app.sandbox.run.limits import MIB, RunLimits
from services.evaluator.app.sandbox.run.records import RunRemains, read_remains, unavailable
from services.evaluator.app.sandbox.run.request import (
    SELF_TEST,
    Step,
    problem_of_self_test,
    refuse_unread,
)
from services.evaluator.app.sandbox.run.slot_pool import SlotPool
from services.evaluator.app.sandbox.wasm.program import code_for

PACKAGE = "eryx"
LAYER = "wasm"
_SCRIPT = Path(__file__).with_name("worker.py")
_GRACE_SECONDS = 2.0
# Compiling the interpreter, which the first run of a worker waits for.
_FIRST_RUN_SECONDS = 30.0
_LONGEST_ANSWER = 4 * MIB
_SIGKILL = 9
# Each takes some 120 MB.
_MOST_WORKERS = 4
_MISSING = (
    "the WebAssembly backend isn't installed: it is the extra `wasm` of this package and needs "
    "Python 3.12 or newer"
)

_NO_MODULES = "the WebAssembly backend has no modules but Python's own: unset SANDBOX_MODULES"


class WorkerGoneError(Exception):
    """The worker ended, or had to be ended."""


class WasmSandbox:
    """Runs code in workers, one run at a time in each. Belongs to one event loop.

    Args:
        slots: How many workers there may be, up to four; each is started when first needed.
        limits: What ends or cuts a run; processor time isn't limited apart from the wall's.
        modules: Modules beyond the standard library; it has none, and where one is named it doesn't
            serve.
    """

    def __init__(
        self, slots: int = 16, *, limits: RunLimits | None = None, modules: Sequence[str] = ()
    ) -> None:
        self._modules = modules
        self._limits = limits or RunLimits()
        self._slots = SlotPool(range(min(slots, _MOST_WORKERS)))
        self._workers: dict[int, _Worker] = {}
        self._is_closed = False
        self._availability = Availability("none", problem="the sandbox hasn't been started")

    @property
    def availability(self) -> Availability:
        """Whether code is run here, and in what; found out by `start`."""
        return self._availability

    async def start(self) -> Availability:
        """Start a worker and try it with the self-test; also after it was closed."""
        self._is_closed = False
        problem = _MISSING
        if self._modules:
            problem = _NO_MODULES
        elif importlib.util.find_spec(PACKAGE) is not None:
            problem = problem_of_self_test(await self.run(*SELF_TEST))
        if problem:
            self._availability = Availability("none", problem=problem)
        else:
            self._availability = Availability("wasm", layers=(LAYER,))
        return self._availability

    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        """Load a program and take the steps; always answers and never raises."""
        refused = refuse_unread(source, steps)
        if refused is not None:
            return refused
        slot = await self._slots.take()
        try:
            if self._is_closed:
                return unavailable("the sandbox is closed", len(steps))
            return await self._run_in(slot, source, steps)
        except OSError as error:
            return unavailable(f"a worker could not be started: {error.strerror}", len(steps))
        finally:
            self._slots.give_back(slot)

    async def close(self) -> None:
        """End every worker."""
        self._is_closed = True
        while self._workers:
            _, worker = self._workers.popitem()
            await worker.end()

    async def _run_in(self, slot: int, source: str, steps: Sequence[Step]) -> Execution:
        worker = self._workers.get(slot)
        if worker is None:
            worker = self._workers[slot] = await _Worker.start()
        token = secrets.token_hex(8)
        try:
            answer = await worker.ask(code_for(token, source, steps), self._limits)
        except WorkerGoneError as error:
            answer = {"ending": str(error)}
        finally:
            if worker.is_gone:
                del self._workers[slot]
        return read_remains(_remains_of(answer, token, self._limits), len(steps), self._limits)


class _Worker:
    """One process with a WebAssembly machine in it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.is_gone = False
        self._process = process
        self._has_run = False

    @classmethod
    async def start(cls) -> "_Worker":
        """Start a worker, with nothing of ours in its environment."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", str(_SCRIPT)),
            env={"LANG": "C.UTF-8"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_ANSWER,
        )
        return cls(process)

    async def ask(self, code: str, limits: RunLimits) -> dict[str, Any]:
        """Have the worker run code, and return its answer.

        Raises:
            WorkerGoneError: `broken` where the worker ended, `wall` where it had to be ended.
        """
        request = {
            "code": code,
            "wall_ms": limits.wall_ms,
            "memory_bytes": limits.memory_mib * MIB,
            "result_bytes": limits.result_bytes,
            "output_bytes": limits.output_bytes,
            "printed_bytes": limits.printed_bytes,
        }
        patience = _GRACE_SECONDS if self._has_run else _FIRST_RUN_SECONDS
        try:
            async with asyncio.timeout(limits.wall_ms / 1000 + patience):
                answer = await self._exchange(json.dumps(request).encode() + b"\n")
        except TimeoutError:
            await self.end()
            raise WorkerGoneError("wall") from None
        except BaseException:
            await self.end()
            raise
        self._has_run = True
        if answer["ending"] in {"output", "results"}:
            await self.end()
        return answer

    async def end(self) -> None:
        """End the worker now."""
        self.is_gone = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _exchange(self, request: bytes) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerGoneError("broken")
        try:
            self._process.stdin.write(request)
            await self._process.stdin.drain()
            answer = json.loads(await self._process.stdout.readline())
        except (ConnectionError, ValueError):
            answer = None
        if not isinstance(answer, dict) or "ending" not in answer:
            raise WorkerGoneError("broken")
        return answer


def _remains_of(answer: dict[str, Any], token: str, limits: RunLimits) -> RunRemains:
    ending = answer["ending"]
    confined = json.dumps(["confined", [LAYER]]).encode() + b"\n"
    endings = {
        "exited": (Ending.EXITED, EXIT_FINISHED),
        "wall": (Ending.WALL, -_SIGKILL),
        "output": (Ending.STOPPED, -_SIGKILL),
        "results": (Ending.STOPPED, -_SIGKILL),
    }
    kind, exit_code = endings.get(ending, (Ending.EXITED, EXIT_BROKEN))
    return RunRemains(
        token=token,
        results=confined + base64.b64decode(answer.get("results", "")),
        output=base64.b64decode(answer.get("output", "")),
        output_cut=answer.get("output_cut", False),
        flood=ending if ending in {"output", "results"} else "",
        ended=RunEnded(
            run_id=0,
            ending=kind,
            exit_code=exit_code,
            cpu_ms=answer.get("cpu_ms", 0),
            wall_ms=answer.get("wall_ms", limits.wall_ms if ending == "wall" else 0),
            peak_memory_kb=answer.get("peak_memory_kb", 0),
        ),
    )
