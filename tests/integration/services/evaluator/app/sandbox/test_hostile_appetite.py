"""Code that wants everything: time, memory, output, depth. It is answered, and delays nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import Execution, JailSandbox, RunLimits
from services.evaluator.app.sandbox.run.records import STARVED

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOAD = ["1"]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _nothing_is_left_behind(sandbox: JailSandbox) -> AsyncIterator[None]:
    yield
    afterwards = await sandbox.run("def double(x):\n    return 2 * x\n", ["double(21)"])
    assert (afterwards.status, afterwards.steps[0].value) == ("finished", 42)


STOPPED_BY = {
    "wall": {
        "a-loop": "while True: pass",
        "a-loop-that-catches-everything": (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
        ),
        "a-sleep-by-the-clock": "import datetime, time\ndatetime.datetime.now()\ntime.sleep(60)",
        "sleeping-forever": "import time\nwhile True: time.sleep(60)",
        "a-future-that-nobody-completes": (
            "import asyncio\nasync def main():\n    await asyncio.Event().wait()\n"
            "asyncio.run(main())"
        ),
        "a-task-that-never-rests": (
            "import asyncio\nasync def main():\n    while True: await asyncio.sleep(1)\n"
            "asyncio.run(main())"
        ),
        "a-wait-for-input-that-never-comes": (
            "import socket\npair = socket.socketpair()\npair[0].recv(1)"
        ),
        "a-loop-in-c": "sum(iter(int, 1))",
        "a-regular-expression": "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
        "an-expensive-power": "x = 3 ** (10 ** 9) % 7",
        "a-handler-of-the-limit": (
            "import signal\n"
            "for s in (24, 14, 15, 2, 1):\n"
            "    signal.signal(s, lambda *_: None)\n"
            "while True: pass"
        ),
        "blocking-all-signals": (
            "import signal\nsignal.pthread_sigmask(0, range(1, 65))\nwhile True: pass"
        ),
        "a-trace-function-that-loops": (
            "import sys\n"
            "def trace(*_):\n"
            "    while True: pass\n"
            "sys.settrace(trace)\n"
            "def f(): pass\n"
            "f()"
        ),
        "an-object-that-dies-slowly": (
            "class Slow:\n    def __del__(self):\n        while True: pass\nSlow()"
        ),
    },
    "output": {
        "an-f-string-bomb": "print(f'{1:>9999999}')",
        "a-flood-of-output": "print(('x' * 1_000_000 + chr(10)) * 10)",
        "an-endless-output": "while True: print('x' * 1000)",
        "an-endless-output-by-descriptor": ("import os\nwhile True: os.write(1, b'x' * 9999)"),
        "a-flood-of-errors": "import sys\nwhile True: sys.stderr.write('x' * 9999)",
    },
    "crash": {
        "ending-the-process": "import os\nos._exit(0)",
        "ending-by-a-fault": "import ctypes\nctypes.string_at(0)",
        "ending-by-abort": "import os\nos.abort()",
        "ending-by-fault-handler": "import ctypes\nctypes.memset(1, 0, 1)",
        "closing-every-descriptor": "import os\nos.closerange(0, 99)",
    },
}

# Depends on the version of Python: a crash or an exception.
OVERFLOW = (
    "import sys\n"
    "sys.setrecursionlimit(10**9)\n"
    "class A:\n"
    "    def __getattr__(self, name): return getattr(self, name)\n"
    "def f(): return eval('f()')\n"
    "f()"
)

ANSWERED = {
    "256-megabytes-of-output": "print('x' * 256_000_000)",
    "a-memory-bomb": "x = bytearray(10 ** 10)",
    "a-growing-list": "x = [0]\nwhile True: x += x",
    "a-growing-text": "x = 'x'\nwhile True: x += x",
    "a-growing-dict": "x = {}\nwhile True: x[len(x)] = bytearray(10 ** 6)",
    "a-mapping": "import mmap\nx = [mmap.mmap(-1, 1 << 26) for _ in range(99)]",
    "endless-recursion": "def f(): return f()\nf()",
    "a-hundred-thousand-parentheses": "(" * 30_000 + ")" * 30_000,
    "deep-nesting-of-lists": "[" * 30_000,
    "deep-unary-operators": "-" * 60_000 + "1",
    "deep-attribute-chain": "x" + ".a" * 30_000,
    "deep-indentation": "\n".join(" " * depth + "if 1:" for depth in range(300)),
    "NUL-bytes": "x = 1\0",
    "a-lone-surrogate": "x = '\udcff'",
    "another-encoding": "# -*- coding: utf-7 -*-\nx = 1 +",
    "a-bomb-for-the-constant-folder": "x = ((((1 << 9999) << 9999) * 'x') * 9999)[0] + 1",
    "a-huge-integer-printed": "print(10 ** 10_000)",
    "exit": "import sys\nsys.exit(1)",
    "exit-with-an-object": "raise SystemExit([1])",
    "an-interrupt": "raise KeyboardInterrupt",
    "a-base-exception": "raise BaseException('x')",
    "a-generator-that-exits": "raise GeneratorExit",
    "a-fork-bomb": "import os\nwhile True: os.fork()",
    "a-thread-bomb": "import threading\nwhile True: threading.Thread(target=int).start()",
    "an-exception-that-prints-forever": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\n"
        "    __repr__ = __str__\nraise E(E())"
    ),
    "an-exception-class-that-lies": (
        "class M(type):\n    def __eq__(self, other):\n        while True: pass\n"
        "    def __hash__(self):\n        while True: pass\n"
        "    def __getattribute__(self, name):\n        while True: pass\n"
        "class E(Exception, metaclass=M): pass\nraise E"
    ),
    "opening-files-forever": "import os\nwhile True: os.dup(0)",
}  # fmt: skip


def assert_nothing_was_shown(execution: Execution) -> None:
    assert not execution.loaded
    assert execution.reason
    assert [step.outcome for step in execution.steps] == ["not_finished"]


def assert_out_of_time(execution: Execution, name: str = "") -> None:
    """What a busy machine hardly let run was stopped as well, and isn't to blame."""
    told = ("inconclusive", "") if execution.reason == STARVED else ("stopped", "wall")
    assert (name, execution.status, execution.limit) == (name, *told)


