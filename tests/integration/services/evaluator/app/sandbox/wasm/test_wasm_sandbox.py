"""The WebAssembly backend: its workers, and the machine itself where the extra is installed.

What is asked of the workers is tried everywhere, with a stand-in for the machine that runs code
in the worker's own process and holds nothing in.
"""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import (
    Items,
    NoSandbox,
    Opaque,
    ProgramRun,
    RunLimits,
    WasmSandbox,
)
from services.evaluator.app.sandbox.sandbox import FirstAvailable
from services.evaluator.app.sandbox.wasm import wasm_sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = RunLimits(wall_ms=1500)
WORKER = Path(wasm_sandbox.__file__).with_name("worker.py")
STAND_IN = f"""
import os, runpy, sys, types

class EryxError(Exception): pass
class TimeoutError(EryxError): pass

class Channel:
    def __init__(self, send): self.send = send
    def write(self, text): self.send(text.encode())
    def flush(self): pass

class Sandbox:
    def __init__(self, resource_limits, on_stdout, on_stderr):
        self.channels = Channel(on_stdout), Channel(on_stderr)
    def execute(self, code):
        before = sys.stdout, sys.stderr, sys.path, dict(sys.modules)
        sys.stdout, sys.stderr = self.channels
        try:
            exec(code, {{"__name__": "__main__"}})
        except Exception as error:
            raise EryxError from error
        finally:
            sys.stdout, sys.stderr, sys.path, modules = before
            sys.modules.update(modules)
        return types.SimpleNamespace(peak_memory_bytes=1 << 20)

machine = types.ModuleType("eryx")
for thing in (EryxError, TimeoutError, Sandbox):
    setattr(machine, thing.__name__, thing)
machine.ResourceLimits = dict
sys.modules["eryx"] = machine
runpy.run_path({str(WORKER)!r}, run_name="__main__")
"""


@pytest_asyncio.fixture(
    loop_scope="module",
    scope="module",
    params=[
        "stand-in",
        pytest.param(
            "machine",
            marks=pytest.mark.skipif(
                importlib.util.find_spec(wasm_sandbox.PACKAGE) is None,
                reason="the extra `wasm` isn't installed",
            ),
        ),
    ],
)
async def sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WasmSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "stand-in":
            script = tmp_path_factory.mktemp("worker") / "worker.py"
            script.write_text(STAND_IN)
            patch.setattr(wasm_sandbox, "_SCRIPT", script)
            patch.setattr(wasm_sandbox, "PACKAGE", "json")
            patch.setattr(wasm_sandbox, "_GRACE_SECONDS", 0.2)
            patch.setattr(wasm_sandbox, "_FIRST_RUN_SECONDS", 3.0)
        machine = WasmSandbox(slots=2, limits=LIMITS)
        assert (await machine.start()).backend == "wasm"
        yield machine
        await machine.close()


async def test_a_program_runs(sandbox: WasmSandbox) -> None:
    source = "import math\nprint('loaded')\ndef area(r):\n    return round(math.pi * r * r, 2)\n"
    execution = await sandbox.run(source, ["area(2)", "1 / 0", "object()", "import numpy_nope"])
    assert (execution.status, execution.layers) == ("finished", ("wasm",))
    assert execution.output == "loaded\n"
    assert [step.outcome for step in execution.steps] == [
        "returned",
        "raised",
        "returned",
        "inconclusive",
    ]
    assert [step.value for step in execution.steps] == [12.57, None, Opaque("object"), None]


async def test_a_program_runs_by_itself(sandbox: WasmSandbox) -> None:
    source = "import sys\nprint(input() + sys.argv[1])\nsys.exit(len(sys.argv) - 2)\n"
    steps = [ProgramRun("a\n", ("b",)), ProgramRun("é", ("c",)), ProgramRun("a", ("b", "c"))]
    execution = await sandbox.run(source, [*steps, ProgramRun(argv=("d",))])
    assert [step.value for step in execution.steps] == ["ab\n", "éc\n", None, None]
    assert [step.error for step in execution.steps] == ["", "", "SystemExit", "EOFError"]
    assert execution.output == "ab\néc\nab\n"


