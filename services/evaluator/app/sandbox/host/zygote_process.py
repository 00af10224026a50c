"""The Evaluator's handle on one zygote: starts it, sends orders, receives how runs ended."""

import asyncio
import contextlib
import json
import socket
import sys
import sysconfig
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from services.evaluator.app.sandbox.jail.protocol import (
    MAX_MESSAGE,
    Ready,
    RunEnded,
    StartRun,
    StopRun,
    decode,
    encode,
)

START_SECONDS = 30.0
_END_SECONDS = 2.0
# Behind the links of a virtual environment, whose packages the zygote mustn't see.
_INTERPRETER = str(Path(sys.executable).resolve())
_SCRIPT = Path(__file__).with_name("start_zygote.py")
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/nonexistent"}
# Threads of a library that counts with several would stay behind in the zygote.
_ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "BLIS")
}


class ZygoteError(Exception):
    """The zygote couldn't be started, or is gone."""


class ZygoteProcess:
    """A running zygote. Belongs to the event loop that started it.

    Attributes:
        runs_begun: How many runs it was given in its life.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: socket.socket,
        on_gone: Callable[["ZygoteProcess"], None],
    ) -> None:
        self.runs_begun = 0
        self._process = process
        self._channel = channel
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: dict[int, asyncio.Future[RunEnded]] = {}
        self._is_gone = False
        self._is_retired = False
        self._loop.add_reader(channel.fileno(), self._hear)

    @classmethod
    async def start(
        cls,
        on_gone: Callable[["ZygoteProcess"], None],
        *,
        without: Collection[str] = (),
        modules: Sequence[str] = (),
    ) -> "ZygoteProcess":
        """Start a zygote and wait until it has loaded its modules.

        Args:
            on_gone: Called once when it ends or has to be ended, whatever the reason.

        Raises:
            ZygoteError: If it can't be started, or isn't ready in time.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                process = await _spawn(theirs.fileno(), without, modules)
        except BaseException:
            ours.close()
            raise
        zygote = cls(process, ours, on_gone)
        try:
            async with asyncio.timeout(START_SECONDS):
                await zygote._ready
        except TimeoutError:
            await zygote.close()
            raise ZygoteError(f"it wasn't ready within {START_SECONDS:g} s") from None
        except BaseException:
            await zygote.close()
            raise
        return zygote

    def begin(self, order: StartRun, descriptors: Sequence[int]) -> asyncio.Future[RunEnded]:
        """Order the zygote to fork a child for a run; the caller closes the descriptors.

        Returns:
            How the run ended, once it has; a `ZygoteError` where the zygote ends first.

        Raises:
            ZygoteError: If the zygote has ended already.
        """
        if self._is_gone:
            raise ZygoteError("it is gone")
        try:
            socket.send_fds(self._channel, [encode(order)], descriptors)
        except OSError as error:
            self.abandon()
            raise ZygoteError(f"it takes no orders: {error.strerror}") from error
        self.runs_begun += 1
        ended: asyncio.Future[RunEnded] = self._loop.create_future()
        self._ended[order.run_id] = ended
        return ended

    def stop(self, run_id: int) -> None:
        """Order the zygote to kill a run's child; how the run ended is still reported."""
        if self._is_gone or run_id not in self._ended:
            return
        try:
            self._channel.send(encode(StopRun(run_id)))
        except OSError:
            self.abandon()

    def retire(self) -> None:
        """End the zygote as soon as its last run has ended."""
        self._is_retired = True
        if not self._ended:
            self.abandon()

    def abandon(self) -> None:
        """End the zygote now, and its children with it."""
        if self._is_gone:
            return
        self._is_gone = True
        self._loop.remove_reader(self._channel.fileno())
        # It takes this for the end: kills its children, waits for them and goes.
        self._channel.close()
        self._loop.call_later(_END_SECONDS, self._kill)
        gone = ZygoteError("it ended")
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._ended.values()]
        self._ended.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(gone)
                future.exception()  # nobody may be waiting any more
        self._on_gone(self)

    async def close(self) -> None:
        """End the zygote now, and wait until its process is gone."""
        self.abandon()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _hear(self) -> None:
        try:
            notice = decode(self._channel.recv(MAX_MESSAGE))
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self.abandon()
            return
        match notice:
            case Ready(problem) if problem:
                self._ready.set_exception(ZygoteError(problem))
                self.abandon()
            case Ready():
                self._ready.set_result(None)
            case RunEnded(run_id):
                ended = self._ended.pop(run_id, None)
                if ended is not None and not ended.done():
                    ended.set_result(notice)
                if self._is_retired and not self._ended:
                    self.abandon()


async def _spawn(
    descriptor: int, without: Collection[str], modules: Sequence[str]
) -> asyncio.subprocess.Process:
    """Start the interpreter with nothing of ours: no environment, no descriptor but one.

    From this thread, since the zygote ends with the thread that started it.
    """
    options: dict[str, object] = {"without": sorted(without)}
    if modules:
        folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        options |= {"modules": list(modules), "folders": sorted(folders)}
    try:
        return await asyncio.create_subprocess_exec(
            _INTERPRETER,
            *("-I", "-S", "-B", str(_SCRIPT), str(descriptor), json.dumps(options)),
            pass_fds=(descriptor,),
            env=_ENVIRONMENT | (_ONE_THREAD if modules else {}),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ZygoteError(f"Python could not be started: {error}") from error
