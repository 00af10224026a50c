"""Circuit breakers for asyncio: what a call costs, and how many probes go out at a time.

Each is opened by failures, and then, once it may be tried again, asked for twenty calls at once:
those that it lets through hang. A cancelled call is to say nothing of what was called.

examples:
  python -m benchmarks.decisions.breakers

The others are no dependencies of this project. To measure them too, from the project's root:
  python3 -m venv /tmp/breakers
  /tmp/breakers/bin/pip install purgatory aiobreaker asyncbreaker hyx circuitbreaker
  PYTHONPATH=. /tmp/breakers/bin/python -m benchmarks.decisions.breakers
"""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

CALLS = 20_000
ROUNDS = 5
AT_ONCE = 20
FAILURES = 3
REST_SECONDS = 1.0
MANY_FAILURES = 50

Work = Callable[[], Awaitable[None]]
Guard = Callable[[Work], Awaitable[Any]]


class FailedError(Exception):
    """The part failed."""


async def nothing() -> None:
    """Do nothing, as fast as a call can be."""


async def fail() -> None:
    """Fail."""
    raise FailedError


async def hang() -> None:
    """Never end."""
    await asyncio.Event().wait()


def make_own() -> Guard:
    """Ours."""
    from services.common.resilience.breaker import Breaker  # noqa: PLC0415 - measured apart

    breaker = Breaker("part", failures=FAILURES)

    async def call(work: Work) -> None:
        if not breaker.admits():
            raise FailedError
        try:
            await work()
        except FailedError:
            breaker.tell_failure()
            raise
        breaker.tell_success()

    return call


def make_purgatory() -> Guard:
    """A factory that looks its breaker up by name."""
    module: Any = importlib.import_module("purgatory")
    factory = module.AsyncCircuitBreakerFactory(default_threshold=FAILURES, default_ttl=1.0)

    async def call(work: Work) -> None:
        async with await factory.get_breaker("part"):
            await work()

    return call


def make_aiobreaker() -> Guard:
    """A port of pybreaker."""
    module: Any = importlib.import_module("aiobreaker")
    breaker = module.CircuitBreaker(
        fail_max=FAILURES, timeout_duration=timedelta(seconds=REST_SECONDS)
    )
    return breaker.call_async  # type: ignore[no-any-return]


def make_asyncbreaker() -> Guard:
    """Another port, younger."""
    module: Any = importlib.import_module("asyncbreaker")
    breaker = module.CircuitBreaker(
        fail_max=FAILURES, timeout_duration=timedelta(seconds=REST_SECONDS)
    )
    return breaker.call  # type: ignore[no-any-return]


def make_hyx() -> Guard:
    """One of several primitives."""
    module: Any = importlib.import_module("hyx.circuitbreaker")
    breaker = module.consecutive_breaker(
        exceptions=FailedError,
        failure_threshold=FAILURES,
        recovery_time_secs=REST_SECONDS,
        recovery_threshold=1,
    )

    async def call(work: Work) -> None:
        async with breaker:
            await work()

    return call


def make_circuitbreaker() -> Guard:
    """A decorator."""
    module: Any = importlib.import_module("circuitbreaker")
    breaker = module.CircuitBreaker(failure_threshold=FAILURES, recovery_timeout=REST_SECONDS)

    async def call(work: Work) -> None:
        await breaker.call_async(work)

    return call


MAKERS: dict[str, Callable[[], Guard]] = {
    "ours": make_own,
    "purgatory": make_purgatory,
    "aiobreaker": make_aiobreaker,
    "asyncbreaker": make_asyncbreaker,
    "hyx": make_hyx,
    "circuitbreaker": make_circuitbreaker,
}


async def measure_cost_us(guard: Guard) -> float:
    """Measure the CPU of a call that does nothing, in microseconds; the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            await guard(nothing)
        best = min(best, time.process_time() - started)
    return 1e6 * best / CALLS


async def count_probes(guard: Guard) -> int:
    """Count the calls that are let through at once, as soon as an open breaker may be tried."""
    for _ in range(MANY_FAILURES):
        with suppress(Exception):
            await guard(fail)
    await asyncio.sleep(REST_SECONDS + 0.1)
    through = 0

    async def probe() -> None:
        nonlocal through
        through += 1
        await hang()

    calls = [asyncio.ensure_future(guard(probe)) for _ in range(AT_ONCE)]
    await asyncio.sleep(0.1)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    return through


async def lets_through_after_cancellations(guard: Guard) -> bool:
    """Tell whether calls pass after others were cancelled."""
    for _ in range(MANY_FAILURES):
        call = asyncio.ensure_future(guard(hang))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    try:
        await guard(nothing)
    except Exception:  # noqa: BLE001 - whatever it raises, it doesn't let the call through
        return False
    return True


async def main() -> None:
    """Measure each that is installed."""
    print(f"{'':15}{'us a call':>10}{'probes at once':>16}  passes after cancelled calls")
    for name, make in MAKERS.items():
        try:
            cost = await measure_cost_us(make())
        except ImportError:
            print(f"{name:15}  not installed")
            continue
        probes = await count_probes(make())
        passes = await lets_through_after_cancellations(make())
        print(f"{name:15}{cost:10.2f}{probes:16}  {'yes' if passes else 'no'}")


if __name__ == "__main__":
    asyncio.run(main())