async def test_coroutines_are_awaited_and_sleep_without_the_time(sandbox: WasmSandbox) -> None:
    source = (
        "import asyncio, time\nstart = time.monotonic()\ntime.sleep(50)\n"
        "async def later(n):\n    await asyncio.sleep(100)\n    return n\n"
        "def run(): return asyncio.run(later(2))"
    )
    steps = ["later(1)", "run()", "time.monotonic() - start > 250", "range(2)"]
    execution = await sandbox.run(source, steps)
    assert [step.value for step in execution.steps] == [1, 2, True, Items("range", (0, 1))]
    assert execution.output == ""


@pytest.mark.parametrize(
    ("source", "status", "limit"),
    [
        ("while True: pass", "stopped", "wall"),
        ("import time\ntime.sleep(60)", "finished", ""),
        ("while True: print('x' * 10_000)", "stopped", "output"),
        ("import os\nos._exit(0)", "stopped", "crash"),
        ("import os\nos.abort()", "stopped", "crash"),
        ("import os\nos.write(1, b'[]\\n')\nos.write(2, b'[]\\n')\n1 / 0", "load_failed", ""),
        ("import os\nos.read(0, 99) and 1 / 0\nraise SystemExit", "finished", ""),
        ("raise SystemExit(1)", "load_failed", ""),
        ("def f(:", "load_failed", ""),
        ("import asyncio\nasync def f(): pass\nasyncio.run(f())", "finished", ""),
        ("import threading\nthreading.Thread(target=int).start()", "inconclusive", ""),
        ("#" * 70_000, "load_failed", ""),
    ],
)
async def test_it_is_always_answered(
    sandbox: WasmSandbox, source: str, status: str, limit: str
) -> None:
    execution = await sandbox.run(source, ["1"])
    afterwards = await sandbox.run("", ["6 * 7"])
    assert (execution.status, execution.limit) == (status, limit)
    assert execution.loaded is (status == "finished")
    assert afterwards.steps[0].value == 42


async def test_recursing_without_end_is_answered(sandbox: WasmSandbox) -> None:
    source = "import sys\nsys.setrecursionlimit(10**8)\ndef f(): return f()\nf()"
    assert not (await sandbox.run(source, [])).loaded
    assert (await sandbox.run("", ["6 * 7"])).steps[0].value == 42


async def test_one_run_finds_nothing_of_another(sandbox: WasmSandbox) -> None:
    await sandbox.run("mark = 1", ["mark"])
    assert (await sandbox.run("", ["mark"])).steps[0].error == "NameError"


async def test_a_cancelled_run_takes_its_worker_along(sandbox: WasmSandbox) -> None:
    loops = [asyncio.create_task(sandbox.run("while True: pass", [])) for _ in range(2)]
    await asyncio.sleep(0.3)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    assert (await sandbox.run("", ["6 * 7"])).steps[0].value == 42


async def test_closing_leaves_no_worker(
    sandbox: WasmSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().children()
    other = WasmSandbox(slots=2, limits=LIMITS)
    await other.start()
    await other.close()
    assert psutil.Process().children() == before
    assert (await other.run("", [])).status == "unavailable"


async def test_without_the_extra_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_sandbox, "PACKAGE", "no_such_package")
    assert "extra `wasm`" in (await WasmSandbox().start()).problem


async def test_the_first_that_works_is_taken(sandbox: WasmSandbox) -> None:
    first = FirstAvailable([NoSandbox("nothing here"), sandbox])
    assert (await first.run("", [])).status == "unavailable"
    assert (await first.start()).backend == "wasm"
    assert (await first.run("", ["6 * 7"])).steps[0].value == 42


async def test_where_none_works_each_says_why() -> None:
    none = FirstAvailable([NoSandbox("nothing here"), NoSandbox("nor there")])
    assert (await none.start()).problem == "nothing here. nor there"
