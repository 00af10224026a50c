"""Faults of the ways between services, and of the provider."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from faults.fault import Fault, Strike
from faults.provider import FAULTS as PROVIDER_FAULTS
from faults.site import Site
from support.fault_proxy import Bandwidth, Latency, ResetPeer, Toxic

BETWEEN_SERVICES = ("worker", "evaluator")


def toxic(make: Callable[[], tuple[Toxic, ...]]) -> Strike:
    """Put toxics on all ways between services."""

    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        with ExitStack() as stack:
            for name in BETWEEN_SERVICES:
                stack.enter_context(site.proxies[name].toxic(*make()))
            yield

    return strike


@asynccontextmanager
async def half_open(site: Site) -> AsyncIterator[None]:
    """Lose the far ends of all open connections, those to the database as well."""
    for name in (*BETWEEN_SERVICES, "postgres"):
        site.proxies[name].lose_servers()
    yield


def provider(fault: str) -> Strike:
    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        with site.provider.having(fault):
            yield

    return strike


FAULTS = [
    Fault(
        name="latency 500 ms between services",
        strike=toxic(lambda: (Latency(latency=500),)),
        cost_seconds=24,
        refuses_nothing=True,
    ),
    Fault(
        name="1 KB/s between services",
        strike=toxic(lambda: (Bandwidth(rate=1), Bandwidth(rate=1, stream="upstream"))),
        cost_seconds=23.5,
    ),
    Fault(
        name="resets on 20 % between services",
        strike=toxic(lambda: (ResetPeer(toxicity=0.2),)),
        cost_seconds=23,
    ),
    Fault(name="half-open connections", strike=half_open, cost_seconds=27),
    *(
        Fault(name=f"provider {fault}", strike=provider(fault), cost_seconds=23)
        for fault in PROVIDER_FAULTS
    ),
]
