"""Faults of processes: killed, stopped, asked for more than they can do, with a wrong clock."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from faults.fault import Fault, Strike
from faults.site import OPTIMIZER, SERVING, Site, signalled, until_none

KILL_EVERY_SECONDS = 7
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
OVERLOAD = 10
# Of a stand-in provider: enough for the load as it is by default.
SLOTS = 4
HALF_AN_HOUR_SECONDS = 1800


def killed(name: str) -> Strike:
    """Kill a service every seven seconds; its supervisor starts it again at once."""

    async def kill(site: Site) -> None:
        while True:
            await asyncio.to_thread(site.services[name].end, signal.SIGKILL)
            site.services[name].start()
            await asyncio.sleep(KILL_EVERY_SECONDS)

    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        killing = asyncio.create_task(kill(site))
        try:
            yield
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
            await site.restart(name)

    return strike


def suspended(name: str) -> Strike:
    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        with signalled(site.services[name], signal.SIGSTOP, signal.SIGCONT):
            yield

    return strike


@asynccontextmanager
async def with_optimizer(site: Site) -> AsyncIterator[None]:
    """Run the Optimizer's continuous mode as well."""
    site.services[OPTIMIZER].start()
    try:
        yield
    finally:
        await asyncio.to_thread(site.services[OPTIMIZER].end)


@asynccontextmanager
async def gone_evaluator(site: Site) -> AsyncIterator[None]:
    await asyncio.to_thread(site.services["evaluator"].end, signal.SIGKILL)
    try:
        yield
    finally:
        site.services["evaluator"].start()


@asynccontextmanager
async def manager_killed_in_mid_stream(site: Site) -> AsyncIterator[None]:
    """Kill the Manager when several streams have begun and none of them is near its end."""
    site.provider.pause_seconds *= 20
    try:
        await site.provider.until_streaming(3)
        await asyncio.to_thread(site.services["manager"].end, signal.SIGKILL)
        site.services["manager"].start()
        yield
    finally:
        site.provider.pause_seconds /= 20


@asynccontextmanager
async def overloaded(site: Site) -> AsyncIterator[None]:
    """Send ten times as much, to a provider that can do no more than was sent before."""
    site.load.rate *= OVERLOAD
    try:
        with site.provider.bounded(SLOTS):
            yield
    finally:
        site.load.rate /= OVERLOAD


def _offset_file(site: Site) -> Path:
    return site.system.directory / "clock"


@asynccontextmanager
async def with_their_own_clock(site: Site) -> AsyncIterator[None]:
    """Run the services by a clock that a file sets; intervals pass as they do."""
    _offset_file(site).write_text("+0")
    settings = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(_offset_file(site)),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    async with site.configured(dict.fromkeys(SERVING, settings)):
        yield


def clock_set(offset: str) -> Strike:
    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        _offset_file(site).write_text(offset)
        try:
            await until_none(lambda: _find_right_clock(site))
            yield
        finally:
            _offset_file(site).write_text("+0")

    return strike


async def _find_right_clock(site: Site) -> str:
    """Say that the Manager's clock, which its log shows, goes right; empty where it doesn't."""
    whole, _, _ = (site.system.directory / "manager.log").read_text().rpartition("\n")
    last = whole.splitlines()[-1]  # the Manager may be writing another
    shown = datetime.fromisoformat(json.loads(last)["timestamp"])
    wrong_by = abs((datetime.now(UTC) - shown).total_seconds())
    return "" if wrong_by > HALF_AN_HOUR_SECONDS else f"its clock is wrong by {wrong_by:g} s"


def _lacks_faketime() -> str:
    return "" if FAKETIME.exists() else "libfaketime is needed: apt install faketime"


FAULTS = [
    *(Fault(name=f"{name} killed every 7 s", strike=killed(name), seconds=28, cost_seconds=58)
      for name in SERVING),
    Fault(
        name="optimizer killed every 7 s",
        strike=killed(OPTIMIZER),
        stage=with_optimizer,
        seconds=28,
        cost_seconds=40,
        refuses_nothing=True,
    ),
    *(Fault(name=f"{name} stopped for 20 s", strike=suspended(name), seconds=20, cost_seconds=32)
      for name in SERVING),
    Fault(
        name="optimizer stopped for 20 s",
        strike=suspended(OPTIMIZER),
        seconds=20,
        stage=with_optimizer,
        cost_seconds=32,
        refuses_nothing=True,
    ),
    Fault(name="evaluator dead for long", strike=gone_evaluator, seconds=120, cost_seconds=200),
    Fault(
        name="manager killed in mid-stream",
        strike=manager_killed_in_mid_stream,
        seconds=0,
        cost_seconds=11,
    ),
    Fault(name="10x overload", strike=overloaded, seconds=20, cost_seconds=30),
    Fault(
        name="clock one hour forth",
        strike=clock_set("+3600"),
        stage=with_their_own_clock,
        lacks=_lacks_faketime,
        cost_seconds=45,
        refuses_nothing=True,
    ),
    Fault(
        name="clock one hour back",
        strike=clock_set("-3600"),
        stage=with_their_own_clock,
        lacks=_lacks_faketime,
        cost_seconds=45,
        refuses_nothing=True,
    ),
]  # fmt: skip
