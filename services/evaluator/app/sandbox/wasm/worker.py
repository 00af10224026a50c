"""A worker of the WebAssembly backend: `python -I -B worker.py`, one request a line.

A process of its own, since a program that recurses too deep ends the process that hosts the
WebAssembly machine. Requests and answers are JSON, a line each. After a flood, it answers and ends.
"""

import base64
import importlib
import json
import os
import threading
import time
from typing import Any, TextIO


class _Collected:
    """What a run writes, cut at a limit."""

    def __init__(self, kept_bytes: int, allowed_bytes: int) -> None:
        self.kept = bytearray()
        self.seen_bytes = 0
        self._kept_bytes = kept_bytes
        self._allowed_bytes = allowed_bytes

    def add(self, chunk: bytes) -> bool:
        """Keep what fits; return whether there was too much."""
        self.seen_bytes += len(chunk)
        self.kept += chunk[: self._kept_bytes - len(self.kept)]
        return self.seen_bytes > self._allowed_bytes


def main() -> None:
    """Answer requests until the input ends."""
    # Programs reach descriptors 0 to 2 of this process: they get none that leads anywhere.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    machine = importlib.import_module("eryx")
    for line in requests:
        _answer(machine, answers, json.loads(line))


def _answer(machine: Any, answers: TextIO, request: dict[str, Any]) -> None:
    results = _Collected(request["result_bytes"], request["result_bytes"])
    output = _Collected(request["output_bytes"], request["printed_bytes"])
    started, cpu_started = time.monotonic(), time.process_time()
    answering = threading.Lock()

    def say(ending: str, peak_memory_bytes: int = 0) -> None:
        answering.acquire()
        answer = {
            "ending": ending,
            "results": base64.b64encode(results.kept).decode(),
            "output": base64.b64encode(output.kept).decode(),
            "output_cut": output.seen_bytes > len(output.kept),
            "cpu_ms": round((time.process_time() - cpu_started) * 1000),
            "wall_ms": round((time.monotonic() - started) * 1000),
            "peak_memory_kb": peak_memory_bytes // 1024,
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    def collect(collected: _Collected, flood: str, chunk: bytes) -> None:
        if collected.add(chunk):
            say(flood)
            os._exit(0)

    limits = machine.ResourceLimits(
        execution_timeout_ms=request["wall_ms"], max_memory_bytes=request["memory_bytes"]
    )
    sandbox = machine.Sandbox(
        resource_limits=limits,
        on_stdout=lambda chunk: collect(results, "results", chunk),
        on_stderr=lambda chunk: collect(output, "output", chunk),
    )
    try:
        finished = sandbox.execute(request["code"])
    except machine.TimeoutError:
        say("wall")
    except machine.EryxError:
        say("broken")
    else:
        say("exited", finished.peak_memory_bytes or 0)


if __name__ == "__main__":
    main()
