"""The sandbox in its daily work: what programs find inside, and how it keeps itself going."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from services.evaluator.app.sandbox import JailSandbox, Opaque, probe_sandbox
from services.evaluator.app.sandbox.host import jail_sandbox
from services.evaluator.app.sandbox.host.zygote_process import ZygoteError, ZygoteProcess
from services.evaluator.app.sandbox.sandbox import FirstAvailable

ROOT = Path(__file__).parents[7]
REQUIRED = {"capabilities", "limits", "no_new_privs", "seccomp"}


@pytest.fixture(autouse=True, scope="module")
def _needs_a_sandbox() -> None:
    if problem := probe_sandbox("jail").problem:
        pytest.skip(f"no sandbox on this machine: {problem}")


@pytest.fixture
async def jail() -> AsyncIterator[JailSandbox]:
    sandbox = JailSandbox(slots=4, runs_per_zygote=5)
    yield sandbox
    await sandbox.close()


def zygotes() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "start_zygote.py" in " ".join(child.cmdline())]


async def test_it_says_what_holds_code_in(jail: JailSandbox) -> None:
    availability = await jail.start()
    assert (availability.backend, availability.problem) == ("jail", "")
    assert set(availability.layers) >= REQUIRED
    assert ("uid" in availability.layers) == (os.geteuid() == 0)
    assert jail.availability == availability
    assert (await jail.run("", [])).layers == availability.layers


@pytest.mark.parametrize(
    "layer", ["capabilities", "limits", "no_new_privs", "seccomp", *(["uid"] * (not os.geteuid()))]
)
async def test_without_a_required_layer_nothing_is_run(layer: str) -> None:
    poor = JailSandbox(slots=1, without=[layer])
    try:
        availability = await poor.start()
        execution = await poor.run("print('ran')", ["1"])
    finally:
        await poor.close()
    assert not availability.is_available
    assert layer in availability.problem
    assert "needs Linux" in availability.problem
    assert (execution.status, execution.output) == ("unavailable", "")


async def test_without_landlock_the_filter_keeps_files_shut() -> None:
    plain = JailSandbox(slots=1, without=["landlock"])
    try:
        availability = await plain.start()
        execution = await plain.run(f"open({__file__!r})", [])
    finally:
        await plain.close()
    assert availability.is_available
    assert not [layer for layer in availability.layers if "landlock" in layer]
    assert (execution.status, execution.error) == ("inconclusive", "FileNotFoundError")


PROGRAM = """
import dataclasses, enum, functools, inspect, sys, typing
@dataclasses.dataclass
class Point:
    x: int
    children: "list[Point]" = dataclasses.field(default_factory=list)
class Color(enum.Enum):
    RED = 1
def double(x: int) -> int:
    return x * 2
async def later(x):
    import asyncio
    await asyncio.sleep(0)
    return x
if __name__ == "__main__":
    raise SystemExit("run as a script")
