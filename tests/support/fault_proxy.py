"""A TCP proxy that puts faults on a connection, under the names that toxiproxy gives its toxics.

Toxics come and go while connections are open, and strike the share of them that `toxicity` says.
Times are in milliseconds, sizes in bytes, as toxiproxy has them.
"""

import asyncio
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
Stream = Literal["downstream", "upstream"]


class _EndedError(Exception):
    """A toxic ended the connection."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Toxic:
    """What is done to data on their way.

    Attributes:
        toxicity: Share of connections that it strikes.
        stream: `downstream` is what comes back from the server.
    """

    toxicity: float = 1.0
    stream: Stream = "downstream"

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        """Give what goes on of a chunk, when it does."""
        yield chunk

    async def before_close(self) -> None:
        """Wait before an end is passed on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Latency(Toxic):
    """Every chunk comes later; those behind it don't wait for one another."""

    latency: float
    jitter: float = 0

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        delay = self.latency + self.jitter * random.uniform(-1, 1)
        await asyncio.sleep(delay / 1000 - (time.monotonic() - came_at))
        yield chunk


@dataclass(frozen=True, eq=False, kw_only=True)
class Bandwidth(Toxic):
    """So many kilobytes a second, and no more."""

    rate: float

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        # A tenth of a second's worth at a time, so that it trickles.
        size = max(1, round(self.rate * 100))
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            await asyncio.sleep(len(piece) / (self.rate * 1000))
            yield piece


@dataclass(frozen=True, eq=False, kw_only=True)
class SlowClose(Toxic):
    """The end of a connection is passed on late."""

    delay: float

    async def before_close(self) -> None:
        await asyncio.sleep(self.delay / 1000)


@dataclass(frozen=True, eq=False, kw_only=True)
class Timeout(Toxic):
    """No data come through; after a time the connection ends. 0: they wait until this is over."""

    timeout: float

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        if self.timeout:
            await asyncio.sleep(self.timeout / 1000)
            raise _EndedError
        await link.proxy.until_gone(self)
        yield chunk


@dataclass(frozen=True, eq=False, kw_only=True)
class ResetPeer(Toxic):
    """The connection is reset when the first data come, or so long after."""

    timeout: float = 0

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.timeout / 1000)
        link.connection.reset()
        raise _EndedError
        yield b""  # what makes this a generator


@dataclass(frozen=True, eq=False, kw_only=True)
class Slicer(Toxic):
    """Data come in small pieces, with a pause before each."""

    average_size: int
    delay: float = 0

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        for start in range(0, len(chunk), self.average_size):
            await asyncio.sleep(self.delay / 1000)
            yield chunk[start : start + self.average_size]


@dataclass(frozen=True, eq=False, kw_only=True)
class LimitData(Toxic):
    """The connection ends after so many bytes."""

    size: int

    async def pass_on(self, link: "Link", chunk: bytes, came_at: float) -> AsyncIterator[bytes]:
        left = self.size - link.sent
        yield chunk[: max(0, left)]
        if len(chunk) >= left:
            raise _EndedError


@dataclass(eq=False)
class Link:
    """One direction of a connection."""

    connection: "Connection"
    stream: Stream
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0

    @property
    def proxy(self) -> "FaultProxy":
        return self.connection.proxy

    async def run(self) -> None:
        """Pass data on until there are no more, then the end."""
        # Read at once, so that a chunk's time is that of its coming.
        arrived: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue(maxsize=256)
        reading = asyncio.create_task(self._read(arrived))
        try:
            while True:
                chunk, came_at = await arrived.get()
                if not chunk:
                    break
                async for piece in self._through(self._toxics(), chunk, came_at):
                    await self._send(piece)
            for toxic in self._toxics():
                await toxic.before_close()
        finally:
            reading.cancel()
        with suppress(OSError):
            if not self.connection.is_half_open:
                self.writer.write_eof()

    async def _read(self, arrived: asyncio.Queue[tuple[bytes, float]]) -> None:
        chunk = b" "
        while chunk:
            try:
                chunk = await self.reader.read(CHUNK_BYTES)
            except ConnectionError:
                chunk = b""
                if not self.connection.is_half_open:
                    self.connection.reset()
            await arrived.put((chunk, time.monotonic()))

    async def _send(self, piece: bytes) -> None:
        self.sent += len(piece)
        if not self.connection.is_half_open:
            self.writer.write(piece)
            await self.writer.drain()

    def _toxics(self) -> list[Toxic]:
        return [
            toxic
            for toxic in self.proxy.toxics
            if toxic.stream == self.stream and self.connection.is_struck_by(toxic)
        ]

    async def _through(
        self, toxics: list[Toxic], chunk: bytes, came_at: float
    ) -> AsyncIterator[bytes]:
        if not toxics:
            yield chunk
            return
        first, *others = toxics
        async for piece in first.pass_on(self, chunk, came_at):
            async for passed in self._through(others, piece, came_at):
                yield passed


@dataclass(eq=False)
class Connection:
    """A client's connection, and the one to the server that was made for it."""

    proxy: "FaultProxy"
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_half_open: bool = False
    _rolled: dict[int, bool] = field(default_factory=dict)

    def is_struck_by(self, toxic: Toxic) -> bool:
        """Tell whether a toxic strikes here, which is decided once."""
        return self._rolled.setdefault(id(toxic), random.random() < toxic.toxicity)

    def reset(self) -> None:
        """End it with a reset on both sides."""
        for writer in (self.client, self.server):
            _reset(writer)

    def lose_server(self) -> None:
        """End the server's side; the client isn't told, and whatever it sends is lost."""
        self.is_half_open = True
        _reset(self.server)


class FaultProxy:
    """Passes connections on to a server on this machine, through toxics.

    Attributes:
        port: Where it listens.
        upstream: The server's port; new connections go to where it points now.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.toxics: list[Toxic] = []
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        """Listen; again on the same port where it has listened before."""
        self._server = await asyncio.start_server(
            self._accept, LOOPBACK, self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and reset all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def toxic(self, *toxics: Toxic) -> Iterator[None]:
        """Put toxics on all connections, old and new."""
        self._set([*self.toxics, *toxics])
        try:
            yield
        finally:
            self._set([toxic for toxic in self.toxics if toxic not in toxics])

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Refuse connections, and reset those that are open."""
        await self.close()
        try:
            yield
        finally:
            await self.open()

    def lose_servers(self) -> None:
        """Leave all connections half open: the server's side is gone, and the client's isn't."""
        for connection in self._connections:
            connection.lose_server()

    async def until_gone(self, toxic: Toxic) -> None:
        """Wait until a toxic is taken away."""
        while toxic in self.toxics:
            await self._changed.wait()

    def _set(self, toxics: list[Toxic]) -> None:
        self.toxics = toxics
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(LOOPBACK, self.upstream)
        except OSError:
            _reset(writer)
            return
        connection = Connection(self, writer, to_server)
        self._connections.add(connection)
        links = (
            Link(connection, "upstream", reader, to_server),
            Link(connection, "downstream", from_server, writer),
        )
        try:
            with suppress(BaseExceptionGroup):
                async with asyncio.TaskGroup() as both:
                    for link in links:
                        both.create_task(link.run())
        finally:
            self._connections.discard(connection)
            for end in (writer, to_server):
                end.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST and not FIN, as a peer does that is gone."""
    wire = writer.get_extra_info("socket")
    if wire is not None and wire.fileno() >= 0:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
