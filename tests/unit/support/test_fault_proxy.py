import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.fault_proxy import (
    LOOPBACK,
    Bandwidth,
    FaultProxy,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
)

PATIENCE_SECONDS = 20


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1024):
        writer.write(chunk)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy before a server that sends back what it gets."""
    server = await asyncio.start_server(_echo, LOOPBACK)
    proxy = FaultProxy(server.sockets[0].getsockname()[1])
    await proxy.open()
    async with asyncio.timeout(PATIENCE_SECONDS):
        yield proxy
    await proxy.close()
    server.close()


@asynccontextmanager
async def connected(
    proxy: FaultProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def send(proxy: FaultProxy, text: bytes) -> bytes:
    """Send a text and the end, and read what comes back."""
    async with connected(proxy) as (reader, writer):
        writer.write(text)
        writer.write_eof()
        return await reader.read()


async def test_without_toxics_all_comes_through(proxy: FaultProxy) -> None:
    text = random.randbytes(500_000)
    assert await send(proxy, text) == text


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(latency=50, jitter=10),
        Bandwidth(rate=100),
        SlowClose(delay=50),
        Slicer(average_size=100, delay=1),
        Latency(latency=50, stream="upstream"),
    ],
    ids=lambda toxic: f"{type(toxic).__name__} {toxic.stream}",
)
async def test_what_is_slow_is_whole(
    proxy: FaultProxy, toxic: Toxic, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float, *, _sleep=asyncio.sleep) -> None:
        slept.append(seconds)
        await _sleep(0)

    monkeypatch.setattr("support.fault_proxy.asyncio.sleep", sleep)
    with proxy.toxic(toxic):
        assert await send(proxy, b"x" * 5_000) == b"x" * 5_000
    assert sum(slept) > 0.02
    slept.clear()
    assert await send(proxy, b"x") == b"x"
    assert not slept


async def test_limit_data_cuts(proxy: FaultProxy) -> None:
    with proxy.toxic(LimitData(size=10)):
        assert await send(proxy, b"x" * 100) == b"x" * 10


async def test_reset_peer_resets(proxy: FaultProxy) -> None:
    with proxy.toxic(ResetPeer()), pytest.raises(ConnectionResetError):
        await send(proxy, b"x")


async def test_toxicity_is_the_share_of_connections(proxy: FaultProxy) -> None:
    random.seed(16)
    struck = 0
    with proxy.toxic(ResetPeer(toxicity=0.2)):
        for _ in range(100):
            try:
                await send(proxy, b"x")
            except ConnectionResetError:
                struck += 1
    assert 10 <= struck <= 30


async def test_timeout_0_holds_data_back_until_it_is_gone(proxy: FaultProxy) -> None:
    async with connected(proxy) as (reader, writer):
        with proxy.toxic(Timeout(timeout=0)):
            writer.write(b"x")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await reader.read(1)
        assert await reader.read(1) == b"x"


async def test_timeout_ends_the_connection(proxy: FaultProxy) -> None:
    with proxy.toxic(Timeout(timeout=1)):
        assert await send(proxy, b"x") == b""


async def test_down_refuses_and_comes_back_on_the_same_port(proxy: FaultProxy) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        async with proxy.down():
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)
            with pytest.raises(ConnectionRefusedError):
                await send(proxy, b"x")
    assert await send(proxy, b"x") == b"x"


async def test_a_half_open_connection_tells_its_client_nothing(proxy: FaultProxy) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        proxy.lose_servers()
        writer.write(b"y")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        assert await send(proxy, b"z") == b"z"