async def test_what_never_ends_is_stopped(hasty: JailSandbox) -> None:
    """At once, as each takes all of its time."""
    attacks = STOPPED_BY["wall"]
    executions = await asyncio.gather(*(hasty.run(attack, LOAD) for attack in attacks.values()))
    for name, execution in zip(attacks, executions, strict=True):
        assert_out_of_time(execution, name)
        assert_nothing_was_shown(execution)


@pytest.mark.parametrize(
    ("attack", "limit"),
    [
        pytest.param(source, limit, id=name)
        for limit in ("output", "crash")
        for name, source in STOPPED_BY[limit].items()
    ],
)
async def test_it_is_stopped(sandbox: JailSandbox, attack: str, limit: str) -> None:
    execution = await sandbox.run(attack, LOAD)
    assert (execution.status, execution.limit) == ("stopped", limit)
    assert_nothing_was_shown(execution)


async def test_overflowing_the_stack_is_answered(sandbox: JailSandbox) -> None:
    execution = await sandbox.run(OVERFLOW, LOAD)
    assert execution.status in {"stopped", "load_failed"}
    assert not execution.loaded


@pytest.mark.parametrize(
    "attack", [pytest.param(source, id=name) for name, source in ANSWERED.items()]
)
async def test_it_fails_by_itself(sandbox: JailSandbox, attack: str) -> None:
    execution = await sandbox.run(attack, LOAD)

    assert execution.status in {"load_failed", "inconclusive"}
    assert execution.error
    assert not execution.loaded


