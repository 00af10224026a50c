"""How a service ends: a real process, its signals, and clients over plain sockets."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.own_ports import take_port

# A service whose one stream ends when a line comes on its standard input.
PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from fastapi.responses import StreamingResponse
from services.common.config import WorkerSettings
from services.common.metrics import ServiceMetrics
from services.common.web import create_app, serve

async def find_obstacle():
    return ""

@asynccontextmanager
async def hold_nothing(app):
    yield

def create(settings):
    app = create_app("worker", metrics=ServiceMetrics("worker"), authorise=lambda scope: None,
                     lifespan=hold_nothing, find_obstacle=find_obstacle)

    @app.get("/stream")
    async def stream():
        async def speak():
            yield "begun "
            reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            await reader.readline()
            yield "ended"
        return StreamingResponse(speak())

    return app

serve("worker", WorkerSettings, create)
"""
TIMEOUT_SECONDS = 60


class Connection:
    """A kept-alive connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def get(self, path: str) -> str:
        """The head of the answer; its body is still to be read."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def get_whole(self, path: str) -> tuple[str, str]:
        """Head and body of an answer that says its length."""
        head = await self.get(path)
        length = next(
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.startswith("content-length:")
        )
        return head, (await self.reader.readexactly(length)).decode()


class Service:
    """The process and its port."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self._port = port

    async def connect(self) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", self._port))

    async def wait_until_up(self) -> None:
        while True:
            try:
                connection = await self.connect()
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                connection.writer.close()
                return

    async def wait_until_deaf(self) -> None:
        while True:
            try:
                connection = await self.connect()
            except ConnectionRefusedError:
                return
            connection.writer.close()
            await asyncio.sleep(0.05)

    async def wait_until_unready(self) -> str:
        while True:
            head, body = await (await self.connect()).get_whole("/health/ready")
            if " 503 " in head:
                return body
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(drain_seconds: float) -> AsyncIterator[Service]:
    port = take_port()
    environment = {
        **os.environ,
        "SELFHEAL_ENV_FILE": "",
        "WORKER_PORT": str(port),
        "DRAIN_SECONDS": str(drain_seconds),
        "GRACE_SECONDS": "60",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdin=PIPE, stderr=PIPE, env=environment
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            service = Service(process, port)
            await service.wait_until_up()
            yield service
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_service_that_is_stopped_says_so_and_takes_what_still_comes() -> None:
    async with running(drain_seconds=300) as service:
        kept = await service.connect()
        head, _ = await kept.get_whole("/health")
        assert "connection: close" not in head

        service.process.send_signal(signal.SIGTERM)
        assert "It is being stopped." in await service.wait_until_unready()

        head, _ = await kept.get_whole("/health")
        assert head.startswith("HTTP/1.1 200")
        assert "connection: close" in head
        assert await kept.reader.read() == b""


async def test_a_stream_that_is_under_way_ends_before_the_service_does() -> None:
    async with running(drain_seconds=0) as service:
        kept, listening = await service.connect(), await service.connect()
        await kept.get_whole("/health")
        await listening.get("/stream")
        assert "begun" in (await listening.reader.readuntil(b"begun ")).decode()

        service.process.send_signal(signal.SIGTERM)
        await service.wait_until_deaf()
        assert await kept.reader.read() == b""
        assert service.process.returncode is None

        assert service.process.stdin
        service.process.stdin.write(b"\n")
        assert (await listening.reader.read()).endswith(b"ended\r\n0\r\n\r\n")
        assert await service.process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_a_service_at_once(number: signal.Signals) -> None:
    async with running(drain_seconds=300) as service:
        listening = await service.connect()
        await listening.get("/stream")

        service.process.send_signal(number)
        await service.wait_until_unready()
        service.process.send_signal(number)

        assert await service.process.wait() == 0
