"""What stands in front or beside: a pooler, a standby, and several of each service."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import urlsplit

from faults.disks import run
from faults.fault import Fault
from faults.site import SERVING, Site
from support.pooler import Pooler, pooling
from support.replicas import COUNTS, await_ready, haproxy, lacks_haproxy
from support.standby import Standby, standing_by

from benchmarks.own_ports import take_ports

AWAY_SECONDS = 5


def _lacks_pooler() -> str:
    return "" if shutil.which("pgbouncer") else "PgBouncer is needed: apt install pgbouncer"


@asynccontextmanager
async def behind_a_pooler(site: Site) -> AsyncIterator[None]:
    """Lead all services' ways into the database through PgBouncer in transaction mode."""
    urls = [site.postgres.database_url, *site.postgres.service_urls.values()]
    with ExitStack() as stack:
        # As many as services would open by themselves, so that nobody waits for a turn.
        pooler = await asyncio.to_thread(
            stack.enter_context, pooling(*urls, default_pool_size="20")
        )
        site.pooler = pooler
        async with site.led({"postgres": pooler.port}):
            await site.until_back()
            yield


@asynccontextmanager
async def pooler_restarted(site: Site) -> AsyncIterator[None]:
    pooler: Pooler = site.pooler
    await asyncio.to_thread(pooler.stop)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(pooler.start)
    yield


@asynccontextmanager
async def beside_a_standby(site: Site) -> AsyncIterator[None]:
    """Have a standby that every commit waits for, known to the services by their URLs.

    What it took on lies in the first server's place afterwards.
    """
    with ExitStack() as stack:
        standby: Standby = await asyncio.to_thread(stack.enter_context, standing_by(site.postgres))
        site.standby = standby
        await site.fetch("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await site.fetch("SELECT pg_reload_conf()")
        urls = {name: _both(site, name, standby) for name in ("worker", "manager")}
        async with site.configured(urls):
            try:
                yield
            finally:
                await asyncio.to_thread(standby.stop_server)
                await _take_its_place(site, standby)


def _both(site: Site, name: str, standby: Standby) -> dict[str, str]:
    """Name both servers in a service's URL; whichever takes writes is the one."""
    url = urlsplit(site.services[name].environment["DATABASE_URL"])
    second = f"{url.hostname}:{standby.server.port}"
    both = url._replace(netloc=f"{url.netloc},{second}", query="target_session_attrs=read-write")
    return {"DATABASE_URL": both.geturl()}


async def _take_its_place(site: Site, standby: Standby) -> None:
    data = site.postgres.storage.data.resolve()
    await asyncio.to_thread(shutil.rmtree, data)
    await run("cp", "-a", "-T", standby.server.storage.data.resolve(), data)
    await asyncio.to_thread(site.postgres.start)
    site.writable = None


@asynccontextmanager
async def failed_over(site: Site) -> AsyncIterator[None]:
    """Stop the server and promote its standby."""
    standby: Standby = site.standby
    await asyncio.to_thread(site.postgres.stop)
    await asyncio.to_thread(standby.promote)
    site.writable = standby.server
    yield


@asynccontextmanager
async def behind_haproxy(site: Site) -> AsyncIterator[None]:
    """Run several of each service behind HAProxy."""
    fronts = dict(zip(SERVING, take_ports(len(SERVING)), strict=True))
    backs = {name: [site.system.port(name), *take_ports(COUNTS[name] - 1)] for name in SERVING}
    added = {
        name: [site.services[name].copy(n, port) for n, port in enumerate(ports[1:], 2)]
        for name, ports in backs.items()
    }
    site.replicas = {
        name: list(zip([site.services[name], *added[name]], backs[name], strict=True))
        for name in SERVING
    }
    with ExitStack() as stack:
        stack.enter_context(haproxy(site.system.directory, fronts, backs))
        for service in [one for several in added.values() for one in several]:
            stack.callback(service.end)
            service.start()
        for port in [port for ports in backs.values() for port in ports]:
            await asyncio.to_thread(await_ready, port)
        proxied = {name: fronts[name] for name in ("worker", "evaluator")}
        async with site.led(proxied):
            site.fronts = fronts
            try:
                await site.until_back()
                yield
            finally:
                site.fronts = {}


@asynccontextmanager
async def all_restarted(site: Site) -> AsyncIterator[None]:
    """Restart one after the other, each when the one before is ready."""
    for several in site.replicas.values():
        for service, port in several:
            await asyncio.to_thread(service.end)
            service.start()
            await asyncio.to_thread(await_ready, port)
    yield


FAULTS = [
    Fault(
        name="pooler restarted, 5 s away",
        strike=pooler_restarted,
        seconds=0,
        stage=behind_a_pooler,
        lacks=_lacks_pooler,
        cost_seconds=15,
        refuses_nothing=True,
    ),
    Fault(
        name="failover to a promoted standby",
        strike=failed_over,
        seconds=10,
        stage=beside_a_standby,
        cost_seconds=75,
    ),
    Fault(
        name="rolling restart of everything",
        strike=all_restarted,
        seconds=0,
        stage=behind_haproxy,
        lacks=lacks_haproxy,
        cost_seconds=110,
        refuses_nothing=True,
    ),
]