@pytest.mark.parametrize("size", [64 * 1024 + 1, 5_000_000])
async def test_too_much_source_is_turned_away_unread(sandbox: JailSandbox, size: int) -> None:
    execution = await sandbox.run("#" * size, LOAD)
    assert (execution.status, execution.reason) == ("load_failed", "the code is over 64 KB")
    assert execution.layers == ()


async def test_source_of_the_largest_size_runs(sandbox: JailSandbox) -> None:
    execution = await sandbox.run("x = 7\n" + "#" * (64 * 1024 - 6), ["x"])
    assert execution.steps[0].value == 7


@pytest.mark.parametrize("steps", [["1"] * 65, ["'" + "x" * 65_536 + "'"]])
async def test_too_many_steps_show_nothing(sandbox: JailSandbox, steps: list[str]) -> None:
    execution = await sandbox.run("", steps)
    assert execution.status == "inconclusive"
    assert len(execution.steps) == len(steps)


async def test_what_was_done_before_a_loop_is_kept(hasty: JailSandbox) -> None:
    source = "def loop():\n    while True: pass\nprint('loaded')"
    execution = await hasty.run(source, ["1 + 1", "loop()", "3"])
    assert execution.loaded
    assert execution.output == "loaded\n"
    outcomes = [step.outcome for step in execution.steps]
    assert_out_of_time(execution)
    assert outcomes == ["returned", "not_finished", "not_finished"]
    assert execution.steps[0].value == 2


async def test_output_is_cut_and_says_so(sandbox: JailSandbox) -> None:
    execution = await sandbox.run("print('x' * 100_000)", ["7"])
    assert execution.status == "finished"
    assert execution.steps[0].value == 7
    assert execution.output == "x" * 65_536
    assert execution.output_cut


@pytest.mark.parametrize(
    "expression",
    ["'x' * 10**6", "[0] * 10**6", "1 << 10**6", "b'x' * 10**6", "{i: i for i in range(10**5)}"],
)
async def test_values_that_are_too_large_come_back_opaque(
    sandbox: JailSandbox, expression: str
) -> None:
    execution = await sandbox.run("", [expression, "7"])
    assert execution.status == "finished"
    assert len(repr(execution.steps[0].value)) < 1_000_000
    assert execution.steps[1].value == 7


async def test_many_large_values_fit_in_what_may_come_back(sandbox: JailSandbox) -> None:
    execution = await sandbox.run("", ["'x' * 150_000"] * 63 + ["7"])
    assert execution.status == "finished"
    assert execution.steps[-1].value == 7


async def test_loops_do_not_delay_others(sandbox: JailSandbox) -> None:
    """Not a measurement: without room beside loops, the others would wait for their end."""
    ends: list[str] = []

    async def run(name: str, source: str) -> Execution:
        execution = await sandbox.run(source, LOAD)
        ends.append(name)
        return execution

    loops = [asyncio.create_task(run("loop", "while True: pass")) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(5):
        assert (await run("other", "x = 1")).status == "finished"
    assert ends == ["other"] * 5
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def test_a_cancelled_run_ends_and_gives_its_place_back(sandbox: JailSandbox) -> None:
    loops = [asyncio.create_task(sandbox.run("while True: pass", LOAD)) for _ in range(8)]
    await asyncio.sleep(0.05)
    for loop in loops:
        loop.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*loops, return_exceptions=True)
    )
    ends = await asyncio.gather(*(sandbox.run("", LOAD) for _ in range(8)))
    assert {end.status for end in ends} == {"finished"}


async def test_the_processors_limit_is_told_from_the_wall(sandbox: JailSandbox) -> None:
    patient = JailSandbox(slots=1, limits=RunLimits(wall_ms=20_000, cpu_seconds=1))
    try:
        execution = await patient.run(STOPPED_BY["wall"]["a-handler-of-the-limit"], LOAD)
    finally:
        await patient.close()
    assert (execution.status, execution.limit) == ("stopped", "cpu")
