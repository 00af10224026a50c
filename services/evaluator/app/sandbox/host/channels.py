"""The channels of one run: a file in memory for the request, pipes for output and results."""

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Callable, Sequence

from services.evaluator.app.sandbox.jail.protocol import RunEnded
from services.evaluator.app.sandbox.run.limits import RunLimits
from services.evaluator.app.sandbox.run.records import Flood, RunRemains
from services.evaluator.app.sandbox.run.request import Step, plain_steps

_READ_BYTES = 1 << 16


class RunChannels:
    """Opens the channels of one run, reads from them without ever waiting, and closes them.

    Attributes:
        passed: Descriptors for the child: the request's, the output's and the results'.
        token: What each record of the results begins with.
        flood: Which channel carried too much, empty where neither did; reading ends with it.
    """

    def __init__(
        self, source: str, steps: Sequence[Step], limits: RunLimits, on_flood: Callable[[], None]
    ) -> None:
        """Open the channels and write the request.

        Raises:
            OSError: If there are no more descriptors or no memory.
        """
        self.flood: Flood = ""
        self.token = secrets.token_hex(8)
        self._on_flood = on_flood
        self._loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            request = theirs.enter_context(open(os.memfd_create("request"), "wb"))
            request.write(json.dumps([self.token, source, plain_steps(steps)]).encode())
            request.flush()
            printed, print_end = _pipe(ours, theirs)
            results, result_end = _pipe(ours, theirs)
            self._output = _Reader(printed, limits.output_bytes, limits.printed_bytes)
            self._results = _Reader(results, limits.result_bytes, limits.result_bytes)
            self.passed = (request.fileno(), print_end, result_end)
            self._ours = ours.pop_all()
            self._theirs = theirs.pop_all()
        for reader in (self._output, self._results):
            self._loop.add_reader(reader.descriptor, self._read, reader)

    def remains(self, ended: RunEnded) -> RunRemains:
        """Return what the run left behind, once it has ended."""
        return RunRemains(
            token=self.token,
            results=bytes(self._results.kept),
            output=bytes(self._output.kept),
            output_cut=self._output.seen_bytes > len(self._output.kept),
            flood=self.flood,
            ended=ended,
        )

    def drain(self) -> None:
        """Read the rest from the pipes once the process at their other end is gone."""
        for reader in (self._output, self._results):
            while not self.flood and reader.is_open:
                if not self._read(reader):
                    break

    def close_passed(self) -> None:
        """Close our copies of the child's descriptors, so that the pipes end when it does."""
        self._theirs.close()

    def close(self) -> None:
        """Stop reading and close every descriptor."""
        for reader in (self._output, self._results):
            self._stop_reading(reader)
        self._ours.close()
        self._theirs.close()

    def _read(self, reader: "_Reader") -> bool:
        """Read once; return whether there may be more."""
        try:
            chunk = os.read(reader.descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._stop_reading(reader)
            return False
        if reader.keep(chunk) and not self.flood:
            self.flood = "output" if reader is self._output else "results"
            self._stop_reading(self._output)
            self._stop_reading(self._results)
            self._on_flood()
        return True

    def _stop_reading(self, reader: "_Reader") -> None:
        if reader.is_open:
            reader.is_open = False
            self._loop.remove_reader(reader.descriptor)


class _Reader:
    """The reading end of one pipe, and what was read from it."""

    def __init__(self, descriptor: int, kept_bytes: int, allowed_bytes: int) -> None:
        self.descriptor = descriptor
        self.kept = bytearray()
        self.is_open = True
        self._kept_bytes = kept_bytes
        self._allowed_bytes = allowed_bytes
        self.seen_bytes = 0

    def keep(self, chunk: bytes) -> bool:
        """Keep what fits; return whether there was too much."""
        self.seen_bytes += len(chunk)
        self.kept += chunk[: self._kept_bytes - len(self.kept)]
        return self.seen_bytes > self._allowed_bytes


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """Open a pipe whose reading end never waits; the writing end is the child's and does."""
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    theirs.callback(os.close, writing)
    os.set_blocking(reading, False)
    return reading, writing
