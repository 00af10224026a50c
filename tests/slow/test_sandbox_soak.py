"""Ten thousand runs: nothing grows, nothing is left, and nothing ever goes wrong.

Not collected by `make test`; run by `make test-slow`.
"""

import asyncio
import os
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from services.evaluator.app.sandbox import JailSandbox, RunLimits

RUNS = 10_000
CONCURRENT = 6
# One in so many runs is an attack of some kind.
ATTACK_EVERY = 50
ATTACKS = [
    "import os\nos._exit(0)",
    "while True: pass",
    "x = [0]\nwhile True: x += x",
    "import ctypes\nctypes.string_at(0)",
    "while True: print('x' * 1000)",
    "import os\nfor n in range(9):\n    try: os.write(n, b'[]\\n')\n    except OSError: pass",
]
MEGABYTE = 1 << 20


@pytest.mark.timeout(900)
async def test_ten_thousand_runs_leave_nothing_and_cost_nothing() -> None:
    others = {child.pid for child in psutil.Process().children()}  # of other tests' fixtures
    sandbox = JailSandbox(limits=RunLimits(wall_ms=5000, cpu_seconds=1))
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"no sandbox on this machine: {availability.problem}")
    await _soak(sandbox, 500, others)
    memory, descriptors = _memory(), _descriptors()

    statuses = await _soak(sandbox, RUNS, others)

    assert statuses["finished"] == RUNS - RUNS // ATTACK_EVERY
    assert statuses["unavailable"] == 0
    assert statuses.total() == RUNS
    assert _memory() - memory < 16 * MEGABYTE
    assert _descriptors() <= descriptors + 2  # a zygote and its successor
    await sandbox.close()
    assert _family(others) == []


async def _soak(sandbox: JailSandbox, runs: int, others: set[int]) -> Counter[str]:
    numbers = iter(range(1, runs + 1))
    statuses: Counter[str] = Counter()

    async def work() -> None:
        for number in numbers:
            if number % ATTACK_EVERY == 0:
                attack = ATTACKS[number // ATTACK_EVERY % len(ATTACKS)]
                execution = await sandbox.run(attack, ["1"])
                # A loop beside other loops may have had no fair share of its one second.
                assert execution.status in {"stopped", "load_failed", "inconclusive"}
                assert not execution.loaded
            else:
                execution = await sandbox.run(f"def f(x):\n    return x + {number}", ["f(1)"])
                assert execution.steps[0].value == number + 1, execution
            statuses[execution.status] += 1

    await asyncio.gather(*(work() for _ in range(CONCURRENT)))
    await _until_one_zygote_is_left(others)
    return statuses


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _family(others: set[int]) -> list[psutil.Process]:
    """Our children and theirs, without those that were there before."""
    ours = [child for child in psutil.Process().children() if child.pid not in others]
    family = []
    for child in ours:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            family += [child, *child.children(recursive=True)]
    return family


async def _until_one_zygote_is_left(others: set[int]) -> None:
    """A zygote that was succeeded takes a moment to end; no child and no zombie may stay."""
    for _ in range(200):
        family = _family(others)
        if len(family) == 1 and family[0].status() != psutil.STATUS_ZOMBIE:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"left behind: {family}")
