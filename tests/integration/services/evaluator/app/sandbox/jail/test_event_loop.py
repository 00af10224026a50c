"""Coroutines, asynchronous generators and sleeping: awaited, read, and without costing time."""

import pytest

from services.evaluator.app.sandbox import Items, JailSandbox, Opaque

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCE = """
import asyncio, time
async def double(n, delay=0):
    await asyncio.sleep(delay)
    return 2 * n
async def fail():
    raise ValueError("no")
async def count(end):
    n = 0
    while n != end:
        yield n
        n += 1
async def together():
    return await asyncio.gather(double(1, 9), double(2, 5))
async def tasks():
    done = [asyncio.create_task(double(n, 3 - n)) for n in range(3)]
    return [await task for task in done]
async def late():
    try:
        await asyncio.wait_for(double(1, 90), timeout=30)
    except asyncio.TimeoutError:
        return "late"
async def hand_over():
    queue, seen = asyncio.Queue(maxsize=1), []
    async def produce():
        for n in range(3):
            await queue.put(n)
        await queue.put(None)
    async def consume():
        while (n := await queue.get()) is not None:
            seen.append(n)
    await asyncio.gather(produce(), consume())
    return seen
async def took(seconds):
    start = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    return round(asyncio.get_running_loop().time() - start)
class Limiter:
    def __init__(self):
        self.lock, self.active, self.most = asyncio.Lock(), 0, 0
    async def enter(self):
        async with self.lock:
            self.active += 1
            self.most = max(self.most, self.active)
            await asyncio.sleep(1)
            self.active -= 1
    async def run(self, count):
        await asyncio.gather(*(self.enter() for _ in range(count)))
        return self.most
class Manager:
    async def __aenter__(self): return self
    async def __aexit__(self, *_): self.is_closed = True
limiter, manager = Limiter(), Manager()
def in_a_loop():
    return asyncio.run(together())
"""


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ("double(3)", 6),
        ("await double(3)", 6),
        ("asyncio.run(double(3, 60))", 6),
        ("in_a_loop()", [2, 4]),
        ("together()", [2, 4]),
        ("tasks()", [0, 2, 4]),
        ("late()", "late"),
        ("hand_over()", [0, 1, 2]),
        ("took(1000)", 1000),
        ("limiter.run(3)", 1),
        ("sum([await double(n) for n in range(3)])", 6),
        ("count(3)", Items("async_generator", (0, 1, 2))),
        ("[n async for n in count(3)]", [0, 1, 2]),
        ("count(-1)", Opaque("async_generator")),
        ("asyncio.run(asyncio.wait_for(asyncio.to_thread(int), 1))", None),
    ],
)
async def test_what_is_awaited_gives_its_value(
    sandbox: JailSandbox, step: str, value: object
) -> None:
    execution = await sandbox.run(SOURCE, ["limiter.run(2)", step])
    assert execution.status == "finished"
    assert execution.steps[1].value == value, execution.steps
    assert execution.output == ""


async def test_coroutines_raise_and_statements_await(sandbox: JailSandbox) -> None:
    steps = ["fail()", "async with manager as m:\n    x = await double(1)", "(x, m.is_closed)"]
    execution = await sandbox.run(SOURCE, steps)
    assert (execution.steps[0].error, execution.steps[0].message) == ("ValueError", "no")
    assert execution.steps[2].value == (2, True)


async def test_what_needs_the_world_shows_nothing(sandbox: JailSandbox) -> None:
    execution = await sandbox.run(
        "import asyncio",
        [
            "asyncio.run(asyncio.open_connection('127.0.0.1', 1))",
            "asyncio.run(asyncio.to_thread(int))",
            "asyncio.run(asyncio.create_subprocess_exec('true'))",
        ],
    )
    assert [step.outcome for step in execution.steps] == ["inconclusive"] * 3