print("loaded")
"""


FOUND = [
    ("__name__", "answer"),
    ("sys.modules['answer'].double is double", True),
    ("typing.get_type_hints(Point)['x'] is int", True),
    ("Point(1) == Point(1)", True),
    ("Point(1)", Opaque("Point")),
    ("Color.RED", Opaque("Color")),
    ("inspect.getsource(double)", "def double(x: int) -> int:\n    return x * 2\n"),
    ("__import__('pickle').loads(__import__('pickle').dumps(Point(3))).x", 3),
    ("__import__('asyncio').run(later(5))", 5),
    ("later(5)", 5),
    ("await later(5)", 5),
    ("double", Opaque("function")),
    ("sys.argv", ["answer.py"]),
    ("dict(__import__('os').environ)", {"LANG": "C.UTF-8", "PATH": "/nonexistent"}),
    ("__import__('os').getcwd()", "/"),
    ("'\\ud800'", "\ud800"),
    ("'한글'", "한글"),
    ("round(2.675, 2)", 2.67),
    ("__import__('decimal').Decimal(1) / 3 > 0", True),
    ("__import__('zoneinfo').ZoneInfo('UTC').key", "UTC"),
    ("__import__('unittest').TestCase().assertEqual(1, 1)", None),
    ("len(__import__('uuid').uuid4().hex)", 32),
    ("__import__('time').sleep(0)", None),
    ("__import__('datetime').datetime.strptime('2024', '%Y').year", 2024),
    ("__import__('sqlite3').connect(':memory:').execute('select 6*7').fetchone()", (42,)),
]


async def test_what_a_program_finds(jail: JailSandbox) -> None:
    execution = await jail.run(PROGRAM, [step for step, _ in FOUND])
    assert (execution.status, execution.output) == ("finished", "loaded\n")
    for (expression, value), step in zip(FOUND, execution.steps, strict=True):
        assert (step.outcome, step.value) == ("returned", value), (expression, step)


async def test_steps_share_a_namespace_and_do_not_stop_one_another(jail: JailSandbox) -> None:
    steps = ["x = 2", "x + 1", "1 / 0", "raise SystemExit(3)", "def f(): return x", "f()", "x +"]
    execution = await jail.run("", steps)
    assert execution.status == "finished"
    assert [(step.outcome, step.value, step.error) for step in execution.steps] == [
        ("returned", None, ""),
        ("returned", 3, ""),
        ("raised", None, "ZeroDivisionError"),
        ("raised", None, "SystemExit"),
        ("returned", None, ""),
        ("returned", 2, ""),
        ("raised", None, "SyntaxError"),
    ]


async def test_the_same_program_draws_the_same_numbers(jail: JailSandbox) -> None:
    runs = [await jail.run("import random", ["random.random()"]) for _ in range(2)]
    assert runs[0].steps == runs[1].steps


@pytest.mark.parametrize("source", ["import numpy", "from pandas import DataFrame", "open('x')"])
async def test_needing_more_than_there_is_shows_nothing(jail: JailSandbox, source: str) -> None:
    execution = await jail.run(source, ["1"])
    assert (execution.status, execution.loaded) == ("inconclusive", False)
    assert "the sandbox doesn't have" in execution.reason


async def test_more_runs_than_slots_all_end(jail: JailSandbox) -> None:
    ends = await asyncio.gather(*(jail.run(f"x = {n}", ["x"]) for n in range(40)))
    assert [end.steps[0].value for end in ends] == list(range(40))


async def test_a_worn_zygote_is_replaced(jail: JailSandbox) -> None:
    seen: set[int] = set()
    # As many runs as it takes: on a busy machine the next zygote needs a while to start.
    while len(seen) < 2:
        assert (await jail.run("", ["7"])).steps[0].value == 7
        seen |= {zygote.pid for zygote in zygotes()}
    await _until_left(1)


async def test_a_zygote_that_died_is_replaced(jail: JailSandbox) -> None:
    await jail.start()
    looping = asyncio.create_task(jail.run("while True: pass", ["1"]))
    await jail.run("", [])
    (zygote,) = zygotes()
    zygote.kill()
    assert (await looping).status == "unavailable"
    for _ in range(100):
        execution = await jail.run("", ["7"])
        if execution.status == "finished":
            break
        await asyncio.sleep(0.05)
    assert execution.steps[0].value == 7


async def test_a_zygote_that_is_stuck_is_replaced(
    jail: JailSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail_sandbox, "_RETRY_SECONDS", 0)
    await jail.start()
    (zygote,) = zygotes()
    zygote.suspend()
    with monkeypatch.context() as impatient:
        impatient.setattr(jail_sandbox, "REPORT_SECONDS", -2.9)
        assert (await jail.run("", ["1"])).status == "unavailable"
    zygote.resume()
    assert (await jail.run("", ["7"])).steps[0].value == 7
    await _until_left(1)
    assert zygotes() != [zygote]


async def test_no_zygote_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "services.evaluator.app.sandbox.host.zygote_process._INTERPRETER", "/nonexistent/python"
    )
    sandbox = JailSandbox(slots=1)
    assert "could not be started" in (await sandbox.start()).problem
    assert (await sandbox.run("", ["1"])).status == "unavailable"
    await sandbox.close()


async def test_closing_leaves_nothing() -> None:
    before = set(os.listdir("/proc/self/fd"))
    sandbox = JailSandbox(slots=4)
    await sandbox.start()
    looping = [asyncio.create_task(sandbox.run("while True: pass", [])) for _ in range(6)]
    await sandbox.run("", [])
    await sandbox.close()
    assert {end.status for end in await asyncio.gather(*looping)} == {"unavailable"}
    assert zygotes() == []
    assert set(os.listdir("/proc/self/fd")) == before
    assert (await sandbox.run("", [])).status == "unavailable"


async def test_a_zygote_gets_nothing_of_ours(
    jail: JailSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    await jail.start()
    (zygote,) = zygotes()
    if os.geteuid() == 0:
        assert set(zygote.environ()) == {"LANG", "PATH"}
        descriptors = f"/proc/{zygote.pid}/fd"
        links = [os.readlink(f"{descriptors}/{number}") for number in os.listdir(descriptors)]
        assert len([link for link in links if link.startswith("socket:")]) == 1
    assert [text for text in zygote.cmdline() if "secret" in text] == []


EVALUATOR = """
import asyncio
from services.evaluator.app.sandbox import JailSandbox
async def main():
    sandbox = JailSandbox(slots=2)
    await sandbox.start()
    looping = asyncio.create_task(sandbox.run("while True: pass", []))
    await sandbox.run("", [])
    print("running", flush=True)
    await looping
asyncio.run(main())
"""


def test_nothing_outlives_a_killed_evaluator() -> None:
    evaluator = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(EVALUATOR)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert evaluator.stdout is not None
    assert evaluator.stdout.readline() == b"running\n"
    family = psutil.Process(evaluator.pid).children(recursive=True)
    assert len(family) >= 2  # the zygote and a looping child
    evaluator.send_signal(signal.SIGKILL)
    evaluator.communicate()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


async def _until_left(count: int) -> None:
    for _ in range(200):
        if len(zygotes()) == count:
            return
        await asyncio.sleep(0.05)
    assert len(zygotes()) == count


async def test_a_zygote_that_never_gets_ready_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.evaluator.app.sandbox.host.zygote_process.START_SECONDS", 0)
    gone: list[ZygoteProcess] = []
    with pytest.raises(ZygoteError, match="wasn't ready"):
        await ZygoteProcess.start(gone.append)
    assert len(gone) == 1
    await _until_left(0)


async def test_one_that_could_not_start_is_had_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> ZygoteProcess:
        raise ZygoteError("it can't be forked")

    sandbox = FirstAvailable([JailSandbox(1)])
    with monkeypatch.context() as broken:
        broken.setattr(ZygoteProcess, "start", fail)
        broken.setattr(jail_sandbox, "_RETRY_SECONDS", 0)
        assert "it can't be forked" in (await sandbox.start()).problem
    assert (await sandbox.start()).backend == "jail"
    assert (await sandbox.run("", ["1 + 1"])).steps[0].value == 2
    await sandbox.close()