SLEEPERS = {
    "a-cache": (
        (
            "import time\ncache = {'a': time.time() + 60}\n"
            "def get():\n    return 'a' in cache and time.time() < cache['a']\n"
            "before = get()\ntime.sleep(61)\nvalue = (before, get())"
        ),
        (True, False),
    ),
    "a-rate-limiter": (
        (
            "from time import monotonic, sleep\nstart = monotonic()\n"
            "for _ in range(5):\n    sleep(2)\nvalue = round(monotonic() - start)"
        ),
        10,
    ),
    "a-timer": (
        (
            "import time\nstart = time.perf_counter_ns()\ntime.sleep(3)\n"
            "value = round((time.perf_counter_ns() - start) / 1e9)"
        ),
        3,
    ),
    "a-schedule": (
        (
            "import sched, time\nvalue, plan = [], sched.scheduler(time.monotonic, time.sleep)\n"
            "for n in (2, 1):\n    plan.enter(10 * n, 1, value.append, (n,))\nplan.run()"
        ),
        [1, 2],
    ),
    "a-clock-of-a-class": (
        (
            "import time\nclass Watch:\n    clock = time.monotonic\n"
            "    def read(self): return type(self.clock()) is float\nvalue = Watch().read()"
        ),
        True,
    ),
    "the-clock-of-datetime": (
        (
            "import datetime, time\nstart = datetime.datetime.now()\ntime.sleep(0.02)\n"
            "value = datetime.datetime.now() - start >= datetime.timedelta(milliseconds=20)"
        ),
        True,
    ),
    "a-bad-sleep": (
        (
            "import time\nvalue = []\nfor seconds in (-1, 'x', None):\n    try:\n"
            "        time.sleep(seconds)\n    except (TypeError, ValueError) as e:\n"
            "        value.append(type(e).__name__)"
        ),
        ["ValueError", "TypeError", "TypeError"],
    ),
}


@pytest.mark.parametrize(
    ("source", "value"), [pytest.param(*case, id=name) for name, case in SLEEPERS.items()]
)
async def test_sleeping_moves_the_clock_on(
    sandbox: JailSandbox, source: str, value: object
) -> None:
    execution = await sandbox.run(source, ["value"])
    assert (execution.status, execution.steps[0].value) == ("finished", value), execution


ENDINGS = {
    "an-exit": ("def f(): return 7\nimport sys\nsys.exit(0)", "finished"),
    "an-exit-of-main": (
        "def f(): return 7\ndef main(): return None\nraise SystemExit(main())",
        "finished",
    ),
    "the-exit-of-site": ("def f(): return 7\nexit()", "finished"),
    "a-bad-exit": ("def f(): return 7\nimport sys\nsys.exit(1)", "load_failed"),
    "a-message": ("def f(): return 7\nraise SystemExit('broken')", "load_failed"),
    "no-arguments-needed": (
        "import argparse\nargparse.ArgumentParser().parse_args()\ndef f(): return 7",
        "finished",
    ),
    "arguments-with-defaults": (
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', default=7)\n"
            "n = p.parse_args().n\ndef f(): return n"
        ),
        "finished",
    ),
    "arguments-wanted": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('n')\np.parse_args()\n",
        "inconclusive",
    ),
    "an-argument-read": ("import sys\nn = int(sys.argv[1])", "inconclusive"),
    "arguments-counted": (
        "import sys\nif len(sys.argv) != 2:\n    sys.exit('usage: f N')",
        "inconclusive",
    ),
    "input-read": ("n = int(input())", "inconclusive"),
}


@pytest.mark.parametrize(
    ("source", "status"), [pytest.param(*case, id=name) for name, case in ENDINGS.items()]
)
async def test_a_harmless_ending_is_no_failure(
    sandbox: JailSandbox, source: str, status: str
) -> None:
    execution = await sandbox.run(source, ["f()"])
    assert execution.status == status, execution
    if status == "finished":
        assert execution.steps[0].value == 7
